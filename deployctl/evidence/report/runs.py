"""Which run is meant: by its ID, a unique part of that, a path, or the last one there is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from deployctl.evidence import seal
from deployctl.evidence.run_directory import safe_name
from deployctl.evidence.statement import read_seal

_SHOWN: Final = 5


def find(base: Path, run: str | None = None, target: str | None = None) -> Path:
    """The directory of a sealed run. `base` is where evidence lies: a folder for each target, or
    that of one.

    IDs of runs sort by time. Raises ValueError, with a sentence, where none or several are meant.
    """
    if run is not None and (place := _place(run)) is not None:
        return place
    of = f" of {target}" if target else ""
    known = list(_runs(base, target))
    if run is None:
        if not known:
            raise ValueError(f"{base} has no sealed run{of}")
        return max(known, key=lambda path: path.name)
    exact = [path for path in known if path.name == run]
    found = exact or [path for path in known if run in path.name]
    if not found:
        raise ValueError(f"{base} has no sealed run{of} called {run}")
    if len(found) > 1:
        latest = sorted(found, key=lambda path: path.name, reverse=True)[:_SHOWN]
        names = ", ".join(f"{path.parent.name}/{path.name}" for path in latest)
        raise ValueError(f"{run} may be any of {len(found)} runs: {names}")
    return found[0]


def target_of(directory: Path) -> str:
    """The run's target as its seal has it: a copy may lie in a folder of any name.

    Raises OSError, and ValueError with a sentence for what is no seal.
    """
    result = read_seal(directory / seal.NAME).predicate.get("result")
    target = result.get("target") if isinstance(result, Mapping) else None
    return target if isinstance(target, str) else directory.parent.name


def _place(run: str) -> Path | None:
    """A path to a run's directory, or to the seal in it."""
    path = Path(run).expanduser()
    try:
        if path.name == seal.NAME and path.is_file():
            return path.absolute().parent
        return path.absolute() if (path / seal.NAME).is_file() else None
    except (OSError, ValueError):  # too long a name, a NUL in it
        return None


def _runs(base: Path, target: str | None) -> Iterator[Path]:
    pattern = safe_name(target) if target else "*"
    own = target is None or base.name == pattern
    for below in (f"{pattern}/*", *(["*"] if own else [])):
        for path in base.glob(f"{below}/{seal.NAME}"):
            if not path.parent.is_symlink():
                yield path.parent
