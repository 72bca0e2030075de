"""Imports point downwards only, and the command line starts without the heavy libraries."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "deployctl"

FLOORS = (
    ("cli",),
    ("ui",),
    ("rollout",),
    ("gates", "notify"),
    ("engines",),
    ("composefile", "source"),
    ("host",),
    ("evidence",),
    ("config",),
    ("errors", "events", "result", "data"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
GROUND = frozenset(FLOORS[-1])
HEAVY = frozenset(
    {"fabric", "invoke", "jinja2", "paramiko", "prometheus_client", "pydantic", "requests", "rich"}
    | {"yaml"}
)
FORBIDDEN = {
    "ui": {"deployctl.host", "deployctl.engines", "paramiko", "fabric"},
    "composefile": {"subprocess", "socket", "paramiko", "fabric", "requests"},
    "evidence": {"paramiko", "fabric", "requests"},
    "gates": {"paramiko", "fabric"},
    "notify": {"deployctl.host", "deployctl.engines", "paramiko", "fabric"},
    "lab": {"paramiko", "fabric"},
}


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }


MODULES = modules()


def imported(nodes: Iterator[ast.AST], module: str) -> set[str]:
    """Full names of what is imported: a module, or a module and the name taken from it."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
            for _ in range(node.level - 1):
                package = package.rpartition(".")[0]
            base = ".".join(filter(None, [package if node.level else "", node.module]))
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_bytes())


def every_import(module: str) -> set[str]:
    return imported(ast.walk(tree(module)), module)


def at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """The statements that run when the module is imported; not those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import_time(child)


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "deployctl" and len(parts) > 1 else ""


def as_module(name: str) -> str | None:
    """The module of the package that an imported name belongs to."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def loaded_by(start: str) -> dict[str, list[str]]:
    """Heavy libraries that importing the module loads, each with the way to it."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    waiting = [(start, [start])]
    while waiting:
        module, way = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for name in imported(at_import_time(tree(module)), module):
            if name.partition(".")[0] in HEAVY:
                found.setdefault(name.partition(".")[0], way)
            inner = as_module(name) if name.startswith("deployctl") else None
            if inner:
                packages = inner.split(".")
                parents = [".".join(packages[:n]) for n in range(1, len(packages))]
                waiting += [(each, [*way, each]) for each in (*parents, inner)]
    return found


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) in FLOOR_OF])
def test_a_room_imports_only_itself_and_what_lies_below(module: str) -> None:
    own = room(module)
    allowed = {other for other, floor in FLOOR_OF.items() if floor > FLOOR_OF[own]} | {own}
    if own in GROUND:
        allowed = set(GROUND)
    if module == "deployctl.cli.lab":
        allowed.add("lab")
    upwards = {
        name
        for name in every_import(module)
        if name.startswith("deployctl.") and room(name) not in allowed and room(name) in all_rooms()
    }
    assert not upwards, f"{module} may not import {sorted(upwards)}"


def all_rooms() -> set[str]:
    return set(FLOOR_OF) | {"lab"}


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) == "lab"])
def test_the_lab_stands_on_the_ground_floor_alone(module: str) -> None:
    names = {name for name in every_import(module) if name.startswith("deployctl.")}
    assert {room(name) for name in names} & all_rooms() <= GROUND | {"lab"}


def test_only_its_own_command_imports_the_lab() -> None:
    importers = {m for m in MODULES if any(room(name) == "lab" for name in every_import(m))}
    assert {m for m in importers if room(m) != "lab"} <= {"deployctl.cli.lab"}


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) in FORBIDDEN])
def test_a_room_keeps_away_from_what_is_not_its_matter(module: str) -> None:
    forbidden = FORBIDDEN[room(module)]
    touched = {
        name
        for name in every_import(module)
        if any(name == each or name.startswith(f"{each}.") for each in forbidden)
    }
    assert not touched


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if room(m) == "cli" or m in ("deployctl", "deployctl.__main__")],
)
def test_the_command_line_loads_nothing_heavy_before_it_must(module: str) -> None:
    heavy = {name: " > ".join(way) for name, way in loaded_by(module).items()}
    assert not heavy


def test_every_folder_of_the_package_is_a_known_room() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= all_rooms()
