"""What a rollback costs beyond the containers: the way to them, and what is written down.

    cost = from the moment it has to begin until the host says `rolled_back`, less `up`
    up     stopping the new container and starting the old one: the step `restore-service` of the
           host's job, until its next step

after a failed gate   it has to begin when the gate stage ends; its proof by gates comes after it
at the deadline       it has to begin at the deadline; the client was killed, the host is alone
"""

import itertools
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.bed import Bed, BenchError
from bench.stats import Goal, Spread, interleaved
from deployctl.lab.machine import COMPOSE_DIR

GATE, ALONE = "after a failed gate", "at the deadline, without a client"
GOALS = {GATE: 1.0, ALONE: 2.0}
"""seconds beyond the containers at most"""
FAILING = "origin/broken/crash-at-start"
STATE = f"{COMPOSE_DIR}/.deployctl"
PATIENCE = 60.0
SOON = 2
"""seconds from now to the deadline"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class PutBack:
    """Milliseconds in all, and of these the containers' own."""

    total: float
    up: float

    @property
    def cost(self) -> float:
        return self.total - self.up


def measure(bed: Bed, repetitions: int, say: Say) -> dict[str, Any]:
    """Both ways, interleaved, after one round that only warms the caches."""
    ways: dict[str, Callable[[Bed], PutBack]] = {GATE: _failed_gate, ALONE: _alone}
    found: dict[str, list[PutBack]] = {name: [] for name in ways}
    for turn, name in enumerate(interleaved(list(ways), repetitions + 1)):
        bed.reset()
        done = ways[name](bed)
        say(f"{name}: {done.cost / 1000:.2f} s beyond the containers' {done.up / 1000:.2f}")
        if turn >= len(ways):
            found[name].append(done)
    return {name: _document(runs) for name, runs in found.items()}


def goals(document: Mapping[str, Any]) -> list[Goal]:
    return [
        Goal(f"rollback {name}", document[name]["costMs"]["median"] / 1000, limit, "s")
        for name, limit in GOALS.items()
    ]


def steps(log: str) -> list[tuple[float, str]]:
    """Seconds of the host's uptime, and the step or state, of each line of a job's log."""
    lines = [line.split("\t") for line in log.splitlines()]
    return [(float(at), f"{kind} {what}") for at, kind, what, *_ in (
        [*line, ""] for line in lines if len(line) > 2
    ) if kind in {"step", "state"}]  # fmt: skip


def up_seconds(found: Sequence[tuple[float, str]]) -> float:
    """What the containers took. Raises BenchError where nothing was put back."""
    for (began, step), (ended, _) in itertools.pairwise(found):
        if step.startswith("step restore-service"):
            return ended - began
    raise BenchError("the host put nothing back")


def _at(found: Sequence[tuple[float, str]], wanted: str) -> float:
    for at, step in found:
        if step.startswith(wanted):
            return at
    raise BenchError(f"the host never came to {wanted}")


def _log(bed: Bed) -> list[tuple[float, str]]:
    return steps(bed.host.sh(f"cat {STATE}/runs/*/log"))


def _failed_gate(bed: Bed) -> PutBack:
    settings = bed.settings(bed.port, min_healthy="0s")
    sha = bed.git("rev-parse", "--short=7", FAILING).strip()
    done = subprocess.run(
        bed.deployctl("hotfix", settings, sha), capture_output=True, text=True, check=False
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 21:
        raise BenchError(f"the hotfix ended with {done.returncode}, not 21")
    failed = next(e for e in events if e["type"] == "stageEnded" and e["stage"] == "gate")
    back = next(
        e for e in events
        if e["type"] == "logLine" and e["text"].startswith("state rolled_back")
    )  # fmt: skip
    took = _when(back) - _when(failed)
    return PutBack(took * 1000, up_seconds(_log(bed)) * 1000)


def _when(event: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def _alone(bed: Bed) -> PutBack:
    settings = bed.settings(bed.port, min_healthy="60s")
    process = subprocess.Popen(
        bed.deployctl("hotfix", settings, bed.fresh_commit()), stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None or not any(
            json.loads(line)["type"] == "switched" for line in process.stdout
        ):
            raise BenchError("the hotfix did not come to its switch")
    finally:
        process.kill()
        process.wait()
    until = time.monotonic() + PATIENCE
    _require(lambda: any(step == "state swapped" for _, step in _log(bed)), until)
    deadline = float(
        bed.host.sh(
            f"for file in {STATE}/runs/*/deadline; do read -r _ boot <$file;"
            f' at=$(($(cut -d. -f1 /proc/uptime) + {SOON})); echo "$at $boot" >$file; done;'
            " echo $at"
        )
    )
    _require(lambda: any(step.startswith("state rolled_back") for _, step in _log(bed)), until)
    found = _log(bed)
    took = _at(found, "state rolled_back") - deadline
    return PutBack(took * 1000, up_seconds(found) * 1000)


def _require(true: Callable[[], bool], until: float) -> None:
    while not true():
        if time.monotonic() > until:
            raise BenchError("the host did not come to where it is measured")
        time.sleep(0.2)


def _document(runs: Sequence[PutBack]) -> dict[str, Any]:
    return {
        "costMs": Spread.of([run.cost for run in runs]).document(),
        "upMs": Spread.of([run.up for run in runs]).document(),
    }
