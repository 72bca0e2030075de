"""What can be wrong with a compose file, as values that a person can act on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from deployctl.errors import RefusedError


@dataclass(frozen=True, order=True)
class ComposeFault:
    """One fault. `line` and `column` count from 1, as editors do; `mend` says how to repair it.

    A `note` is worth telling, and stands in nobody's way. `unknown`: a setting that no Compose we
    know has; a newer one may.
    """

    line: int
    column: int
    message: str
    mend: str = ""
    severity: Literal["fault", "note"] = "fault"
    unknown: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: {self.message}"
        return f"{place} {self.mend}" if self.mend else place


class UnreadableCompose(RefusedError):  # noqa: N818  (the contract's name; it is about a file)
    """The compose file can't be made sense of, or can't be edited safely; `faults` says where."""

    def __init__(self, faults: Sequence[ComposeFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            "The compose file can't be edited safely.",
            next_step=next((fault.mend for fault in self.faults if fault.mend), ""),
            detail="\n".join(str(fault) for fault in self.faults),
        )

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)
