"""What the containers of a service say of its place in the compose file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployctl.composefile.document import Node, parse
from deployctl.composefile.faults import UnreadableCompose
from deployctl.composefile.images import effective, find, service_nodes, text_of

_TRUE = frozenset({"true", "yes", "on", "y"})
_WRITTEN_IN_SEVERAL_WAYS = frozenset(
    {
        "ports", "volumes", "networks", "labels", "depends_on", "mem_limit", "shm_size",
        "healthcheck", "extra_hosts", "cap_add", "cap_drop",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Running:
    """A service as its containers have it.

    `settings` are keys of the service in Compose's own form (`ports: ["127.0.0.1:80:80"]`), each
    only where the container has something that its image did not give it. `environment` are names
    of variables, never values. `secret` are keys whose value had to be hidden: not to be used.
    """

    service: str
    container: str
    image: str
    count: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: tuple[str, ...] = ()
    secret: frozenset[str] = frozenset()
    built: bool = False
    """Compose built the image itself, so the file has a `build:` for it"""


def line_of(key: str, value: Any) -> str:
    """The setting on one line; `$` is doubled, so that Compose takes it as it stands."""
    return f"{key}: {json.dumps(value, ensure_ascii=False).replace('$', '$$')}"


def compared(data: bytes, running: Sequence[Running]) -> tuple[str, ...]:
    """Of each service the settings that file and container share; then what differs, one a line.

    Only what the file says literally is compared; Compose judges the rest.
    """
    try:
        nodes = service_nodes(parse(data))
    except UnreadableCompose as error:
        return (str(error),)
    differing = {service.service: dict(_differing(nodes, service)) for service in running}
    same = []
    for service in running:
        keys = [k for k in ("image", *service.settings) if k not in differing[service.service]]
        if "" not in differing[service.service] and keys:
            same.append(f"{service.service}: {', '.join(keys)} as {service.container} has")
    return (*same, *(line for lines in differing.values() for line in lines.values()))


def _differing(nodes: Mapping[str, Node], running: Running) -> Iterator[tuple[str, str]]:
    """A key, and what is said of it; the key is empty where that is of the whole service."""
    node = nodes.get(running.service)
    if node is None or node.followed.kind != "mapping":
        yield "", f"{running.service}: not in the file, but {running.container} is there"
        return
    for key, has in {"image": running.image, **running.settings}.items():
        found = find(node, key)
        if found is None:
            if find(node, "extends") is None:
                told = f"{running.service}.{key}: not in the file, {running.container} has {has}"
                yield key, told
            continue
        says = _plain(found.value)
        if says is None or key in running.secret or _same(key, says, has):
            continue
        told = f"{running.service}.{key}: the file says {says}, {running.container} has {has}"
        yield key, told


def _plain(node: Node) -> Any:
    """The value as written; None where only Compose can say what it means."""
    target = node.followed
    if target.kind == "scalar":
        text = text_of(node)
        return None if text is None or "$" in text else text
    if target.kind == "sequence":
        items = [_plain(item) for item in target.children]
        return None if any(not isinstance(item, str) for item in items) else items
    values = {name: _plain(entry.value) for name, entry in effective(target).items()}
    return None if any(value is None for value in values.values()) else values


def _same(key: str, says: Any, has: Any) -> bool:
    if key in _WRITTEN_IN_SEVERAL_WAYS:
        return True
    if isinstance(says, str) and isinstance(has, bool):
        return (says.lower() in _TRUE) is has
    if isinstance(says, str) and isinstance(has, int | float):
        return says.replace(".", "", 1).isdigit() and float(says) == has
    if isinstance(says, str) and isinstance(has, list):
        return says.split() == has or key in {"command", "entrypoint"}
    return bool(says == has)
