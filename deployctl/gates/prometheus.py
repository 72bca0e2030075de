"""The Prometheus target gate: `up` counts only when provably scraped from the new container.

A healthy target with a fresh scrape proves nothing by itself: Prometheus keeps connections alive,
and behind a forwarder it can go on reading the old process. The proof has four parts: a fence
(Prometheus's own time, taken after the switch); two distinct good scrapes that began after it
(the first may have been on its way); an identity; and a scrape that had samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Literal

from deployctl.config.gates import PrometheusGateSettings
from deployctl.gates.base import (
    CannotObserveError,
    Gate,
    GateContext,
    Judgement,
    Need,
    Observation,
    RawAnswer,
)
from deployctl.gates.promapi import PrometheusApi, Sample, Target, selector
from deployctl.host.facts import ContainerState

START_SLACK: Final = 2.0
"""Seconds that a process may seem to have started before its container: the kernel tells start
times in ticks since a boot time that is rounded."""
MADE_FOR_THIS: Final = 60.0
"""Seconds within which a container that was just made is started for the first time."""

DISCOVERY_SLACK: Final = 5.0
_NEEDED_SCRAPES: Final = 2
_PROCESS_START: Final = "process_start_time_seconds"
_SAMPLES: Final = "scrape_samples_scraped"
_LOOKBACK: Final = 300.0


@dataclass(frozen=True)
class Scrape:
    text: str
    """as Prometheus writes it, to tell scrapes apart to the nanosecond"""
    at: float
    good: bool


@dataclass(frozen=True, kw_only=True)
class PrometheusObservation(Observation):
    targets: tuple[Target, ...]
    """the targets that match"""
    others: tuple[str, ...] = ()
    """jobs of the active targets that don't match"""
    expected: int
    fence: float | None = None
    """Prometheus's time after the switch; None: this is a look, not a proof"""
    scrapes: Mapping[str, tuple[Scrape, ...]] = field(default_factory=dict)
    """target -> its last distinct scrapes that began after the fence, oldest first"""
    series: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    """target -> last samples of the series that tell who was scraped"""
    started_at: float | None = None
    """since when a process can be of the service's containers, on the host's clock"""
    expected_sha: str | None = None
    old_gone: bool = False
    answers: tuple[RawAnswer, ...] = ()

    @property
    def raw(self) -> tuple[RawAnswer, ...]:
        return self.answers


class PrometheusGate(Gate[PrometheusObservation]):
    def __init__(self, name: str, settings: PrometheusGateSettings, service: str) -> None:
        super().__init__(
            name,
            mode=settings.mode,
            service=service,
            timeout=settings.timeout,
            interval=settings.interval or 1.0,
        )
        self._settings = settings
        insecure = " (certificate not verified)" if settings.insecure else ""
        self.threshold = f"target {self._what()} up, scraped twice from the new container{insecure}"

    def observe(
        self, ctx: GateContext, previous: PrometheusObservation | None = None
    ) -> PrometheusObservation:
        containers = ctx.containers(self.service)
        api = PrometheusApi(self._settings, ctx)
        fence = previous.fence if previous else None
        if ctx.proving:
            fence = api.time() if fence is None else fence
            active = api.targets()
        else:
            active = _targets_and_time(api)
        targets = tuple(target for target in active if self._matches(target))
        if not targets and any(each.status == "running" for each in containers):
            self._look_for_dropped(api)
        scrapes = {
            target.key: _with_scrape(
                previous.scrapes.get(target.key, ()) if previous else (), target
            )
            for target in targets
            if fence is not None and _scraped_after(target, fence)
        }
        starts = [since for each in containers if (since := began(each)) is not None]
        return PrometheusObservation(
            targets=targets,
            others=tuple(sorted({target.pool for target in active if target not in targets})),
            expected=self._settings.expected or ctx.replicas.get(self.service, 1),
            fence=fence,
            scrapes=scrapes,
            series={
                target.key: self._series(api, target) for target in targets if target.key in scrapes
            },
            started_at=min(starts, default=None),
            expected_sha=ctx.expected_sha,
            old_gone=ctx.old_gone,
            answers=tuple(api.raw),
        )

    def judge(self, observation: PrometheusObservation) -> Judgement:
        targets = observation.targets
        if not targets:
            others = ", ".join(observation.others[:5]) or "none"
            return Judgement(
                "fail", "no target", f"no active target matches {self._what()}; jobs: {others}"
            )
        observed = "; ".join(_observed(target, observation) for target in targets)
        if len(targets) != observation.expected:
            reason = f"{len(targets)} targets match {self._what()}, expected {observation.expected}"
            return Judgement("fail", observed, reason)
        verdicts = [judge_target(target, observation, self._settings) for target in targets]
        worst = min(verdicts, key=_severity)
        state = worst.state
        if state == "pass":
            proof = "; ".join(sorted({verdict.observed for verdict in verdicts}))
            return Judgement("pass", f"{observed}; {proof}")
        return Judgement(state, observed, worst.reason)

    def pause(self, observation: PrometheusObservation | None) -> float:
        if self._settings.interval or observation is None:
            return self.interval
        known = [interval for target in observation.targets if (interval := self._interval(target))]
        return min(2.0, max(0.25, min(known) / 4)) if known else self.interval

    def need(self, observation: PrometheusObservation | None) -> Need | None:
        """Two scrapes; at worst also the time one may take, and the lag of service discovery."""
        known = [
            (interval, target.timeout or interval)
            for target in (observation.targets if observation else ())
            if (interval := self._interval(target))
        ]
        if not known:
            return None
        interval, timeout = max(known)
        least = _NEEDED_SCRAPES * interval
        ample = least + timeout + DISCOVERY_SLACK
        return Need(
            least, ample, f"{_NEEDED_SCRAPES} scrapes, one each {interval:g} s,", notice=ample
        )

    def _interval(self, target: Target) -> float | None:
        return target.interval or self._settings.scrape_interval

    def _what(self) -> str:
        named = (
            ("job", self._settings.job),
            ("pool", self._settings.pool),
            ("instance", self._settings.instance),
        )
        return ", ".join(f"{name} {value}" for name, value in named if value)

    def _matches(self, target: Target) -> bool:
        settings = self._settings
        jobs = (target.pool, target.labels.get("job"), target.discovered.get("job"))
        places = (target.labels.get("instance"), target.address, target.url)
        return (
            (settings.pool is None or settings.pool == target.pool)
            and (settings.job is None or settings.job in jobs)
            and (settings.instance is None or settings.instance in places)
        )

    def _look_for_dropped(self, api: PrometheusApi) -> None:
        """Raises CannotObserveError where relabelling drops the target: no release mends that."""
        dropped = [target for target in api.dropped() if self._matches(target)]
        if dropped:
            raise CannotObserveError(
                "error",
                f"Prometheus discovers the target {dropped[0].address} of {self._what()}, but its "
                "relabelling drops it, so it is never scraped",
                observed="dropped",
                raw=tuple(api.raw),
            )

    def _series(self, api: PrometheusApi, target: Target) -> tuple[Sample, ...]:
        labels: dict[str, str] = {
            name: value for name, value in target.labels.items() if name in {"job", "instance"}
        }
        if not labels:
            return ()
        window = max(_LOOKBACK, 3 * (self._interval(target) or 0.0))
        named = selector(labels, metrics=(_PROCESS_START, _SAMPLES))
        found = api.last_samples(named, window)
        if self._settings.revision_label:
            extra = f'{self._settings.revision_label}!=""'
            found += api.last_samples(selector(labels, extra=extra), window)
        return found


def _targets_and_time(api: PrometheusApi) -> tuple[Target, ...]:
    """Both at once. A server that answers no queries could prove nothing after the rollout."""
    with ThreadPoolExecutor(1, "prometheus-time") as beside:
        now = beside.submit(api.time)
        active = api.targets()
        now.result()
    return active


def _scraped_after(target: Target, fence: float) -> bool:
    return target.last_scrape is not None and target.last_scrape > fence


def _with_scrape(known: tuple[Scrape, ...], target: Target) -> tuple[Scrape, ...]:
    """The last two distinct scrapes after the fence."""
    if known and known[-1].text == target.last_scrape_text:
        return known
    good = target.health == "up" and not target.last_error
    scrape = Scrape(target.last_scrape_text, target.last_scrape or 0.0, good)
    return (*known, scrape)[-_NEEDED_SCRAPES:]


def judge_target(
    target: Target, seen: PrometheusObservation, settings: PrometheusGateSettings
) -> Judgement:
    """One target. A pass says in `observed` which proof it rests on."""
    verdict = _waiting("")
    for verdict in _steps(target, seen, settings):
        if verdict.state != "pass":
            break
    return verdict


def _steps(
    target: Target, seen: PrometheusObservation, settings: PrometheusGateSettings
) -> Iterator[Judgement]:
    """The parts of the proof, in order; the first that is no pass decides, else the last."""
    if seen.fence is None:
        yield _judge_state(target)
        return
    if not _scraped_after(target, seen.fence):
        yield _waiting("Prometheus has not scraped it since the switch")
    yield _judge_state(target)
    scrapes = seen.scrapes.get(target.key, ())
    fresh = _of_these(scrapes, seen.series.get(target.key, ()), seen.fence)
    identity = _judge_identity(fresh, seen, settings)
    if identity.state == "fail":
        yield identity
    good = sum(scrape.good for scrape in scrapes)
    if good < _NEEDED_SCRAPES:
        yield _waiting(f"{good} of {_NEEDED_SCRAPES} scrapes since the switch")
    counts = [sample.value for sample in fresh if sample.labels.get("__name__") == _SAMPLES]
    if not counts:
        yield _waiting(f"{_SAMPLES} has no sample since the switch")
    if min(counts, default=0) <= 0:
        yield Judgement("fail", "", "Prometheus scraped an empty exposition from it")
    yield identity


def _of_these(
    scrapes: Sequence[Scrape], series: Sequence[Sample], fence: float
) -> tuple[Sample, ...]:
    """The samples of these scrapes. Prometheus may align a sample's time by a few milliseconds."""
    if not scrapes:
        return ()
    first, last = scrapes[0].at, scrapes[-1].at
    tolerance = (last - first) / 4 if last > first else 0.05
    return tuple(each for each in series if each.at > fence and each.at >= first - tolerance)


def _judge_state(target: Target) -> Judgement:
    if target.health == "up" and not target.last_error:
        return Judgement("pass", "its state as Prometheus tells it, not proven by a scrape")
    if target.health == "down" or target.last_error:
        reason = f"Prometheus can't scrape it: {target.last_error or 'no reason given'}"
        return Judgement("fail", "", reason)
    return _waiting("Prometheus has not scraped it yet")


def began(container: ContainerState) -> float | None:
    """Since when a process can be this container's.

    A host that is out of breath notes a start seconds after it. Of a container that was just made
    and started once, no process is older than the container itself.
    """
    started, created = container.started_at, container.created_at
    if started is None:
        return None
    if created is None or container.restart_count:
        return started.timestamp()
    soon = (started - created).total_seconds() <= MADE_FOR_THIS
    return (created if soon else started).timestamp()


def _judge_identity(
    fresh: Sequence[Sample], seen: PrometheusObservation, settings: PrometheusGateSettings
) -> Judgement:
    """Who was scraped since the fence. The newest proof that speaks decides."""
    label, sha = settings.revision_label, seen.expected_sha
    revisions = {sample.labels[label] for sample in fresh if label and label in sample.labels}
    if revisions and sha:
        wrong = sorted(value for value in revisions if not _same_commit(value, sha))
        if wrong:
            return Judgement("fail", "", f"it was scraped from revision {wrong[0]}, not {sha[:7]}")
        return _proven("revision label", f"{label} is {sha[:7]}")
    starts = [sample.value for sample in fresh if sample.labels.get("__name__") == _PROCESS_START]
    if starts and seen.started_at is not None:
        early = seen.started_at - min(starts)
        if early > START_SLACK:
            return Judgement(
                "fail",
                "",
                f"Prometheus still reads a process that started {early:.0f} s before the new "
                "container (a connection kept alive, or another instance)",
            )
        return _proven("process start", "the process started with the new container")
    if seen.old_gone:
        return _proven("old container gone", "the old container was stopped before the new one ran")
    return _waiting(
        f"nothing tells which process was scraped: expose {_PROCESS_START} or set revision_label"
    )


Proof = Literal["revision label", "process start", "old container gone"]


def _proven(proof: Proof, text: str) -> Judgement:
    return Judgement("pass", f"proof by {proof}: {text}")


def _waiting(reason: str) -> Judgement:
    return Judgement("inconclusive", "", reason)


def _same_commit(label: str, sha: str) -> bool:
    return len(label) >= 7 and (sha.startswith(label.lower()) or label.lower() == sha)


def _observed(target: Target, seen: PrometheusObservation) -> str:
    since = len([scrape for scrape in seen.scrapes.get(target.key, ()) if scrape.good])
    when = f", {since} scrapes since the switch" if seen.fence is not None else ""
    return f"{target.name} {target.health}{when}"


def _severity(judgement: Judgement) -> int:
    return ("fail", "error", "inconclusive", "pass").index(judgement.state)
