"""The figures of one service's runs, each with what it counts and what it leaves out. Pure.

The first five are DORA's. Where there is too little to say, a figure has no value but a note: a
zero would be read as one. DORA: https://dora.dev/guides/dora-metrics/
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from deployctl.evidence.stats.runs import Run
from deployctl.result import SCHEMA_VERSION, Document

RATE_FROM = 5
"""Of fewer no rate is told: one more would change it by a fifth or more."""
TAIL_FROM = 10
"""Of fewer no ninetieth percentile is told: it would be the largest."""
FREQUENCY_FROM = timedelta(days=7)

Unit = Literal["per week", "ratio", "ms"]


class Figure(Document):
    name: str
    value: float | None
    """None: too little is known, `note` says what"""
    unit: Unit
    sample: int
    """how many the value is over: of a rate its denominator"""
    hits: int | None = None
    """of a rate: its numerator"""
    lower_bound: bool = False
    """the true value may be larger, never smaller"""
    note: str = ""
    counts: str
    leaves_out: str


class EndCount(Document):
    result: str
    runs: int


class ServiceStats(Document):
    target: str
    project: str
    since: datetime
    """where what is known begins: the oldest run, or what was asked for"""
    until: datetime
    runs: int
    ends: tuple[EndCount, ...]
    figures: tuple[Figure, ...]


class SkippedSeal(Document):
    path: str
    reason: str


class StatsDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "stats"
    since: datetime
    until: datetime
    services: tuple[ServiceStats, ...]
    skipped: tuple[SkippedSeal, ...]


def median(values: Sequence[float]) -> float | None:
    """The middle one, or the mean of both middle ones."""
    if not values:
        return None
    ordered, middle = sorted(values), len(values) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The smallest value that so many percent of all don't exceed."""
    if not values:
        return None
    rank = max(1, math.ceil(len(values) * percent / 100))
    return float(sorted(values)[rank - 1])


def stats(
    runs: Iterable[Run], since: datetime, until: datetime, target: str | None = None
) -> tuple[ServiceStats, ...]:
    """Figures for each target and Compose project with a run between the times.

    What came before is looked at as well: a change may fail, or be mended, long after its run.
    """
    known = [
        run
        for run in runs
        if run.started_at <= until and run.command != "plan" and target in (None, run.target)
    ]
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(known, key=lambda each: (each.started_at, each.run_id)):
        groups.setdefault((run.target, _project(run, known)), []).append(run)
    return tuple(
        _service(name, project, found, since, until)
        for (name, project), found in sorted(groups.items())
        if found[-1].started_at >= since
    )


def _project(run: Run, runs: Sequence[Run]) -> str:
    """Its own; of a run that ended before that was known, the only one of its target."""
    if run.project:
        return run.project
    known = {other.project for other in runs if other.target == run.target and other.project}
    return known.pop() if len(known) == 1 else ""


def _service(
    target: str, project: str, runs: Sequence[Run], since: datetime, until: datetime
) -> ServiceStats:
    first = max(since, runs[0].started_at)
    within = [run for run in runs if run.started_at >= since]
    history = _History(joined(runs), since)
    ends = Counter(run.result for run in within)
    return ServiceStats(
        target=target,
        project=project,
        since=first,
        until=until,
        runs=len(within),
        ends=tuple(EndCount(result=word, runs=ends[word]) for word in sorted(ends)),
        figures=(
            _frequency(history, until - first),
            _lead_time(history),
            _failure_rate(history),
            _recovery(history),
            _rework(history),
            *_outages(history),
            *_rollbacks(history),
        ),
    )


def joined(runs: Iterable[Run]) -> list[Run]:
    """A change that `confirm` kept is one with the hotfix that made it, and did not fail.

    Runs of one service, oldest first.
    """
    found: list[Run] = []
    for run in runs:
        made = _made(run, found) if run.command == "confirm" and run.went_live else None
        if made is None:
            found.append(run)
        elif not made.went_live:
            at = found.index(made)
            found[at] = replace(made, result="sealed", live_at=run.good_at, ended_at=run.ended_at)
    return found


def _made(confirm: Run, before: Sequence[Run]) -> Run | None:
    """The last hotfix that switched, if it is the one that made what `confirm` kept."""
    for run in reversed(before):
        if run.went_back:
            return None
        if run.command == "hotfix" and run.switched_at is not None and not run.put_back:
            return run if _same_change(run, confirm) else None
    return None


def _same_change(one: Run, other: Run) -> bool:
    if one.release is not None and other.release is not None:
        return one.release == other.release
    return one.sha is not None and one.sha == other.sha


@dataclass(frozen=True)
class _History:
    """Runs of one service, oldest first, and from when on what happened is counted."""

    runs: Sequence[Run]
    since: datetime

    def counts(self, moment: datetime) -> bool:
        return moment >= self.since

    @property
    def deployed(self) -> list[Run]:
        return [run for run in self.runs if run.went_live]

    @property
    def failed(self) -> list[Run]:
        return [run for run in self.runs if run.failed_change]

    @property
    def went_back(self) -> list[Run]:
        return [run for run in self.runs if run.went_back]

    def left(self) -> Iterator[tuple[Run, Run]]:
        """Deployments with the `deployctl rollback` that left them; each at most once."""
        for back in self.went_back:
            before = [
                run
                for run in self.deployed
                if run.release == back.previous is not None and run.started_at < back.started_at
            ]
            if before:
                yield before[-1], back

    def good_after(self, run: Run) -> Run | None:
        """The next run by whose end what serves was proven good."""
        later = (other for other in self.runs if other.started_at >= run.ended_at)
        return next((other for other in later if other.result in {"sealed", "unchanged"}), None)


def _frequency(history: _History, span: timedelta) -> Figure:
    deployed = sum(history.counts(run.good_at) for run in history.deployed)
    value, note = None, ""
    if not deployed:
        note = f"no deployment in {_days(span)}"
    elif span < FREQUENCY_FROM:
        note = f"{deployed} in {_days(span)}: too short a time for a rate"
    else:
        value = deployed / (span / timedelta(weeks=1))
    return Figure(
        name="deploymentFrequency",
        value=value,
        unit="per week",
        sample=deployed,
        note=note,
        counts="hotfixes that went live and were sealed, since the oldest run of which evidence is "
        "here",
        leaves_out="rollbacks; deployments by other means, from other machines, and those whose "
        "evidence is gone or was never sealed",
    )


def _lead_time(history: _History) -> Figure:
    times, seen = [], set[str]()
    for run in history.deployed:
        if run.sha is None or run.sha in seen:
            continue
        seen.add(run.sha)
        known = run.committed_at is not None and run.good_at >= run.committed_at
        if known and history.counts(run.good_at):
            times.append(_ms(run.good_at - (run.committed_at or run.good_at)))
    return Figure(
        name="changeLeadTime",
        value=median(times),
        unit="ms",
        sample=len(times),
        note="" if times else "no deployment whose commit's time is known",
        counts="median time from the commit, by its committer's clock, until it was live and "
        "proven; each commit once",
        leaves_out="earlier commits that went live with the deployed one, and waited longer; a "
        "rebase or cherry-pick makes a commit younger",
    )


def _failure_rate(history: _History) -> Figure:
    left = {deployed.run_id for deployed, _ in history.left()}
    changes = {
        run.run_id: run
        for run in (*history.deployed, *history.failed)
        if history.counts(run.changed_at)
    }
    failed = [run for name, run in changes.items() if run.failed_change or name in left]
    return _rate(
        "changeFailureRate",
        hits=len(failed),
        sample=len(changes),
        # A gate that failed is a failure; of the others some may have been none.
        lower_bound=all(run.result == "rolled-back" for run in failed),
        what="changes",
        counts="of the hotfixes that came as far as the switch: those that were rolled back for a "
        "failed gate or for want of proof, those whose rollback failed, and those that deployctl "
        "rollback left later",
        leaves_out="what was refused or failed before the switch, which is no change failure; "
        "runs that a person interrupted, and those put back for a bug in deployctl; failures that "
        "were mended in another way",
    )


def _recovery(history: _History) -> Figure:
    ended: list[tuple[datetime, float]] = []
    """when each was recovered from, and after how long"""
    left = list(history.left())
    waiting, by_next_run = 0, False
    for run in history.failed:
        began = run.changed_at
        if run.put_back_proven and run.put_back_at is not None:
            ended.append((run.put_back_at, _ms(run.put_back_at - began)))
        elif (good := history.good_after(run)) is not None:
            ended.append((good.good_at, _ms(good.good_at - began)))
            by_next_run |= history.counts(good.good_at)
        else:
            waiting += history.counts(began)
    ended += [(back.good_at, _ms(back.good_at - back.started_at)) for _, back in left]
    times = [lasted for moment, lasted in ended if history.counts(moment)]
    from_outside = any(history.counts(back.good_at) for _, back in left)
    note = "" if times else "no failed deployment that was recovered from"
    if waiting:
        told = f"{waiting} not recovered from yet, as far as is known here"
        note = f"{note}; {told}" if note else told
    return Figure(
        name="failedDeploymentRecoveryTime",
        value=median(times),
        unit="ms",
        sample=len(times),
        # Where a person mended one before the next run, or without any, it took less.
        lower_bound=from_outside and not (by_next_run or waiting),
        note=note,
        counts="median time from the switch until the earlier release was proven again, or until "
        "the next good run where the rollback failed; for a release that deployctl rollback left: "
        "from that command on",
        leaves_out="the time in which such a release was bad before anybody acted; failures that "
        "are not recovered from, and what mended one without deployctl",
    )


def _rework(history: _History) -> Figure:
    rework, deployments, broken = 0, 0, False
    for run in history.runs:
        if run.went_back or run.went_live:
            if history.counts(run.good_at):
                deployments += 1
                rework += run.went_back or broken
            broken = run.went_back
        elif run.failed_change and run.result == "rollback-failed":
            broken = True
    return _rate(
        "deploymentReworkRate",
        hits=rework,
        sample=deployments,
        what="deployments",
        counts="of the hotfixes and rollbacks that went live: the rollbacks, and the first hotfix "
        "after a rollback or after one that failed",
        leaves_out="hotfixes for what nobody rolled back, and that the one after a rollback may "
        "have been planned: deployctl can't tell an unplanned one",
    )


def _outages(history: _History) -> Iterator[Figure]:
    switches = [
        run
        for run in history.runs
        if (run.went_live or run.went_back) and run.switched_at and run.outage_ms is not None
        if history.counts(run.good_at)
    ]
    coarsest = max((run.resolution_ms or 0 for run in switches), default=0)
    yield from _middle_and_tail(
        "outagePerSwitch",
        [float(run.outage_ms or 0) for run in switches],
        what="switch that was measured",
        counts="time without a good answer, in the hotfixes and rollbacks that went live"
        + (f"; measured to within {coarsest} ms" if switches else ""),
        leaves_out="runs without `availability:`, measured in part, put back, or with an outage "
        "that was not over when the measurement ended",
    )


def _rollbacks(history: _History) -> Iterator[Figure]:
    yield from _middle_and_tail(
        "rollbackTime",
        [
            float(run.put_back_ms)
            for run in history.runs
            if run.command == "hotfix" and run.put_back_proven and run.put_back_ms is not None
            if history.counts(run.put_back_at or run.ended_at)
        ],
        what="rollback within a hotfix",
        counts="time from the decision to put back until the earlier release was proven, within a "
        "hotfix",
        leaves_out="rollbacks that failed or were not proven, those by the host alone, and "
        "`deployctl rollback`",
    )


def _middle_and_tail(
    name: str, values: Sequence[float], *, what: str, counts: str, leaves_out: str
) -> Iterator[Figure]:
    enough = len(values) >= TAIL_FROM
    few = f"{len(values)} are too few; it takes {TAIL_FROM}"
    for suffix, value, note in (
        ("Median", median(values), "" if values else f"no {what}"),
        ("P90", percentile(values, 90) if enough else None, "" if enough else few),
    ):
        yield Figure(
            name=f"{name}{suffix}",
            value=value,
            unit="ms",
            sample=len(values),
            note=note,
            counts=counts,
            leaves_out=leaves_out,
        )


def _rate(
    name: str,
    *,
    hits: int,
    sample: int,
    what: str,
    counts: str,
    leaves_out: str,
    lower_bound: bool = False,
) -> Figure:
    enough = sample >= RATE_FROM
    return Figure(
        name=name,
        value=hits / sample if enough else None,
        unit="ratio",
        sample=sample,
        hits=hits,
        lower_bound=lower_bound,
        note=""
        if enough
        else f"{hits} of {sample} {what}: too few for a rate, it takes {RATE_FROM}",
        counts=counts,
        leaves_out=leaves_out,
    )


def _ms(length: timedelta) -> float:
    return max(0.0, length / timedelta(milliseconds=1))


def _days(span: timedelta) -> str:
    return f"{max(0.0, span / timedelta(days=1)):.1f} days"
