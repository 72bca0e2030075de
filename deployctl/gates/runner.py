"""Runs gates: once, or until a release is proven. The threads are here, the rules in `hold`."""

import threading
import time
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from deployctl.errors import DeployctlError, LinkLostError
from deployctl.events import Event, Events, GateAttempt
from deployctl.gates.base import (
    AnyGate,
    CannotObserveError,
    GateContext,
    Judgement,
    Observation,
    RawAnswer,
    State,
)
from deployctl.gates.hold import GIVE_UP_AFTER, End, Hold
from deployctl.gates.link_watch import PROMPT, LinkWatch
from deployctl.host.facts import ContainerState
from deployctl.host.failures import ForwardingRefused, ProgramFailed
from deployctl.result import GateResult

When = Literal["before", "after", "rollback"]

_FACTS_AGE: Final = 0.4
"""Seconds for which gates share one look at Docker."""

_LOOK_MARGIN: Final = 15.0
"""Seconds beyond its own timeout after which a single look is given up (Docker may be slow)."""

_LONGEST: Final = 1000
"""Characters of what was seen, and of a reason."""

_CANCEL_CHECK: Final = 0.05

NO_LINK: Final = Judgement("inconclusive", "nothing", "the connection to the host was lost")


@dataclass(frozen=True, kw_only=True)
class Unobserved(Observation):
    """A look that ended early, with the raw answers that it had by then."""

    answers: tuple[RawAnswer, ...] = ()

    @property
    def raw(self) -> tuple[RawAnswer, ...]:
        return self.answers


@dataclass(frozen=True)
class _Look:
    observation: Observation
    judgement: Judgement


def look(
    gates: Sequence[AnyGate],
    ctx: GateContext,
    when: When,
    events: Events,
    *,
    observations: MutableMapping[str, Observation] | None = None,
) -> list[GateResult]:
    """Looks once with every gate, concurrently; results in the order of the gates.

    `observations` is filled with what each gate saw: the baseline and the evidence. Raises
    LinkLostError when the connection to the host was lost meanwhile: then nobody knows how it is.
    """
    ctx = replace(ctx, proving=False, containers=_shared(ctx.containers))
    link = LinkWatch(ctx.alive)
    looks: dict[str, _Look] = {}

    def work(gate: AnyGate) -> None:
        looks[gate.name] = _take(gate, ctx, link, None)

    threads = [_thread(work, gate) for gate in gates]
    until = time.monotonic() + max((gate.timeout for gate in gates), default=0.0) + _LOOK_MARGIN
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = _Look(Unobserved(), Judgement("inconclusive", "nothing", "no answer in time"))
    unanswered = len(looks) < len(gates) and not link.answers()
    if unanswered or any(taken.judgement == NO_LINK for taken in looks.values()):
        raise LinkLostError("The connection to the host was lost while the gates looked.")
    results = []
    for gate in gates:
        taken = looks.get(gate.name, late)
        if observations is not None:
            observations[gate.name] = taken.observation
        events.emit(_attempt(gate, when, 1, taken.judgement))
        results.append(_result(gate, when, 1, taken.judgement))
    return results


def hold(
    gates: Sequence[AnyGate],
    ctx: GateContext,
    *,
    min_healthy: float,
    deadline: float,
    when: When,
    events: Events,
    cancelled: threading.Event,
    give_up_after: float = GIVE_UP_AFTER,
    observations: MutableMapping[str, Observation] | None = None,
) -> list[GateResult]:
    """Looks again and again until the release is proven, has failed, or `deadline` seconds passed.

    Returns at the deadline at the latest, and soon after `cancelled` is set; looks that hang are
    left behind. No event is emitted after it returned. `gates.verdict` says what the results mean.
    """
    if not gates:
        return []
    return _Holding(gates, ctx, when, events, observations).run(
        min_healthy, deadline, cancelled, give_up_after
    )


class _Holding:
    """One thread a gate; one lock around everything that they share."""

    def __init__(
        self,
        gates: Sequence[AnyGate],
        ctx: GateContext,
        when: When,
        events: Events,
        observations: MutableMapping[str, Observation] | None,
    ) -> None:
        self._gates = gates
        self._ctx = replace(ctx, proving=True, containers=_shared(ctx.containers))
        self._link = LinkWatch(ctx.alive)
        self._when = when
        self._events = events
        self._kept: MutableMapping[str, Observation] = {} if observations is None else observations
        self._changed = threading.Condition()
        self._over = False
        self._seen: dict[str, Observation] = {}
        self._hold: Hold

    def run(
        self,
        min_healthy: float,
        deadline: float,
        cancelled: threading.Event,
        give_up_after: float,
    ) -> list[GateResult]:
        began = time.monotonic()
        self._hold = Hold(
            {gate.name: gate.mode == "required" for gate in self._gates},
            began=began,
            deadline=began + deadline,
            min_healthy=min_healthy,
            give_up_after=give_up_after,
        )
        for gate in self._gates:
            _thread(self._watch, gate)
        with self._changed:
            try:
                end = self._wait(began + deadline, cancelled)
            finally:
                # Also when the wait is interrupted: nobody may look or speak after it.
                self._over = True
                self._changed.notify_all()
            return self._results(end)

    def _wait(self, until: float, cancelled: threading.Event) -> End:
        while True:
            now = time.monotonic()
            end = self._hold.end(now, cancelled=cancelled.is_set())
            if end is not None:
                return end
            self._changed.wait(min(_CANCEL_CHECK, max(0.001, until - now)))

    def _results(self, end: End) -> list[GateResult]:
        needs = {
            gate.name: need.ample
            for gate in self._gates
            if (need := gate.need(self._seen.get(gate.name)))
        }
        verdicts = self._hold.verdicts(end, needs)
        return [
            _result(gate, self._when, self._hold.tracks[gate.name].attempts, verdicts[gate.name])
            for gate in self._gates
        ]

    def _watch(self, gate: AnyGate) -> None:
        while not self._over:
            started = time.monotonic()
            taken = _take(gate, self._ctx, self._link, self._seen.get(gate.name))
            with self._changed:
                if self._over:
                    return
                pause = self._record(gate, taken, started)
                while not self._over:
                    left = self._hold.due(gate.name, pause) - time.monotonic()
                    if left <= 0:
                        break
                    self._changed.wait(left)

    def _record(self, gate: AnyGate, taken: _Look, started: float) -> float:
        """Seconds until this gate's next look is useful."""
        self._kept[gate.name] = taken.observation
        if not isinstance(taken.observation, Unobserved):
            self._seen[gate.name] = taken.observation
        seen = self._seen.get(gate.name)
        self._hold.record(
            gate.name,
            taken.judgement,
            started=started,
            ended=time.monotonic(),
            identity=taken.observation.identity,
            patience=need.notice if (need := gate.need(seen)) else 0.0,
        )
        attempts = self._hold.tracks[gate.name].attempts
        self._events.emit(_attempt(gate, self._when, attempts, taken.judgement))
        self._changed.notify_all()
        return gate.pause(seen)


def _take(gate: AnyGate, ctx: GateContext, link: LinkWatch, previous: Observation | None) -> _Look:
    """One look. Whatever happens in it is a verdict, for a hold must not end by an exception."""
    began = time.monotonic()
    try:
        observation = gate.observe(ctx, previous)
        judgement = gate.judge(observation)
    except CannotObserveError as error:
        observation, judgement = Unobserved(answers=error.raw), error.judgement
    except Exception as error:  # noqa: BLE001 - a bug in one gate must roll back, not hang
        observation, judgement = Unobserved(), _excuse(error)
    if _may_be_the_links(judgement, time.monotonic() - began) and not link.answers():
        judgement = NO_LINK
    return _Look(observation, _legible(judgement, ctx))


def _may_be_the_links(judgement: Judgement, seconds: float) -> bool:
    """A silent link looks like a silent service: it takes its time, and nothing is sure."""
    return judgement.state != "pass" and not judgement.definite and seconds >= PROMPT


def _legible(judgement: Judgement, ctx: GateContext) -> Judgement:
    """What a server said may be part of it: then no secret is, and it can be written anywhere."""
    return replace(
        judgement,
        observed=_shortened(judgement.observed, ctx),
        reason=_shortened(judgement.reason, ctx),
    )


def _shortened(text: str, ctx: GateContext) -> str:
    text = ctx.clean(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _excuse(error: Exception) -> Judgement:
    """What an exception that says nothing about the service leaves as a verdict."""
    state: State = "inconclusive"
    match error:
        case LinkLostError():
            return NO_LINK
        case ForwardingRefused():
            state, reason = "error", error.what
        case ProgramFailed():
            reason = f"Docker could not be asked: {error.message}"
        case DeployctlError():
            reason = error.what
        case OSError():
            reason = f"the host could not be asked: {error}"
        case _:
            state, reason = "error", f"a bug in this gate: {type(error).__name__}: {error}"
    return Judgement(state, "nothing", reason, definite=isinstance(error, ForwardingRefused))


def _thread(work: Callable[[AnyGate], None], gate: AnyGate) -> threading.Thread:
    thread = threading.Thread(target=work, args=(gate,), name=f"gate-{gate.name}", daemon=True)
    thread.start()
    return thread


def _attempt(gate: AnyGate, when: When, attempt: int, judgement: Judgement) -> Event:
    return GateAttempt(
        gate=gate.name,
        when=when,
        attempt=attempt,
        state=judgement.state,
        observed=judgement.observed,
        threshold=gate.threshold,
        reason=judgement.reason,
    )


def _result(gate: AnyGate, when: When, attempts: int, judgement: Judgement) -> GateResult:
    return GateResult(
        name=gate.name,
        service=gate.service,
        when=when,
        state=judgement.state,
        mode=gate.mode,
        observed=judgement.observed,
        threshold=gate.threshold,
        attempts=attempts,
        reason=judgement.reason,
    )


Containers = Callable[[str], tuple[ContainerState, ...]]


def _shared(fresh: Containers) -> Containers:
    """Gates that look at the same moment share one question to Docker."""
    lock = threading.Lock()
    known: dict[str, tuple[float, tuple[ContainerState, ...]]] = {}

    def containers(service: str) -> tuple[ContainerState, ...]:
        # Before the wait for somebody else's look: that one is as fresh as one asked for now.
        asked = time.monotonic()
        with lock:
            if service in known and asked - known[service][0] < _FACTS_AGE:
                return known[service][1]
            known[service] = (time.monotonic(), fresh(service))
            return known[service][1]

    return containers
