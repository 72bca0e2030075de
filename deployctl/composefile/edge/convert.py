"""Putting an edge before a service of a compose file, and taking it out again.

The service's own block becomes its blue colour. What each colour or the edge has to itself is
renamed there to `x-…`, which Compose passes over, and the rest stands between marks: whoever takes
out the marked lines and the renames has the file of before, byte for byte, whatever was edited
elsewhere meanwhile.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

import yaml

from deployctl.composefile.document import LINE_BREAKS, Document, Node, parse
from deployctl.composefile.edge.service import (
    COLOURS,
    INSTEAD,
    RENAMED,
    Fronted,
    dependants,
    fronted,
    targets,
)
from deployctl.composefile.edit import Span, set_image
from deployctl.composefile.faults import UnreadableCompose
from deployctl.composefile.images import effective, find, service_nodes, text_of

Colour = Literal["blue", "green"]
HOST_PART = {"edge": 10, "blue": 11, "green": 12}
"""of the addresses in the edge's own network"""
SMALLEST_NETWORK = 28
CONFIGURATION = "/usr/local/etc/haproxy"
"""where the edge's image looks for it"""
PROBE = (
    'bash -c \'exec 3<>/dev/tcp/127.0.0.1/9998; printf "GET /ready HTTP/1.0\\r\\n\\r\\n" >&3;'
    ' grep -q " 200 " <&3\''
)
"""whether the edge answers; the image of HAProxy has no HTTP client"""


@dataclass(frozen=True)
class EdgeSpec:
    """The edge of one service: its image, where its configuration lies on the host, and the IPv4
    network of its own, of at least sixteen addresses."""

    image: str
    directory: str
    network: IPv4Network
    shared: frozenset[str] = frozenset()
    """volumes, by source or target, that both colours may write at once"""

    def address(self, who: str) -> str:
        return str(self.network[HOST_PART[who]])


@dataclass(frozen=True)
class Installed:
    """An edge as a file has it."""

    live: Colour
    images: dict[Colour, str]


def install(data: bytes, service: str, spec: EdgeSpec) -> bytes:
    """The file with the service in two colours behind an edge; blue is live, of today's image.

    Raises `UnreadableCompose` with every reason why that can't be.
    """
    if spec.network.prefixlen > SMALLEST_NETWORK:
        raise ValueError(f"{spec.network} has no room for an edge and two colours")
    document = parse(data)
    converted = _applied(document, _spans(document, service, spec))
    if remove(converted, service) != data:
        message = f"`{service}` can't be put behind an edge without changing something else."
        raise UnreadableCompose([document.fault(document.root, message, INSTEAD)])
    return converted


def published(data: bytes, service: str) -> tuple[int, ...]:
    """The service's own ports that it publishes, each once, where it can be behind an edge."""
    return targets(parse(data), service)


def remove(data: bytes, service: str) -> bytes:
    """The file as it was before `install`, with the live colour's image and any other edit kept.

    Raises `UnreadableCompose` for a file without such an edge.
    """
    found = installed(data, service)
    if found is None:
        document = parse(data)
        message = f"`{service}` has no edge in this file."
        raise UnreadableCompose([document.fault(document.root, message)])
    whole = parse(data)
    bare = parse(whole.bom + _without_marked(whole.text, service).encode())
    blue = f"{service}-blue"
    key, node = next(pair for pair in _services(bare) if pair[0].value == blue)
    spans = [_cut(key, "-blue"), *_unanchored(bare, key, service)]
    spans += [
        _uncovered(own)
        for own, _ in node.entries
        if own.value.startswith("x-") and own.value.removeprefix("x-") in RENAMED
    ]
    spans += [_cut(place, "-edge") for place in dependants(bare, f"{service}-edge")]
    before = _applied(bare, spans)
    now = found.images[found.live]
    return before if now == found.images["blue"] else set_image(before, service, now)


def installed(data: bytes, service: str) -> Installed | None:
    """The service's edge in the file; None where there is none."""
    nodes = service_nodes(parse(data))
    colours = {colour: nodes.get(f"{service}-{colour}") for colour in COLOURS}
    if f"{service}-edge" not in nodes or None in colours.values() or service in nodes:
        return None
    values = {
        colour: {name: entry.value for name, entry in effective(node.followed).items()}
        for colour, node in colours.items()
        if node is not None
    }
    if any("profiles" not in own or "image" not in own for own in values.values()):
        return None
    idle = [colour for colour, own in values.items() if own["profiles"].followed.children]
    if len(idle) != 1:
        return None
    images: dict[Colour, str] = {
        "blue": text_of(values["blue"]["image"]) or "",
        "green": text_of(values["green"]["image"]) or "",
    }
    return Installed("green" if idle == ["blue"] else "blue", images)


def turn(data: bytes, service: str, live: Colour) -> bytes:
    """The file with that colour as the live one: the other is up only when it is named."""
    document = parse(data)
    nodes = service_nodes(document)
    spans = []
    for colour in COLOURS:
        found = find(nodes[f"{service}-{colour}"], "profiles")
        if found is None or found.how != "own":
            message = f"`{service}-{colour}` has no `profiles:` of its own."
            raise UnreadableCompose([document.fault(document.root, message)])
        spans.append(Span(found.value.start, found.value.end, _profiles(service, colour, live)))
    return _applied(document, spans)


def _spans(document: Document, service: str, spec: EdgeSpec) -> list[Span]:
    found = fronted(document, service, spec.shared)
    spans = [_appended(found.key, "-blue"), *_anchored(document, found, service)]
    spans += [_covered(key) for key, _ in found.node.entries if key.value in RENAMED]
    spans += [_appended(place, "-edge") for place in dependants(document, service)]
    indent = _column(document.text, found.key.start)
    inner = _column(document.text, found.node.children[0].start)
    step = inner - indent
    own = _colour({}, found, service, "blue", spec, step)
    anchor = found.node.anchor or _anchor(service)
    beside = [
        f"{service}-green:",
        f"{' ' * step}<<: *{anchor}",
        *_indented(_colour({"image": found.image}, found, service, "green", spec, step), step),
        *_lines({f"{service}-edge": _edge(found, service, spec)}, step),
    ]
    lines = [
        *_indented(_marked(service, own), inner),
        *_indented(_marked(service, beside), indent),
    ]
    return [*spans, _below(document, found.node, lines), _networks_span(document, service, spec)]


def _colour(
    first: dict[str, object],
    found: Fronted,
    service: str,
    colour: Colour,
    spec: EdgeSpec,
    step: int,
) -> list[str]:
    """What a colour has to itself. `turn` needs the profiles on one line."""
    own = dict(first)
    if found.container_name is not None:
        own["container_name"] = f"{found.container_name}-{colour}"
    if found.merged_ports:
        own["ports"] = []
    own["networks"] = {
        **{network.name: {} for network in found.networks},
        f"{service}-edge": {"ipv4_address": spec.address(colour)},
    }
    return [*_lines(own, step), f"profiles: {_profiles(service, colour, 'blue')}"]


def _edge(found: Fronted, service: str, spec: EdgeSpec) -> dict[str, object]:
    names = [service]
    edge: dict[str, object] = {"image": spec.image}
    if found.container_name is not None:
        edge["container_name"] = f"{found.container_name}-edge"
        names.append(found.container_name)
    networks: dict[str, object] = {
        network.name: {"aliases": list(dict.fromkeys([*names, *network.aliases]))}
        for network in found.networks
    }
    return {
        **edge,
        "restart": "unless-stopped",
        "ports": _plain(found.ports),
        "volumes": [_mount(spec.directory)],
        "networks": {**networks, f"{service}-edge": {"ipv4_address": spec.address("edge")}},
        "healthcheck": {"test": ["CMD-SHELL", PROBE], "interval": "5s"},
    }


def _mount(directory: str) -> dict[str, object]:
    """In the long form, in which a path may have a colon. Compose takes `$$` for `$`."""
    source = directory.replace("$", "$$")
    return {"type": "bind", "source": source, "target": CONFIGURATION, "read_only": True}


def _networks_span(document: Document, service: str, spec: EdgeSpec) -> Span:
    network = {f"{service}-edge": {"ipam": {"config": [{"subnet": str(spec.network)}]}}}
    found = find(document.root, "networks")
    if found is not None and found.value.children:
        indent = _column(document.text, found.value.children[0].start)
        lines = _indented(_marked(service, _lines(network, indent or 2)), indent)
        return _below(document, found.value, lines)
    if found is not None:
        # `networks:` stands there, with nothing below it.
        end = _line_end(document.text, max(found.key.end, found.value.end))
        lines = _indented(_marked(service, _lines(network, 2)), 2)
        return _lines_at(document.text, end, lines)
    return _below(document, document.root, _marked(service, _lines({"networks": network}, 2)))


def _lines(value: object, step: int) -> list[str]:
    """In block style, each level so many columns further in."""
    text = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, width=sys.maxsize, indent=max(step, 2)
    )
    return text.splitlines()


def _indented(lines: Iterable[str], columns: int) -> list[str]:
    return [f"{' ' * columns}{line}" for line in lines]


def _marked(service: str, lines: Iterable[str]) -> list[str]:
    return [
        f"# >>> deployctl edge of {service}",
        *lines,
        f"# <<< deployctl edge of {service}",
    ]


def _without_marked(text: str, service: str) -> str:
    """The text without the marked lines, each with the line break before it."""
    name = re.escape(service)
    each = rf"[ ]*# >>> deployctl edge of {name}(?=[{LINE_BREAKS}])"
    last = rf"[ ]*# <<< deployctl edge of {name}(?=[{LINE_BREAKS}]|\Z)"
    region = re.compile(
        rf"(?:\r\n|[{LINE_BREAKS}]){each}.*?(?:\r\n|[{LINE_BREAKS}]){last}", re.DOTALL
    )
    return region.sub("", text)


def _below(document: Document, block: Node, lines: Sequence[str]) -> Span:
    """The lines under the last one of a block."""
    return _lines_at(document.text, _end_of(document.text, block), lines)


def _lines_at(text: str, end: int, lines: Sequence[str]) -> Span:
    line_break = _line_break(text)
    return Span(end, end, "".join(f"{line_break}{line}" for line in lines))


def _end_of(text: str, block: Node) -> int:
    """The end of the block's last line: libyaml ends a block where the next thing begins."""
    last = block
    while last.kind in {"mapping", "sequence"} and not last.flow and last.children:
        last = last.children[-1]
    end = last.end
    if last.style in {"|", ">"}:
        end = last.start + len(text[last.start : end].rstrip())
    return _line_end(text, end)


def _services(document: Document) -> Iterator[tuple[Node, Node]]:
    found = find(document.root, "services")
    return iter(()) if found is None else found.value.entries


def _anchor(service: str) -> str:
    return f"deployctl-edge-{re.sub(r'[^A-Za-z0-9_-]', '-', service)}"


def _anchored(document: Document, found: Fronted, service: str) -> list[Span]:
    if found.node.anchor is not None:
        return []
    colon = document.text.index(":", found.key.end) + 1
    return [Span(colon, colon, f" &{_anchor(service)}")]


def _unanchored(document: Document, key: Node, service: str) -> list[Span]:
    own = f": &{_anchor(service)}"
    colon = document.text.index(":", key.end)
    if not document.text.startswith(own, colon):
        return []
    return [Span(colon + 1, colon + len(own), "")]


def _appended(scalar: Node, suffix: str) -> Span:
    end = scalar.end - len(scalar.style)
    return Span(end, end, suffix)


def _cut(scalar: Node, suffix: str) -> Span:
    end = scalar.end - len(scalar.style)
    return Span(end - len(suffix), end, "")


def _covered(key: Node) -> Span:
    start = key.end - len(key.style) - len(key.value)
    return Span(start, start, "x-")


def _uncovered(key: Node) -> Span:
    start = key.end - len(key.style) - len(key.value)
    return Span(start, start + 2, "")


def _profiles(service: str, colour: str, live: str) -> str:
    return "[]" if colour == live else f'["{service}-idle"]'


def _plain(node: Node) -> object:
    """The value as YAML would load it, but that whatever isn't a plain number stays a text."""
    target = node.followed
    match target.kind:
        case "sequence":
            return [_plain(child) for child in target.children]
        case "mapping":
            return {name: _plain(entry.value) for name, entry in effective(target).items()}
    number = not target.style and target.value.isascii() and target.value.isdigit()
    return int(target.value) if number else target.value


def _applied(document: Document, spans: Iterable[Span]) -> bytes:
    pieces, position = [], 0
    order: Callable[[Span], int] = lambda span: span.start  # noqa: E731 - a key of one use
    for span in sorted(spans, key=order):
        pieces += [document.text[position : span.start], span.new]
        position = span.end
    text = "".join(pieces) + document.text[position:]
    return parse(document.bom + text.encode()).data


def _line_end(text: str, position: int) -> int:
    while position < len(text) and text[position] not in LINE_BREAKS:
        position += 1
    return position


def _line_break(text: str) -> str:
    """As the file's first line ends."""
    end = _line_end(text, 0)
    return "\r\n" if text.startswith("\r\n", end) else text[end : end + 1] or "\n"


def _column(text: str, position: int) -> int:
    start = position
    while start > 0 and text[start - 1] not in LINE_BREAKS:
        start -= 1
    return position - start
