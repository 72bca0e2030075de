"""From an independent prober's lines to how long nobody was served. Pure."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """`at`: seconds of the host's clock at which it was sent."""

    at: float
    served: bool


@dataclass(frozen=True)
class Outage:
    """All outages of a run: from each first failed probe to the next good one, in seconds."""

    seconds: float
    count: int
    probes: int
    failures: int
    widest_gap: float
    """between two probes: how wrong the figure can be at either end of an outage"""


def parse(lines: Iterable[str]) -> list[Probe]:
    """Lines `TIME STATUS`, in the order of the answers; the probes in the order of their sending.

    A status of 200 to 499 was served; 0 is no answer at all.
    """
    probes = []
    for line in lines:
        at, status = line.split()
        probes.append(Probe(float(at), 200 <= int(status) < 500))
    return sorted(probes, key=lambda probe: probe.at)


def outage(probes: Sequence[Probe]) -> Outage:
    """Raises ValueError when the service did not answer at the end: the outage has no end yet."""
    seconds, count, began = 0.0, 0, None
    for probe in probes:
        if not probe.served and began is None:
            began, count = probe.at, count + 1
        elif probe.served and began is not None:
            seconds, began = seconds + probe.at - began, None
    if began is not None:
        raise ValueError("the service had not come back when the probing ended")
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(probes)]
    return Outage(
        seconds=seconds,
        count=count,
        probes=len(probes),
        failures=sum(not probe.served for probe in probes),
        widest_gap=max(gaps, default=0.0),
    )
