"""Faults in a file that people write, each with its place, and the one error that lists them."""

from collections.abc import Iterable
from dataclasses import dataclass

from deployctl.errors import ConfigError

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a document."""

SHOWN = 50


class MeasureError(ValueError):
    """Not a number or a duration that fits here. Unlike text, such a value is no secret."""


@dataclass(frozen=True, order=True)
class Mark:
    """A place in a file; both count from 1."""

    line: int
    column: int


TOP = Mark(1, 1)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, where, and what was expected instead."""

    file: str
    mark: Mark
    path: Path
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.mark.line}:{self.mark.column}"
        path = dotted(self.path)
        return f"{where}: {path}: {self.message}" if path else f"{where}: {self.message}"


def dotted(path: Path) -> str:
    """`("targets", "lab", "files", 0)` as `targets.lab.files[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if part.isprintable() else repr(part))
    return text


class InvalidFileError(ConfigError):
    """A file has faults. `faults` holds all of them; `what` shows them in the file's order."""

    def __init__(self, faults: Iterable[Fault], *, next_step: str) -> None:
        self.faults = tuple(sorted(set(faults), key=lambda f: (f.file, f.mark, str(f))))
        count = len(self.faults)
        lines = [f"  {fault}" for fault in self.faults[:SHOWN]]
        if count > SHOWN:
            lines.append(f"  and {count - SHOWN} more")
        files = " and ".join(sorted({fault.file for fault in self.faults}))
        noun = "fault" if count == 1 else "faults"
        super().__init__(f"{files} has {count} {noun}:\n" + "\n".join(lines), next_step=next_step)
