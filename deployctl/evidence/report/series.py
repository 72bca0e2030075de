"""The availability probe's samples, from `availability.json`, and the outages in them. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

_LONGEST_MS: Final = 1_000_000_000

Outcome = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True)
class Sample:
    """Milliseconds since the probe's start, and until the answer."""

    at_ms: float
    latency_ms: float
    outcome: Outcome
    cause: str


@dataclass(frozen=True)
class Outage:
    """From the first failed probe to the first one after it that did not fail."""

    began_ms: float
    ended_ms: float
    failures: int
    over: bool
    """false where no good answer was seen at its end: it may have lasted longer"""


@dataclass(frozen=True)
class Series:
    started_at: datetime
    samples: tuple[Sample, ...]
    unkept: int
    """samples that were counted, but no longer kept"""
    unread: int
    """rows that can't be read"""

    @property
    def outages(self) -> tuple[Outage, ...]:
        return tuple(_outages(self.samples))

    @property
    def still_down(self) -> bool:
        """The last sample that could tell was not served. Of what was not kept, or
        can't be read, nobody knows."""
        told = (each.outcome for each in reversed(self.samples) if each.outcome != "unknown")
        return not (self.unkept or self.unread) and next(told, "ok") == "failed"


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    started_at: AwareDatetime = Field(alias="startedAt")
    rows: list[Any] = Field(default_factory=list)
    dropped: int = 0


def read(text: str | None) -> Series | None:
    """None where there is no file, or none that can be read."""
    if text is None:
        return None
    try:
        file = _File.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError):
        return None
    samples = [sample for row in file.rows if (sample := _sample(row)) is not None]
    samples.sort(key=lambda sample: sample.at_ms)
    return Series(file.started_at, tuple(samples), file.dropped, len(file.rows) - len(samples))


def _sample(row: Any) -> Sample | None:
    match row:
        case [int() | float() as at, int() | float() as latency, str() as cause]:
            if not (0 <= at <= _LONGEST_MS and 0 <= latency <= _LONGEST_MS):
                return None
            outcome: Outcome = "ok" if cause == "ok" else "failed"
            return Sample(at, latency, "unknown" if cause == "no-link" else outcome, cause)
        case _:
            return None


def _outages(samples: tuple[Sample, ...]) -> Iterator[Outage]:
    began, failures = None, 0
    for sample in samples:
        if sample.outcome == "failed":
            began, failures = (sample.at_ms if began is None else began), failures + 1
        elif began is not None:
            yield Outage(began, sample.at_ms, failures, over=sample.outcome == "ok")
            began, failures = None, 0
    if began is not None:
        yield Outage(began, samples[-1].at_ms, failures, over=False)
