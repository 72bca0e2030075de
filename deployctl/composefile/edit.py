"""Setting a service's image in a compose file, every other byte kept.

An edit is a list of ways to write it, neatest first. Each is tried on the text and parsed again;
the first whose result differs from the original by exactly the intended nodes is taken. So no
peculiarity of a file can make an edit change anything else: at worst there is no edit, and the
file is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from deployctl.composefile.document import (
    LINE_BREAKS,
    STRING_TAGS,
    Document,
    Node,
    Signature,
    parse,
)
from deployctl.composefile.faults import UnreadableCompose
from deployctl.composefile.images import find, is_merge, resolved_images, service_nodes, text_of
from deployctl.config.references import is_reference
from deployctl.errors import UsageError

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._+-]*([/:@][A-Za-z0-9._/:@+-]*)?")
# Words that YAML 1.1 does not read as texts.
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
PROPERTY = re.compile(r"[&!][^\s]*(?:\s+(?:#[^\r\n\x85\u2028\u2029]*)?)*")
BLOCK_HEADER = re.compile(r"[|>][-+0-9]*")


@dataclass(frozen=True)
class Span:
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Edit:
    """One change of the tree: the events `first` to `last` become `expected`.

    `ways` are texts that should have this effect, each as spans in ascending order.
    """

    first: int
    last: int
    expected: tuple[tuple[str, str], ...]
    """kind of event and its value (a scalar's text, an alias's anchor)"""
    ways: tuple[tuple[Span, ...], ...]


def set_image(data: bytes, service: str, image: str) -> bytes:
    """The file with `image`, as a literal, as the service's image; see `set_images`."""
    return set_images(data, {service: image})


def set_images(data: bytes, images: Mapping[str, str]) -> bytes:
    """The file with a literal image for each of the services named; every other byte is kept.

    A literal, a `${…}`, a null or an `image: *alias` in the service is replaced, its quotes kept.
    Where the image comes from a merge or an `extends`, or there is none, `image:` is inserted in
    the service. A scalar that others repeat by an alias is never edited: it stays beside the new
    image as the service's `x-image`. A service that inherits from an edited one and is not named
    itself gets the image that it had as its own.

    Raises `UsageError` for what is no image reference and `UnreadableCompose` when the file can't
    be read, does not define a service, or can't be edited without changing something else.
    """
    for image in images.values():
        _require_reference(image)
    document = parse(data)
    wanted = resolved_images(document)
    for service, image in images.items():
        _require_editable(document, service)
        wanted[service] = image
        document = _put(document, service, image)
    document = _keep_inheritors(document, wanted)
    if resolved_images(document) != wanted:
        raise _refusal(document, document.root, "Setting the image would change another service.")
    return document.data


def _require_reference(image: str) -> None:
    if not is_reference(image):
        raise UsageError(
            f"{image!r} is not an image reference.",
            next_step="Write it as NAME:TAG, the name in lower case, for example "
            "registry.example.org/team/api:d73cfb1.",
        )


def _require_editable(document: Document, service: str) -> None:
    nodes = service_nodes(document)
    block = find(document.root, "services")
    if block is None or service not in nodes:
        known = ", ".join(nodes) or "none"
        message = f"There is no service `{service}` in the file; it has: {known}."
        close = get_close_matches(service, nodes, n=1)
        mend = f"Did you mean {close[0]}?" if close else "Name one of the file's services."
        raise UnreadableCompose([document.fault(document.root, message, mend)])
    if not any(value is nodes[service] for _, value in block.value.entries):
        message = f"The service `{service}` is defined in a block that is repeated by an alias."
        raise _refusal(document, nodes[service], message)
    node = nodes[service]
    if node.followed.kind != "mapping" and not node.is_null:
        message = f"The service `{service}` is not a mapping of settings."
        raise _refusal(document, node, message)
    found = find(node, "image")
    if found is not None and found.value.followed.kind != "scalar":
        message = f"The image of the service `{service}` is not a text."
        raise _refusal(document, found.value, message)


def _keep_inheritors(document: Document, wanted: Mapping[str, str | None]) -> Document:
    """Gives services that would follow an edited one the image they had, as their own."""
    now = resolved_images(document)
    for service, image in wanted.items():
        if now[service] == image:
            continue
        if image is None:
            node = service_nodes(document)[service]
            message = f"The service `{service}` would inherit the new image, but builds its own."
            mend = "Name it in `services:` too, or give it an `image:`."
            raise UnreadableCompose([document.fault(node, message, mend)])
        document = _put(document, service, image)
        now = resolved_images(document)
    return document


def _put(document: Document, service: str, image: str) -> Document:
    node = service_nodes(document)[service]
    found = find(node, "image")
    if found is not None and text_of(found.value) == image and found.how != "merge":
        literal = found.value.kind == "scalar" and node.kind == "mapping"
        if literal and not document.shared(found.value):
            return document
    edit = _edit(document, node, image)
    for way in edit.ways:
        edited = _apply(document, way)
        if edited is not None and _is_intended(document, edited, edit):
            return edited
    message = f"The image of `{service}` can't be set without changing something else."
    raise _refusal(document, node, message)


def _edit(document: Document, service: Node, image: str) -> Edit:
    if service.kind == "alias":
        return _wrap_alias(document, service, image)
    if service.kind == "scalar":
        return _fill_null(document, service, image)
    for key, value in service.entries:
        if key.followed.kind == "scalar" and key.followed.value == "image":
            if value.kind == "scalar" and document.shared(value):
                return _step_aside(document, service, key, image)
            return _replace(document, value, image)
    return _insert(document, service, image)


def _replace(document: Document, value: Node, image: str) -> Edit:
    text = document.text
    start, end = value.start, value.end
    if value.kind == "scalar" and value.tag in STRING_TAGS:
        start = _after_properties(text, value)
    literal = _literal(image, value.style or _quote(document))
    ways: list[tuple[Span, ...]]
    if start == end:
        ways = [(Span(end, end, f"{gap}{literal}"),) for gap in ("", " ", ": ")]
    elif value.style in ("|", ">"):
        ways = [_unfold(text, start, end, literal)]
    else:
        ways = [(Span(start, end, literal),), (Span(value.start, end, literal),)]
    return Edit(value.first, value.last, (("scalar", image),), tuple(ways))


def _unfold(text: str, start: int, end: int, literal: str) -> tuple[Span, ...]:
    """A block scalar in one line: the indicator becomes the image, the lines below it go."""
    header = BLOCK_HEADER.match(text, start)
    header_end = header.end() if header else start
    content_end = start + len(text[start:end].rstrip())
    content_start = min(_line_end(text, header_end), content_end)
    return (Span(start, header_end, literal), Span(content_start, content_end, ""))


def _step_aside(document: Document, service: Node, key: Node, image: str) -> Edit:
    """The anchored scalar stays where it is, under another key, for those who repeat it."""
    taken = {name.followed.value for name, _ in service.entries}
    name = "x-image"
    while name in taken:
        name = f"x-{name}"
    expected = (("scalar", "image"), ("scalar", image), ("scalar", name))
    if service.flow:
        gap = ", "
    else:
        gap = _line_break(document.text, key.start) + " " * _column(document.text, key.start)
    renamed = document.text[key.start : key.end].replace("image", name)
    new = f"{_entry(document, image)}{gap}{renamed}"
    return Edit(key.first, key.last, expected, ((Span(key.start, key.end, new),),))


def _wrap_alias(document: Document, service: Node, image: str) -> Edit:
    """`api: *base` becomes `api: {<<: *base, image: …}`."""
    expected = (
        ("mapping", ""),
        ("scalar", "<<"),
        ("alias", service.value),
        ("scalar", "image"),
        ("scalar", image),
        ("end", ""),
    )
    way = (
        Span(service.start, service.start, "{<<: "),
        Span(service.end, service.end, f", {_entry(document, image)}}}"),
    )
    return Edit(service.first, service.last, expected, (way,))


def _fill_null(document: Document, service: Node, image: str) -> Edit:
    text = document.text
    expected = (("mapping", ""), ("scalar", "image"), ("scalar", image), ("end", ""))
    start = _after_properties(text, service)
    entry = _entry(document, image)
    ways = []
    if start == service.end:
        end = _line_end(text, start)
        indent = " " * (_column(text, _key_of(document, service).start) + 2)
        ways.append((Span(end, end, f"{_line_break(text, start)}{indent}{entry}"),))
    ways += [(Span(start, service.end, f"{gap}{{{entry}}}"),) for gap in ("", " ", ": ")]
    return Edit(service.first, service.last, expected, tuple(ways))


def _insert(document: Document, service: Node, image: str) -> Edit:
    """`image:` in a service without one of its own.

    It stands after the last merge: some readers of YAML let a later merge win.
    """
    pairs = list(service.entries)
    first = pairs[0][0] if pairs else None
    merge = next((value for key, value in reversed(pairs) if is_merge(key)), None)
    if merge is not None:
        place = merge.last
    else:
        place = first.first if first is not None else service.last - 1
    ways: tuple[tuple[Span, ...], ...]
    if first is None or service.flow:
        ways = (_insert_in_flow(document, service, first, merge, image),)
    else:
        ways = _insert_in_block(document, service, first, merge, image)
    return Edit(place, place, (("scalar", "image"), ("scalar", image)), ways)


def _insert_in_flow(
    document: Document, service: Node, first: Node | None, merge: Node | None, image: str
) -> tuple[Span, ...]:
    entry = _entry(document, image)
    if merge is not None:
        return (Span(merge.end, merge.end, f", {entry}"),)
    if first is not None:
        return (Span(first.start, first.start, f"{entry}, "),)
    return (Span(service.end - 1, service.end - 1, entry),)


def _insert_in_block(
    document: Document, service: Node, first: Node, merge: Node | None, image: str
) -> tuple[tuple[Span, ...], ...]:
    text, entry = document.text, _entry(document, image)
    new_line = _line_break(text, first.start) + " " * _column(text, first.start)
    above = merge if merge is not None else _key_of(document, service)
    end = _line_end(text, above.end)
    below = next((key.start for key, _ in service.entries if key.start > above.start), None)
    ways = [(Span(end, end, f"{new_line}{entry}"),)]
    if below is not None:
        ways.append((Span(below, below, f"{entry}{new_line}"),))
    return tuple(ways)


def _entry(document: Document, image: str) -> str:
    quote = _quote(document)
    return f"{quote}image{quote}: {_literal(image, quote)}"


def _quote(document: Document) -> str:
    """A file in one pair of braces is meant as JSON: what is new is quoted as JSON has it."""
    return '"' if document.root.flow else ""


def _key_of(document: Document, value: Node) -> Node:
    return next(key for key, node in _pairs(document) if node is value)


def _pairs(document: Document) -> Iterator[tuple[Node, Node]]:
    for node in document.nodes:
        if node.kind == "mapping":
            yield from node.entries


def _apply(document: Document, way: tuple[Span, ...]) -> Document | None:
    pieces, position = [], 0
    for span in way:
        pieces += [document.text[position : span.start], span.new]
        position = span.end
    text = "".join(pieces) + document.text[position:]
    try:
        return parse(document.bom + text.encode())
    except UnreadableCompose:
        return None


def _is_intended(before: Document, after: Document, edit: Edit) -> bool:
    """Whether `after` differs from `before` by the edit's events and by nothing else."""
    rest = len(before.signatures) - edit.last
    end = len(after.signatures) - rest
    middle = after.signatures[edit.first : end]
    return (
        after.signatures[: edit.first] == before.signatures[: edit.first]
        and after.signatures[end:] == before.signatures[edit.last :]
        and len(middle) == len(edit.expected)
        and all(_matches(*pair) for pair in zip(middle, edit.expected, strict=True))
    )


def _matches(signature: Signature, expected: tuple[str, str]) -> bool:
    event, anchor, tag, _, value, _, _ = signature
    kind, text = expected
    if kind == "scalar":
        return event == "ScalarEvent" and value == text and tag in STRING_TAGS
    if kind == "alias":
        return event == "AliasEvent" and anchor == text
    return event == {"mapping": "MappingStartEvent", "end": "MappingEndEvent"}[kind]


def _literal(image: str, style: str = "") -> str:
    """The image as a YAML scalar, in the quotes of the one it replaces, else plain if it can."""
    if style == '"':
        return json.dumps(image, ensure_ascii=False)
    if style == "'" or not PLAIN.fullmatch(image) or image.lower() in WORDS:
        return "'" + image.replace("'", "''") + "'"
    return image


def _after_properties(text: str, node: Node) -> int:
    """Where a scalar's value starts, after its anchor and tag."""
    position = node.start
    while position < node.end and (match := PROPERTY.match(text, position, node.end)):
        position = match.end()
    return position


def _line_end(text: str, position: int) -> int:
    while position < len(text) and text[position] not in LINE_BREAKS:
        position += 1
    return position


def _line_break(text: str, position: int) -> str:
    """The break that ends the line before `position`, so that a new line ends as its neighbour."""
    while position > 0 and text[position - 1] not in LINE_BREAKS:
        position -= 1
    if position == 0:
        return "\n"
    return "\r\n" if text[position - 2 : position] == "\r\n" else text[position - 1]


def _column(text: str, position: int) -> int:
    start = position
    while start > 0 and text[start - 1] not in LINE_BREAKS:
        start -= 1
    return position - start


def _refusal(document: Document, node: Node, message: str) -> UnreadableCompose:
    mend = "Set the image in the file by hand, or repair the file first."
    return UnreadableCompose([document.fault(node, message, mend)])
