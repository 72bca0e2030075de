"""What stands before a service that is to be behind an edge: pure reading of the tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployctl.composefile.document import Document, Node
from deployctl.composefile.faults import ComposeFault, UnreadableCompose
from deployctl.composefile.images import effective, find, service_nodes, text_of

RENAMED = ("container_name", "networks", "ports")
"""settings that stay in the file as `x-…`: each colour, or the edge, has its own"""
COLOURS = ("blue", "green")
INSTEAD = "Leave it with the strategy `recreate`."
SHORT = re.compile(
    r"(?:(?P<host>.*):)?(?P<target>\d{1,5})(?:/(?P<protocol>tcp|udp))?", re.ASCII | re.DOTALL
)
ALONE = {
    "devices": "A device can be had by one container only.",
    "mac_address": "Two containers can't have one hardware address.",
    "network_mode": "A container in another's network has no address of its own.",
    "profiles": "The edge tells the live colour from the idle one by its profile.",
    "scale": "Each colour is one container.",
    "volumes_from": "Which of those volumes two containers may write isn't known.",
}
"""settings with which a service can't run twice, or not like this"""


@dataclass(frozen=True)
class Network:
    """One that the service is in. `aliases` are its other names there."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fronted:
    """A service as an edge needs to know it."""

    key: Node
    node: Node
    image: str
    container_name: str | None
    networks: tuple[Network, ...]
    ports: Node
    merged_ports: bool
    """they come from a merge, so each colour has to say that it has none"""


def fronted(document: Document, service: str, shared: frozenset[str]) -> Fronted:
    """The service, if it can have two colours behind an edge.

    `shared` are volumes, by source or target, that both may write. Raises `UnreadableCompose` with
    every reason why it can't.
    """
    found = _own(document, service)
    if found is None:
        message = f"The service `{service}` is not a block of its own in this file."
        raise UnreadableCompose([document.fault(document.root, message, INSTEAD)])
    key, node = found
    faults = [
        *_names(document, service, key),
        *_settings(document, service, node),
        *_networks_faults(document, service, node),
        *_ports_faults(document, service, node),
        *_volumes(document, service, node, shared),
        *_others(document, service),
    ]
    if faults:
        raise UnreadableCompose(faults)
    entries = effective(node)
    own = {name: entry.value for name, entry in entries.items()}
    name = own.get("container_name")
    return Fronted(
        key=key,
        node=node,
        image=text_of(own["image"]) or "",
        container_name=text_of(name) if name is not None else None,
        networks=tuple(_networks(own.get("networks"))),
        ports=own["ports"],
        merged_ports=entries["ports"].how == "merge",
    )


def targets(document: Document, service: str) -> tuple[int, ...]:
    """The container's ports that are published, in order, each once."""
    found = find(service_nodes(document)[service], "ports")
    items = found.value.followed.children if found is not None else []
    return tuple(dict.fromkeys(target for item in items if (target := _target(item))))


def dependants(document: Document, service: str) -> Iterator[Node]:
    """Each place in another's `depends_on` where the service is named."""
    for name, node in service_nodes(document).items():
        found = find(node, "depends_on") if name != service else None
        if found is None or found.how == "merge":
            continue
        waits = found.value.followed
        for named in waits.children[:: 2 if waits.kind == "mapping" else 1]:
            if named.kind == "scalar" and named.value == service:
                yield named


def _own(document: Document, service: str) -> tuple[Node, Node] | None:
    """Its key and its block, if both can be edited in place."""
    block = find(document.root, "services")
    if block is None or block.value.kind != "mapping" or block.value.flow or document.root.flow:
        return None
    for key, node in block.value.entries:
        if key.kind == "scalar" and key.value == service and key.style in {"", "'", '"'}:
            block_style = node.kind == "mapping" and not node.flow and node.tag is None
            return (key, node) if block_style and node.children else None
    return None


def _names(document: Document, service: str, key: Node) -> Iterator[ComposeFault]:
    for name in (*(f"{service}-{colour}" for colour in COLOURS), f"{service}-edge"):
        if name in service_nodes(document):
            message = f"There is a service `{name}` already."
            yield document.fault(key, message, "Give it another name first.")
    networks = find(document.root, "networks")
    if networks is not None and not networks.value.followed.is_null:
        if networks.value.kind != "mapping" or networks.value.flow:
            message = "`networks:` is not a block with one network a line."
            yield document.fault(networks.value, message, "Write it as one.")
        elif f"{service}-edge" in effective(networks.value):
            message = f"There is a network `{service}-edge` already."
            yield document.fault(networks.key, message, "Give it another name first.")


def _settings(document: Document, service: str, node: Node) -> Iterator[ComposeFault]:
    entries = effective(node)
    if document.shared(node):
        message = f"Others repeat the block of `{service}` by its anchor."
        yield document.fault(node, message, "Put what they share into an `x-` block of its own.")
    for name, why in ALONE.items():
        if name in entries:
            message = f"`{service}` has `{name}`: {why}"
            yield document.fault(entries[name].key, message, INSTEAD)
    if "image" in entries and entries["image"].how == "merge":
        message = f"`{service}` gets its image from a merge, where it can't be replaced."
        yield document.fault(entries["image"].key, message, "Write `image:` in the service.")
    for name in RENAMED:
        if f"x-{name}" in entries:
            message = f"`{service}` has a setting `x-{name}` already."
            yield document.fault(entries[f"x-{name}"].key, message, "Give it another name.")
    image = entries.get("image")
    if image is None or not text_of(image.value):
        message = f"`{service}` has no `image:`, so its colours could not have one each."
        yield document.fault(node, message, "A first `deployctl hotfix` gives it one.")
    extends = entries.get("extends")
    if extends is not None:
        message = f"`{service}` extends another: what it gets from there isn't in its block."
        yield document.fault(extends.key, message, INSTEAD)
    deploy = entries.get("deploy")
    replicas = find(deploy.value, "replicas") if deploy is not None else None
    if replicas is not None and text_of(replicas.value) != "1":
        message = f"`{service}` has several replicas: each colour is one container."
        yield document.fault(replicas.key, message, INSTEAD)


def _networks_faults(document: Document, service: str, node: Node) -> Iterator[ComposeFault]:
    found = find(node, "networks")
    if found is None or found.value.followed.kind != "mapping":
        return
    for name, entry in effective(found.value.followed).items():
        settings = entry.value.followed
        for setting in effective(settings) if settings.kind == "mapping" else ():
            if setting != "aliases":
                message = f"`{service}` has `{setting}` in the network `{name}`."
                yield document.fault(entry.key, message, f"Two can't have it. {INSTEAD}")


def _networks(value: Node | None) -> Iterator[Network]:
    if value is None or not value.followed.children:
        yield Network("default")
    elif value.followed.kind == "sequence":
        for item in value.followed.children:
            yield Network(text_of(item) or "")
    else:
        for name, entry in effective(value.followed).items():
            found = find(entry.value, "aliases") if entry.value.followed.children else None
            items = found.value.followed.children if found is not None else []
            yield Network(name, tuple(filter(None, map(text_of, items))))


def _ports_faults(document: Document, service: str, node: Node) -> Iterator[ComposeFault]:
    found = find(node, "ports")
    if found is None or not found.value.followed.children:
        message = f"`{service}` publishes no port: there is nothing to stand before."
        yield document.fault(node, message, INSTEAD)
        return
    for item in found.value.followed.children:
        if _target(item) is None:
            message = "The edge can stand before one TCP port at a time, given as a number."
            yield document.fault(item, message, f"Write `ADDRESS:PORT:PORT`. {INSTEAD}")


def _target(item: Node) -> int | None:
    """The container's port; None for what an edge can't stand before."""
    node = item.followed
    if node.kind == "scalar":
        found = SHORT.fullmatch(node.value)
        ranged = found is not None and re.search(r"\d-\d", found["host"] or "")
        if found is None or ranged or found["protocol"] == "udp":
            return None
        return int(found["target"])
    target, protocol = find(node, "target"), find(node, "protocol")
    if protocol is not None and text_of(protocol.value) != "tcp":
        return None
    text = text_of(target.value) if target is not None else None
    return int(text) if text and text.isascii() and text.isdigit() else None


def _volumes(
    document: Document, service: str, node: Node, shared: frozenset[str]
) -> Iterator[ComposeFault]:
    found = find(node, "volumes")
    for item in found.value.followed.children if found is not None else ():
        source, target, read_only = _mount(item)
        if not read_only and not {source, target} & shared:
            message = f"`{service}` can write {source or target}, and so could two of it at once."
            mend = "Mount it `:ro`, or name it in `edge.shared` if two may write it. "
            yield document.fault(item, message, f"{mend}{INSTEAD}")


def _mount(item: Node) -> tuple[str, str, bool]:
    """(source, target, whether it is read-only or each container's own)."""
    node = item.followed
    if node.kind == "scalar":
        source, _, rest = node.value.partition(":")
        target, _, options = rest.partition(":")
        return source, target, not rest or "ro" in options.split(",")
    values = {name: text_of(entry.value) or "" for name, entry in effective(node).items()}
    own = values.get("type") == "tmpfs" or not values.get("source")
    read_only = own or values.get("read_only") == "true"
    return values.get("source", ""), values.get("target", ""), read_only


def _others(document: Document, service: str) -> Iterator[ComposeFault]:
    for name, node in service_nodes(document).items():
        for setting, entry in effective(node.followed).items() if name != service else ():
            named = {text for text in _texts(entry.value) if text}
            joined = {f"service:{service}", f"container:{service}"} & named
            linked = setting in {"links", "volumes_from"} and any(
                text.split(":")[0] == service for text in named
            )
            extended = setting == "extends" and service in named
            merged = setting == "depends_on" and entry.how == "merge" and service in named
            if joined or linked or extended or merged:
                message = f"`{name}` needs the container of `{service}` itself, by its `{setting}`."
                yield document.fault(entry.key, message, INSTEAD)


def _texts(value: Node) -> Iterator[str | None]:
    node = value.followed
    if node.kind == "scalar":
        yield text_of(node)
    for child in node.children:
        if child.followed.kind == "scalar":
            yield text_of(child)
