"""Names that a compose file uses and doesn't define, and ports that it publishes twice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployctl.composefile.document import Document, Node
from deployctl.composefile.faults import ComposeFault
from deployctl.composefile.images import effective, find, service_nodes, text_of

KINDS = ("networks", "volumes", "configs", "secrets")
NAMED_VOLUME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]+):")  # one letter is a drive of Windows
PUBLISHED = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:]+\]|[0-9.]+):)?(?P<port>[0-9]{1,99})(?:-(?P<last>[0-9]{1,99}))?"
    r":\d+(?P<several>-\d+)?(?:/(?P<protocol>\w+))?"
)
EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - addresses to compare with


@dataclass(frozen=True)
class Port:
    service: str
    address: str
    number: int
    last: int
    """where it is a range; `number` of a single one"""
    protocol: str
    node: Node

    def meets(self, other: "Port") -> bool:
        everywhere = self.address in EVERYWHERE or other.address in EVERYWHERE
        return (
            self.protocol == other.protocol
            and self.number <= other.last
            and other.number <= self.last
            and (everywhere or self.address == other.address)
        )  # fmt: skip


def undefined(document: Document) -> list[ComposeFault]:
    """Networks, volumes, configs, secrets and services that are used, but stand nowhere."""
    nodes = service_nodes(document)
    defined = {kind: _defined(document, kind) for kind in KINDS}
    faults = []
    for service, node in nodes.items():
        for kind in KINDS:
            for name, place in _used(node, kind):
                if name not in defined[kind] and "$" not in name:
                    message = f"`{service}` uses the {kind[:-1]} `{name}`, which is not defined."
                    mend = f"Define `{name}:` below `{kind}:` at the end of the file."
                    faults.append(document.fault(place, message, mend))
        for name, place in _services_named(node):
            if name not in nodes and "$" not in name:
                message = f"`{service}` refers to the service `{name}`, which is not in the file."
                mend = f"Put the service `{name}:` back, or take the reference out."
                faults.append(document.fault(place, message, mend))
    return faults


def ports_twice(document: Document) -> list[ComposeFault]:
    """Two services that are up together can't have one port of the host."""
    seen: list[Port] = []
    faults = []
    for service, node in service_nodes(document).items():
        if find(node, "profiles") is not None:
            continue  # they may be meant to stand in for each other
        for port in _published(service, node):
            first = next((other for other in seen if other.meets(port)), None)
            if first is not None:
                line = document.fault(first.node, "").line
                number = max(port.number, first.number)
                message = (
                    f"The host's port {number} is published a second time, by `{service}`; "
                    f"first by `{first.service}` on line {line}."
                )
                mend = "Give one of the two another port, or take the line out."
                faults.append(document.fault(port.node, message, mend))
            seen.append(port)
    return faults


def _defined(document: Document, kind: str) -> frozenset[str]:
    found = find(document.root, kind)
    names = set() if kind != "networks" else {"default"}
    if found is not None and found.value.followed.kind == "mapping":
        names |= set(effective(found.value.followed))
    return frozenset(names)


def _used(service: Node, kind: str) -> Iterator[tuple[str, Node]]:
    found = find(service, kind)
    if found is None:
        return
    block = found.value.followed
    if block.kind == "mapping" and kind == "networks":
        yield from ((name, entry.key) for name, entry in effective(block).items())
    elif block.kind == "sequence":
        for item in block.children:
            name = _volume(item) if kind == "volumes" else _source(item)
            if name:
                yield name, item


def _volume(item: Node) -> str:
    """The named volume that an entry of `volumes:` mounts, if it is one."""
    if item.followed.kind == "mapping":
        kind = find(item, "type")
        named = kind is not None and text_of(kind.value) == "volume"
        return _source(item) if named else ""
    match = NAMED_VOLUME.match(item.followed.value)
    return match[1] if match else ""


def _source(item: Node) -> str:
    if item.followed.kind == "mapping":
        source = find(item, "source")
        return (text_of(source.value) or "") if source is not None else ""
    return text_of(item) or ""


def _services_named(service: Node) -> Iterator[tuple[str, Node]]:
    depends = find(service, "depends_on")
    if depends is not None:
        block = depends.value.followed
        if block.kind == "mapping":
            for name, entry in effective(block).items():
                required = find(entry.value, "required")
                if required is None or text_of(required.value) != "false":
                    yield name, entry.key
        else:
            yield from ((text_of(item) or "", item) for item in block.children)
    yield from _linked(service)
    mode = find(service, "network_mode")
    if mode is not None and (text_of(mode.value) or "").startswith("service:"):
        yield (text_of(mode.value) or "").removeprefix("service:"), mode.value
    extends = find(service, "extends")
    if extends is not None:
        block = extends.value.followed
        if block.kind == "scalar":
            yield text_of(block) or "", extends.value
        elif find(block, "file") is None and (named := find(block, "service")) is not None:
            yield text_of(named.value) or "", named.value


def _linked(service: Node) -> Iterator[tuple[str, Node]]:
    links = find(service, "links")
    if links is not None and links.value.followed.kind == "sequence":
        for item in links.value.followed.children:
            yield (text_of(item) or "").partition(":")[0], item


def _published(service: str, node: Node) -> Iterator[Port]:
    found = find(node, "ports")
    if found is None or found.value.followed.kind != "sequence":
        return
    for item in found.value.followed.children:
        target = item.followed
        if target.kind == "mapping":
            values = {name: text_of(entry.value) or "" for name, entry in effective(target).items()}
            number = values.get("published", "")
            if re.fullmatch("[0-9]{1,99}", number):
                address, protocol = values.get("host_ip", ""), values.get("protocol") or "tcp"
                yield Port(service, address, int(number), int(number), protocol, item)
        elif match := PUBLISHED.fullmatch(target.value):
            address = (match["ip"] or "").strip("[]")
            number, last = match["port"], match["last"] or match["port"]
            if last == number or match["several"]:  # else Docker takes any that is free of them
                protocol = match["protocol"] or "tcp"
                yield Port(service, address, int(number), int(last), protocol, item)
