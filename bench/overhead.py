"""deployctl's own share of a hotfix, near the host and a round trip of 100 ms away from it.

    overhead = wall - build - up - gate

wall   from starting the process to its end
build  the host's `docker build`, from its start to its end, as noted on the host
up     the host's `docker compose up -d` of the swap, in the same way
gate   the stage that waits until the new container answers and every gate holds

What is left is everything that a script would not do, and every wait for the link: starting
Python, connecting, looking at the host, planning, locking, unpacking, backing up, arming, reading
back, confirming over a second connection, writing evidence.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bench.bed import Bed, BenchError, DockerCall, run
from bench.delay_proxy import DelayProxy, Traffic
from bench.stats import Goal, Spread, interleaved

GOALS = {0: 2.0, 100: 4.0}
"""round trip in ms -> seconds of overhead at most"""
START, END = "process start", "process end"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Split:
    """One run's time, in milliseconds. `own`: the overhead by stage, which sums up to `total`."""

    wall: float
    build: float
    up: float
    gate: float
    own: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.own.values())


@dataclass
class Runs:
    splits: list[Split] = field(default_factory=list)
    traffic: list[Traffic] = field(default_factory=list)
    calls: list[list[DockerCall]] = field(default_factory=list)


def measure(bed: Bed, repetitions: int, say: Say) -> dict[str, Any]:
    """The split at each round trip, interleaved, after one run that warms the cache."""
    found = {rtt: Runs() for rtt in GOALS}
    order = [str(rtt) for rtt in GOALS]
    for turn, name in enumerate(["0", *interleaved(order, repetitions)]):
        rtt = int(name)
        split, traffic, calls = _once(bed, rtt)
        say(f"round trip {rtt} ms: overhead {split.total / 1000:.2f} s of {split.wall / 1000:.2f}")
        if turn:
            found[rtt].splits.append(split)
            found[rtt].traffic.append(traffic)
            found[rtt].calls.append(calls)
    return {str(rtt): _document(runs) for rtt, runs in found.items()}


def goals(document: Mapping[str, Any]) -> list[Goal]:
    return [
        Goal(
            f"overhead at {rtt} ms round trip",
            document[str(rtt)]["overheadMs"]["median"] / 1000,
            limit,
            "s",
        )
        for rtt, limit in GOALS.items()
    ]


def split(
    result: Mapping[str, Any], calls: Sequence[DockerCall], began: float, ended: float
) -> Split:
    """`began`, `ended`: the process's, in seconds since the epoch. Raises BenchError."""
    build, up = _only(calls, is_build), _only(calls, is_up)
    stages = {stage["name"]: float(stage["durationMs"]) for stage in result["stages"]}
    gate = stages.pop("gate")
    stages["build"] -= build
    stages["swap"] -= up
    started = datetime.fromisoformat(result["startedAt"]).timestamp()
    within = float(result["durationMs"])
    # stages are noted one by one, so between them little is lost; what is, is the end's
    own = {START: (started - began) * 1000, **stages}
    own[END] = (ended - began) * 1000 - build - up - gate - sum(own.values())
    if own[END] < -within:
        raise BenchError("the stages are longer than the run")
    return Split((ended - began) * 1000, build, up, gate, own)


def is_build(words: str) -> bool:
    return words.startswith(("buildx build", "build "))


def is_up(words: str) -> bool:
    return words.startswith("compose ") and " up -d" in words and "--dry-run" not in words


def _only(calls: Sequence[DockerCall], wanted: Callable[[str], bool]) -> float:
    """The milliseconds of the one call of that kind."""
    found = [call for call in calls if wanted(call.words)]
    if len(found) != 1:
        raise BenchError(f"{len(found)} calls of docker where one was expected: {found}")
    return found[0].seconds * 1000


def _once(bed: Bed, rtt: int) -> tuple[Split, Traffic, list[DockerCall]]:
    bed.reset()
    sha = bed.fresh_commit()
    with DelayProxy(bed.port, rtt / 1000) as proxy, bed.docker_noted() as calls:
        settings = bed.settings(proxy.port, min_healthy="0s")
        began = time.time()
        output = run(bed.deployctl("hotfix", settings, sha))
        ended = time.time()
    bed.require_live(sha)
    result = json.loads(output.strip().rpartition("\n")[2])
    return split(result, calls, began, ended), proxy.traffic, calls


def _document(runs: Runs) -> dict[str, Any]:
    splits = runs.splits
    return {
        "overheadMs": Spread.of([s.total for s in splits]).document(),
        "wallMs": Spread.of([s.wall for s in splits]).document(),
        "buildMs": Spread.of([s.build for s in splits]).document(),
        "upMs": Spread.of([s.up for s in splits]).document(),
        "gateMs": Spread.of([s.gate for s in splits]).document(),
        "ownMs": {
            stage: Spread.of([s.own[stage] for s in splits]).document() for stage in splits[0].own
        },
        "connections": Spread.of([t.connections for t in runs.traffic]).document(),
        "sentBytes": Spread.of([t.sent for t in runs.traffic]).document(),
        "receivedBytes": Spread.of([t.received for t in runs.traffic]).document(),
        "dockerCalls": Spread.of([len(calls) for calls in runs.calls]).document(),
        "lastDockerCalls": [
            {"ms": round(call.seconds * 1000), "words": call.words[:160]} for call in runs.calls[-1]
        ],
    }
