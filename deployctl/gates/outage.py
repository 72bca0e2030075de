"""From the probe's samples to outages. Pure, and in bounded memory however long it runs."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from deployctl.result import Availability

SERIES_LIMIT: Final = 200_000
_OUTAGES_LIMIT: Final = 10_000
_LONGEST_GAP_MS: Final = 600_000


class Cause(IntEnum):
    """How a probe ended. OK is up, NO_LINK is neither up nor down, the rest is down."""

    OK = 0
    REFUSED = 1
    CLOSED = 2
    TIMEOUT = 3
    SERVER_ERROR = 4
    NO_LINK = 5

    @property
    def down(self) -> bool:
        return self not in {Cause.OK, Cause.NO_LINK}


@dataclass(frozen=True)
class Sample:
    """`at`: seconds since the probe's start at which it was sent; `latency` in seconds."""

    at: float
    latency: float
    cause: Cause


@dataclass(frozen=True)
class Outage:
    """From the first failed probe to the first good one after it, in seconds since the start.

    `uncertainty`: the larger of the gaps at its two ends; the true ends lie within it.
    """

    began: float
    ended: float
    failures: int
    uncertainty: float
    recovered: bool

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True)
class Summary:
    probes: int
    failures: int
    unknown: int
    downtime: float
    resolution: float
    outages: tuple[Outage, ...]
    still_down: bool = False
    """the last probe that could tell was not served"""
    unmeasured: float = 0.0
    """seconds between what is known before and after probes that had no link"""

    def document(self) -> Availability:
        return Availability(
            probes=self.probes,
            failures=self.failures,
            unknown=self.unknown,
            unknown_ms=round(self.unmeasured * 1000),
            downtime_ms=round(self.downtime * 1000) if self.probes > self.unknown else None,
            still_down=self.still_down,
            resolution_ms=math.ceil(self.resolution * 1000),
        )


@dataclass
class Series:
    """Every sample, nine bytes each, for the evidence; the first SERIES_LIMIT are kept."""

    at_ms: "array[int]" = field(default_factory=lambda: array("I"))
    latency_ms: "array[float]" = field(default_factory=lambda: array("f"))
    causes: "array[int]" = field(default_factory=lambda: array("B"))
    dropped: int = 0

    def add(self, sample: Sample) -> None:
        if len(self.at_ms) >= SERIES_LIMIT:
            self.dropped += 1
            return
        self.at_ms.append(round(sample.at * 1000))
        self.latency_ms.append(sample.latency * 1000)
        self.causes.append(sample.cause)

    def __len__(self) -> int:
        return len(self.at_ms)

    def rows(self) -> Iterator[tuple[int, float, str]]:
        """(milliseconds since the start, latency in milliseconds, cause in lower case)."""
        for at, latency, cause in zip(self.at_ms, self.latency_ms, self.causes, strict=True):
            yield at, round(latency, 1), Cause(cause).name.lower().replace("_", "-")


class Timeline:
    """Takes samples in the order in which they were sent."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._counts: Counter[Cause] = Counter()
        self._gaps: Counter[int] = Counter()
        self._outages: list[Outage] = []
        self._downtime = 0.0
        self._worst_edge = 0.0
        self._last: Sample | None = None
        self._began: float | None = None
        self._failures_here = 0
        self._edge = 0.0
        self._known = 0.0
        self._down = False
        self._unmeasured = 0.0

    @property
    def probes(self) -> int:
        return self._counts.total()

    @property
    def failures(self) -> int:
        return sum(count for cause, count in self._counts.items() if cause.down)

    @property
    def unknown(self) -> int:
        return self._counts[Cause.NO_LINK]

    def add(self, sample: Sample) -> None:
        gap = 0.0 if self._last is None else max(0.0, sample.at - self._last.at)
        self._counts[sample.cause] += 1
        if self._last is not None and Cause.NO_LINK not in {self._last.cause, sample.cause}:
            self._gaps[min(_LONGEST_GAP_MS, round(gap * 1000))] += 1
        if sample.cause.down:
            self._fail(sample, gap)
        elif self._began is not None:
            self._close(sample.at, gap, recovered=sample.cause is Cause.OK)
        if sample.cause is not Cause.NO_LINK:
            if self._last is not None and self._last.cause is Cause.NO_LINK:
                self._unmeasured += max(0.0, sample.at - self._known)
            self._known = sample.at
            self._down = sample.cause.down
        self._last = sample

    def _fail(self, sample: Sample, gap: float) -> None:
        if self._began is None:
            self._began, self._edge, self._failures_here = sample.at, gap, 0
        self._failures_here += 1

    def _close(self, at: float, gap: float, *, recovered: bool) -> None:
        outage = self._outage(at, gap, recovered=recovered)
        self._downtime += outage.seconds
        self._worst_edge = max(self._worst_edge, outage.uncertainty)
        if len(self._outages) < _OUTAGES_LIMIT:
            self._outages.append(outage)
        self._began = None

    def _outage(self, at: float, gap: float, *, recovered: bool) -> Outage:
        began = at if self._began is None else self._began
        return Outage(began, at, self._failures_here, max(self._edge, gap), recovered)

    def downtime(self, now: float) -> float:
        """Seconds so far; an outage that is still going on counts until `now`."""
        return self._downtime + (0.0 if self._began is None else max(0.0, now - self._began))

    def summary(self, now: float) -> Summary:
        """`now`: the end of the measurement, in seconds since its start."""
        outages = list(self._outages)
        if self._began is not None:
            outages.append(self._outage(max(now, self._began), 0.0, recovered=False))
        edges = max((outage.uncertainty for outage in outages), default=0.0)
        return Summary(
            probes=self.probes,
            failures=self.failures,
            unknown=self.unknown,
            downtime=self.downtime(now),
            resolution=max(self._interval, self._usual_gap(), edges, self._worst_edge),
            outages=tuple(outages),
            still_down=self._down,
            unmeasured=self._unmeasured + self._unmeasured_yet(now),
        )

    def _unmeasured_yet(self, now: float) -> float:
        blind = self._last is not None and self._last.cause is Cause.NO_LINK
        return max(0.0, now - self._known) if blind else 0.0

    def _usual_gap(self) -> float:
        """The spacing that 95 of 100 samples kept, in seconds."""
        needed = math.ceil(0.95 * self._gaps.total())
        for gap in sorted(self._gaps):
            needed -= self._gaps[gap]
            if needed <= 0:
                return gap / 1000
        return 0.0


def summarize(samples: Iterable[Sample], interval: float, now: float) -> Summary:
    """The summary of samples in the order in which they were sent."""
    timeline = Timeline(interval)
    for sample in samples:
        timeline.add(sample)
    return timeline.summary(now)
