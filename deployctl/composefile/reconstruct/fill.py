"""What services lack, taken from their containers and written into the file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployctl.composefile.document import Document, Node, parse
from deployctl.composefile.edit import set_images
from deployctl.composefile.faults import UnreadableCompose
from deployctl.composefile.images import find, service_nodes, text_of
from deployctl.composefile.reconstruct.origins import Entry
from deployctl.composefile.reconstruct.running import Running, line_of
from deployctl.composefile.variables import env_files
from deployctl.errors import UsageError

OTHER_SOURCES = ("build", "extends", "provider")


@dataclass(frozen=True)
class Filled:
    """`added` maps each new entry (service and key) to its container; `beyond` names the settings
    other than the image that had to be added, as `service.key`."""

    data: bytes
    added: Mapping[Entry, str]
    beyond: tuple[str, ...]


def fill_images(data: bytes, running: Sequence[Running]) -> Filled | None:
    """Only images, where a service has nothing to start from; None where that can't be done."""
    document = _read(data)
    if document is None:
        return None
    nodes = service_nodes(document)
    wanted = {
        service.service: service.image
        for service in running
        if service.service in nodes and service.image and not _has_image(nodes[service.service])
    }
    added = {
        (service.service, "image"): f"container {service.container}"
        for service in running
        if service.service in wanted
    }
    try:
        return Filled(set_images(data, wanted), added, ())
    except (UnreadableCompose, UsageError):
        return None


def fill(data: bytes, running: Sequence[Running]) -> Iterator[Filled]:
    """Whatever key a service lacks and its container has; the environment in several ways.

    Nothing that had to be hidden as a secret is used.
    """
    images = fill_images(data, running)
    if images is None:
        return
    document = parse(images.data)
    shared = {one.path for one in env_files(document)}
    lacking = {
        service.service: _lacking(document, service)
        for service in running
        if service.service in service_nodes(document)
    }
    without = [
        service.service
        for service in running
        if service.service in lacking and _lost_environment(document, service)
    ]
    ways: list[Mapping[str, str]] = [{}]
    if without:
        ways += [dict.fromkeys(without, f"env_file: [{path}]") for path in sorted(shared)]
        names = {service.service: list(service.environment) for service in running}
        ways.append({name: line_of("environment", names[name]) for name in without})
    for way in ways:
        filled = _insert(images, running, lacking, way)
        if filled is not None and filled.beyond:
            yield filled


def _has_image(service: Node) -> bool:
    image = find(service, "image")
    if image is not None and (image.value.followed.kind != "scalar" or text_of(image.value)):
        return True
    return any(find(service, key) is not None for key in OTHER_SOURCES)


def _lacking(document: Document, service: Running) -> dict[str, str]:
    node = service_nodes(document)[service.service]
    return {
        key: line_of(key, value)
        for key, value in service.settings.items()
        if key not in service.secret and find(node, key) is None
    }


def _lost_environment(document: Document, service: Running) -> bool:
    node = service_nodes(document)[service.service]
    given = any(find(node, key) for key in ("environment", "env_file"))
    return bool(service.environment) and not given


def _insert(
    images: Filled,
    running: Sequence[Running],
    lacking: Mapping[str, Mapping[str, str]],
    way: Mapping[str, str],
) -> Filled | None:
    data, added, beyond = images.data, dict(images.added), []
    for service in running:
        lines = dict(lacking.get(service.service, {}))
        if service.service in way:
            lines[way[service.service].partition(":")[0]] = way[service.service]
        if not lines:
            continue
        edited = _below(data, service.service, list(lines.values()))
        if edited is None:
            return None
        data = edited
        added |= dict.fromkeys(
            ((service.service, key) for key in lines), f"container {service.container}"
        )
        beyond += [f"{service.service}.{key}" for key in lines]
    return Filled(data, added, tuple(beyond))


def _below(data: bytes, service: str, lines: Sequence[str]) -> bytes | None:
    """The lines as the first ones of a service's block; None where it isn't written as one."""
    document = _read(data)
    node = service_nodes(document).get(service) if document is not None else None
    if document is None or node is None or node.kind != "mapping" or node.flow:
        return None
    first = next(node.entries, None)
    if first is None:
        return None
    text, start = document.text, first[0].start
    indent = " " * (start - (text.rfind("\n", 0, start) + 1))
    new = "".join(f"{line}\n{indent}" for line in lines)
    edited = document.bom + (text[:start] + new + text[start:]).encode()
    return edited if _read(edited) is not None else None


def _read(data: bytes) -> Document | None:
    try:
        document = parse(data)
        service_nodes(document)
    except UnreadableCompose:
        return None
    return document
