"""The whole hotfix, by deployctl and by what people do without it; and each one's outage."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bed import HERE, TARGET, Bed, BenchError, run
from bench.outage import Outage
from bench.stats import Spread, interleaved

BY_HAND = "script by hand"
DOCKER_HOST = "DOCKER_HOST=ssh://"
DEPLOYCTL_0 = "deployctl, min_healthy 0s"
DEPLOYCTL_10 = "deployctl, min_healthy 10s (default)"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One hotfix: seconds from start to end, what the prober saw, and deployctl's own figures."""

    seconds: float
    outage: Outage
    own: Mapping[str, Any] | None


def measure(bed: Bed, repetitions: int, say: Say) -> dict[str, Any]:
    """Each variant that many times, interleaved, after one round that only warms the caches."""
    variants, skipped = _variants(bed, say)
    runs: dict[str, list[Run]] = {name: [] for name in variants}
    for turn, name in enumerate(interleaved(list(variants), repetitions + 1)):
        done = _once(bed, variants[name])
        say(f"{name}: {done.seconds:.2f} s, outage {done.outage.seconds * 1000:.0f} ms")
        if turn >= len(variants):
            runs[name].append(done)
    return {"variants": {n: _document(found) for n, found in runs.items()}, "skipped": skipped}


def _variants(bed: Bed, say: Say) -> tuple[dict[str, Callable[[str], str]], dict[str, str]]:
    config = str(bed.ssh_config(bed.port))
    repository = str(bed.repository)

    def by_hand(sha: str) -> str:
        return run([str(HERE / "by_hand.sh"), repository, sha, config, TARGET])

    variants: dict[str, Callable[[str], str]] = {BY_HAND: by_hand}
    skipped: dict[str, str] = {}
    try:
        compose, environment = bed.local_compose(bed.port)
    except BenchError as error:
        skipped[DOCKER_HOST] = str(error)
        say(f"{DOCKER_HOST} is left out: {error}")
    else:
        words = [str(HERE / "docker_host.sh"), repository]

        def docker_host(sha: str) -> str:
            return run([*words, sha, config, TARGET, str(compose)], environment=environment)

        variants[DOCKER_HOST] = docker_host
    for name, min_healthy in ((DEPLOYCTL_0, "0s"), (DEPLOYCTL_10, "10s")):
        settings = bed.settings(bed.port, min_healthy=min_healthy)
        variants[name] = _by_deployctl(bed, settings)
    return variants, skipped


def _by_deployctl(bed: Bed, settings: Path) -> Callable[[str], str]:
    return lambda sha: run(bed.deployctl("hotfix", settings, sha))


def _once(bed: Bed, act: Callable[[str], str]) -> Run:
    bed.reset()
    sha = bed.fresh_commit()
    with bed.probed() as probing:
        began = time.monotonic()
        output = act(sha)
        seconds = time.monotonic() - began
    bed.require_live(sha)
    if probing.outage is None:
        raise BenchError("the prober said nothing")
    return Run(seconds, probing.outage, _availability(output))


def _availability(output: str) -> dict[str, Any] | None:
    last = output.strip().rpartition("\n")[2]
    if not last.startswith("{"):
        return None
    found: dict[str, Any] = json.loads(last)["availability"]
    return found


def _document(runs: list[Run]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "seconds": Spread.of([r.seconds for r in runs]).document(2),
        "outageMs": Spread.of([r.outage.seconds * 1000 for r in runs]).document(),
        "outages": [r.outage.count for r in runs],
        "probeGapMs": Spread.of([r.outage.widest_gap * 1000 for r in runs]).document(),
    }
    own = [(r.own, r.outage) for r in runs if r.own is not None]
    if own:
        document["ownOutageMs"] = Spread.of([o["downtimeMs"] for o, _ in own]).document()
        document["ownResolutionMs"] = Spread.of([o["resolutionMs"] for o, _ in own]).document()
        document["ownDifferenceMs"] = [
            round(o["downtimeMs"] - seen.seconds * 1000) for o, seen in own
        ]
    return document
