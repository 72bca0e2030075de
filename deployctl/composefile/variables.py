"""The variables that a compose file takes from its environment."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from deployctl.composefile.document import Document, Node, parse
from deployctl.composefile.faults import ComposeFault, UnreadableCompose
from deployctl.composefile.images import effective, find, service_nodes, text_of

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
VARIABLE = re.compile(
    rf"\$(?:(?P<dollar>\$)|(?P<plain>{NAME})|\{{(?P<name>{NAME})(?P<rest>[^}}]*))"
)
ASSIGNMENT = re.compile(rf"^\s*(?:export\s+)?({NAME})\s*[=:]", re.MULTILINE)


@dataclass(frozen=True)
class EnvFile:
    """A file that a service takes its environment from; `path` as it is written."""

    service: str
    path: str
    required: bool
    node: Node


def unset(document: Document, known: Collection[str]) -> list[ComposeFault]:
    """Variables without a default that are not among the `known` names; each is told once."""
    faults, told = [], set()
    for node in document.nodes:
        if node.kind != "scalar":
            continue
        for name, rest in _variables(node.value):
            if name in known or name in told or rest.startswith((":-", "-", ":+", "+")):
                continue
            told.add(name)
            message = f"The variable `{name}` is not set, and has no default."
            mend = f"Set it in .env beside the file, or write ${{{name}:-DEFAULT}}."
            faults.append(document.fault(node, message, mend))
    return faults


def assigned(text: str) -> frozenset[str]:
    """The names that an environment file (`.env`) gives values to."""
    return frozenset(ASSIGNMENT.findall(text))


def env_files(document: Document) -> list[EnvFile]:
    """The environment files that services name, in the order of the text."""
    found = []
    for service, node in service_nodes(document).items():
        entry = find(node, "env_file")
        if entry is None:
            continue
        block = entry.value.followed
        for item in block.children if block.kind == "sequence" else [entry.value]:
            path, required = _env_file(item)
            if path:
                found.append(EnvFile(service, path, required, item))
    return found


def _env_file(item: Node) -> tuple[str, bool]:
    if item.followed.kind != "mapping":
        return text_of(item) or "", True
    values = {name: text_of(entry.value) for name, entry in effective(item.followed).items()}
    return values.get("path") or "", values.get("required") != "false"


def _variables(text: str) -> Iterator[tuple[str, str]]:
    for match in VARIABLE.finditer(text):
        name = match["plain"] or match["name"]
        if name:
            yield name, match["rest"] or ""


def env_file_paths(data: bytes) -> tuple[str, ...]:
    """The paths of the environment files that must be there; none where the file is unreadable."""
    try:
        named = env_files(parse(data))
    except UnreadableCompose:
        return ()
    paths = (one.path for one in named if one.required and "$" not in one.path)
    return tuple(dict.fromkeys(paths))


def place_of_variable(data: bytes, name: str) -> tuple[int, int] | None:
    """Line and column of the first value that uses the variable."""
    try:
        document = parse(data)
    except UnreadableCompose:
        return None
    for node in document.nodes:
        if node.kind == "scalar" and any(used == name for used, _ in _variables(node.value)):
            fault = document.fault(node, "")
            return fault.line, fault.column
    return None
