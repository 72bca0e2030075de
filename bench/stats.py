"""Medians, ratios and goals. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The median of some measurements, the least and the greatest, in the unit they came in."""

    median: float
    least: float
    greatest: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Raises ValueError when there are none."""
        if not values:
            raise ValueError("nothing was measured")
        return cls(statistics.median(values), min(values), max(values), len(values))

    def ratio(self, base: "Spread") -> float:
        """How many times the median of `base` this one is."""
        return self.median / base.median

    def document(self, digits: int = 0) -> dict[str, float]:
        return {
            "median": round(self.median, digits),
            "least": round(self.least, digits),
            "greatest": round(self.greatest, digits),
            "count": self.count,
        }


@dataclass(frozen=True)
class Goal:
    """What a figure should be at most."""

    what: str
    measured: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        return self.measured <= self.limit

    @property
    def sentence(self) -> str:
        verdict = "met" if self.met else "MISSED"
        return f"{self.what}: {self.measured:.2f} {self.unit}".rstrip() + (
            f", goal ≤ {self.limit:g}: {verdict}"
        )

    def document(self) -> dict[str, object]:
        return {
            "what": self.what,
            "measured": round(self.measured, 3),
            "limit": self.limit,
            "unit": self.unit,
            "met": self.met,
        }


def interleaved(variants: Sequence[str], repetitions: int) -> list[str]:
    """A B C A B C: whatever disturbs the machine for a while disturbs all alike."""
    return [variant for _ in range(repetitions) for variant in variants]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns also line up in a terminal."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rendered = ["| " + " | ".join(_padded(line, widths)) + " |" for line in lines]
    ruler = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([rendered[0], ruler, *rendered[1:]])


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
