"""Which image a service gets from a file, and by which way: pure reading of the tree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from deployctl.composefile.document import Document, Node, parse
from deployctl.composefile.faults import ComposeFault, UnreadableCompose

How = Literal["own", "alias", "merge", "absent"]


@dataclass(frozen=True)
class Found:
    """A value under a key: `how` it got into the mapping."""

    key: Node
    value: Node
    how: How


def services(data: bytes) -> tuple[str, ...]:
    """The names under `services:`, in order; `UnreadableCompose` if they can't be read."""
    return tuple(service_nodes(parse(data)))


def image_of(data: bytes, service: str) -> str | None:
    """The service's image in this file as YAML reads it, `${…}` left as it is; `None` if the file
    gives it none. Raises `UnreadableCompose` when the file is not readable.
    """
    node = service_nodes(parse(data)).get(service)
    found = find(node, "image") if node is not None else None
    return text_of(found.value) if found is not None else None


def file_to_edit(files: Sequence[tuple[str, bytes]], service: str) -> int:
    """The index of the `-f` file in which the service's image has to be set.

    That is the last file that gives the service an image (an `extends:` may do so as well), else
    the last that defines the service: what stands there wins over every earlier file. Raises
    `UnreadableCompose` when no file defines it, or one can't be read.
    """
    defines, gives = [], []
    included = False
    for index, (name, data) in enumerate(files):
        try:
            document = parse(data)
            nodes = service_nodes(document)
        except UnreadableCompose as error:
            raise UnreadableCompose(
                [
                    ComposeFault(fault.line, fault.column, f"{name}: {fault.message}", fault.mend)
                    for fault in error.faults
                ]
            ) from None
        included = included or find(document.root, "include") is not None
        if service not in nodes:
            continue
        defines.append(index)
        node = nodes[service]
        if find(node, "image") is not None or find(node, "extends") is not None:
            gives.append(index)
    if not defines:
        names = ", ".join(name for name, _ in files) or "no file at all"
        message = f"No service `{service}` is defined in {names}."
        mend = (
            f"It may come from an `include:`; define `{service}:` in a file of your own after it."
            if included
            else "Check the service's name, or name every compose file in `compose.files`."
        )
        raise UnreadableCompose([ComposeFault(1, 1, message, mend)])
    return (gives or defines)[-1]


def service_nodes(document: Document) -> dict[str, Node]:
    """Each service's own node (an alias stays one); `UnreadableCompose` without services.

    A file without `services:` is fine when it has an `include:` or only adds networks and the
    like; it then has none.
    """
    found = find(document.root, "services")
    if found is None or found.value.followed.is_null:
        return {}
    node = found.value.followed
    if node.kind != "mapping":
        fault = document.fault(
            found.value,
            "`services:` is not a mapping of names to services.",
            "Write each service as `name:` on its own line, indented below `services:`.",
        )
        raise UnreadableCompose([fault])
    return {name: entry.value for name, entry in effective(node).items()}


def effective(mapping: Node) -> dict[str, Found]:
    """All entries of a mapping, merged ones included; what stands in it wins over a merge."""
    found: dict[str, Found] = {}
    for source, how in _merged(mapping):
        for key, value in source.entries:
            if key.followed.kind == "scalar" and not is_merge(key):
                way: How = "alias" if how == "own" and value.kind == "alias" else how
                found.setdefault(key.followed.value, Found(key, value, way))
    return found


def find(node: Node, key: str) -> Found | None:
    """The entry under `key` of a mapping (or an alias of one), `None` if there is none."""
    target = node.followed
    return effective(target).get(key) if target.kind == "mapping" else None


def is_merge(key: Node) -> bool:
    return key.kind == "scalar" and key.value == "<<" and not key.style and key.tag is None


def text_of(node: Node) -> str | None:
    """A scalar's text; `None` for null, for Compose's `!reset`, and for what is not a scalar."""
    target = node.followed
    if target.kind != "scalar" or target.is_null or target.tag == "!reset":
        return None
    return target.value


def resolved_images(document: Document) -> dict[str, str | None]:
    """Each service's image in this file alone, an `extends:` within the file followed."""
    nodes = service_nodes(document)
    return {name: _resolved(nodes, name) for name in nodes}


def _resolved(nodes: Mapping[str, Node], service: str) -> str | None:
    seen: set[str] = set()
    while service in nodes and service not in seen:
        seen.add(service)
        found = find(nodes[service], "image")
        if found is not None:
            return text_of(found.value)
        service = _extended(nodes[service]) or ""
    return None


def _extended(node: Node) -> str | None:
    """The service of the same file that this one extends, `None` if there is none."""
    found = find(node, "extends")
    if found is None:
        return None
    if found.value.followed.kind == "scalar":
        return text_of(found.value)
    if find(found.value, "file") is not None:
        return None
    service = find(found.value, "service")
    return text_of(service.value) if service is not None else None


def _merged(mapping: Node) -> Iterator[tuple[Node, How]]:
    """The mapping, then all that is merged into it, nearest first, each once."""
    seen: set[int] = set()
    waiting: list[tuple[Node, How]] = [(mapping, "own")]
    while waiting:
        node, how = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node, how
        sources: list[Node] = []
        for key, value in node.entries:
            if is_merge(key):
                merged = value.followed
                sources += merged.children if merged.kind == "sequence" else [merged]
        waiting += [
            (source.followed, "merge")
            for source in reversed(sources)
            if source.followed.kind == "mapping"
        ]
