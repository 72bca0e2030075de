"""`deployctl rollback` where an earlier run was left armed: end that run, and prove what serves.

It comes before `approve` and needs no consent: the host would do the same by itself, at the run's
deadline or after the next start. What was being deployed is put back; a `deployctl rollback` that
lost its client is finished forward, as every rollback is.
"""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from deployctl.engines.compose import job, survey
from deployctl.engines.compose.survey import Unfinished
from deployctl.engines.releases import ReleaseRecord, answers_to, describe, find
from deployctl.errors import ExitCode
from deployctl.events import RollbackEnded, RollbackStarted
from deployctl.gates import runner
from deployctl.gates.base import AnyGate, Observation
from deployctl.gates.build import build as build_gates
from deployctl.gates.verdict import verdict
from deployctl.result import Rollback
from deployctl.rollout import decide
from deployctl.rollout.context import gate_context, record_containers, timing
from deployctl.rollout.deadline import needs_of
from deployctl.rollout.holding import alone, hear
from deployctl.rollout.interrupts import uninterrupted
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.session import Session
from deployctl.rollout.undo import NEEDS_A_PERSON

ENDED = {"rolled_back": "put back", "confirmed": "finished", "released": "ended unchanged"}
"""how a run that was ended well ended"""


FIX_FORWARD = (
    "There is no way back. Fix forward: deployctl hotfix --sha FIX, with --accept-drift --reason "
    "TEXT if the Compose file names the release of before already."
)


class NotEndedError(Exception):
    """An abandoned run could not be ended, or what serves after it does not hold."""

    def __init__(self, told: str, next_step: str = "") -> None:
        super().__init__(told)
        self.next_step = next_step


def recover(session: Session) -> Outcome:
    """Ends every abandoned run, then asks the gates of the release that is live then.

    From the first order on production may change: whatever fails after it is 22.
    """
    left = _left(session)
    names = ", ".join(run.run_id for run in left)
    began = time.monotonic()
    session.events.emit(RollbackStarted(reason=f"run {names} was left unfinished"))
    with uninterrupted(session):
        try:
            with session.recorder.stage("rollback") as note:
                note.detail = ended = _end_all(session, left)
                with alone(session):
                    serves = prove(session)
            outcome = _proven(ended, serves)
        except Exception as error:  # noqa: BLE001 - whatever it is, what runs now is not proven
            told = str(error) or type(error).__name__
            outcome = _not_proven(
                session,
                left[0].run_id,
                f"Run {names} could not be ended and proven: {told}.",
                getattr(error, "next_step", ""),
            )
    if outcome.code is ExitCode.SEALED and _elsewhere(session):
        outcome = _not_yet(session, outcome)
    rollback = Rollback(
        performed=True,
        state="unproven" if outcome.code is ExitCode.ROLLBACK_FAILED else "proven",
        duration_ms=int((time.monotonic() - began) * 1000),
        reason=outcome.reason,
    )
    session.recorder.rollback = rollback
    session.events.emit(
        RollbackEnded(
            state=rollback.state, duration_ms=rollback.duration_ms or 0, detail=rollback.reason
        )
    )
    return outcome


def _elsewhere(session: Session) -> bool:
    """Whether another release was asked for than the one that is live now."""
    live = find(session.facts.releases, session.facts.live)
    return session.wanted is not None and (live is None or not answers_to(live, session.wanted))


def _not_yet(session: Session, ended: Outcome) -> Outcome:
    """The unfinished run was ended; what was asked for has not begun."""
    return Outcome(
        ExitCode.REFUSED,
        f"{ended.reason} {session.wanted} is not live yet: the unfinished run had to be ended "
        "first.",
        ended.production,
        next_step=f"deployctl rollback --to {session.wanted}",
    )


def _left(session: Session) -> tuple[Unfinished, ...]:
    """Every abandoned run, or the one that is meant."""
    return tuple(run for run in session.facts.abandoned if session.ending in (None, run.run_id))


def _end_all(session: Session, runs: Sequence[Unfinished]) -> str:
    return ", ".join(f"run {run.run_id} was {_end(session, run)}" for run in runs)


def _end(session: Session, run: Unfinished) -> str:
    outcome = job.resume(
        session.hostlink,
        f"{session.facts.state_dir}/runs/{run.run_id}",
        session.settings.host.operators_group or "",
        f"{job.ENDED_BY}{session.options.operator}",
        lambda event: hear(session, event),
    )
    if outcome.state not in ENDED:
        told = "; ".join(outcome.failures) or f"the host says {outcome.state}"
        raise NotEndedError(told, FIX_FORWARD if outcome.state == "kept" else "")
    for line in outcome.notes:
        session.note("warning", line)
    return ENDED[outcome.state]


def prove(session: Session) -> str:
    """What serves now, by the gates that held when it went live. Raises NotEndedError."""
    settings = session.settings
    host = session.hostlink.host
    facts = survey.take(host, settings, probe_write="no", marks=session.marks)
    record_containers(session, facts.containers)
    session.survey = facts
    live = find(facts.releases, facts.live)
    every = build_gates(settings.gates, settings.services, session.options.advisory)
    gates = tuple(gate for gate in every if _judges(gate, live))
    if live and not gates:
        return _by_image(session, live)
    context = gate_context(session, images=decide.live_images(facts, settings.services), sha=None)
    # What it did before this look, such as an old restart, is no fault of what serves now.
    seen: dict[str, Observation] = {}
    runner.look(gates, context, "rollback", session.events, observations=seen)
    session.needs = needs_of(gates, seen)
    times = timing(session)
    results = runner.hold(
        gates,
        replace(context, baseline=seen),
        min_healthy=times.min_healthy,
        deadline=times.deadline,
        when="rollback",
        events=session.events,
        cancelled=threading.Event(),
    )
    session.recorder.gates.extend(results)
    found = verdict(results)
    if found.state != "pass":
        raise NotEndedError(f"what runs now does not hold: {found.reason}")
    return f"{describe(live) if live else 'what ran before'} serves"


def _by_image(session: Session, live: ReleaseRecord) -> str:
    if decide.current(session.facts, session.settings.services) != live:
        raise NotEndedError(f"what runs now is not {describe(live)}")
    return f"{describe(live)} is what runs (no gate held when it went live)"


def _judges(gate: AnyGate, live: ReleaseRecord | None) -> bool:
    """Where no release is recorded, Docker's own view is all that is known to have held."""
    return gate.name in live.gates if live else gate.name.startswith("container")


def _proven(ended: str, serves: str) -> Outcome:
    return Outcome(
        ExitCode.SEALED,
        f"{sentence(ended)}, and {serves}. It needed no approval: the host would have done the "
        "same by itself.",
        f"{sentence(serves)}.",
        next_step="deployctl status",
    )


def _not_proven(session: Session, run_id: str, reason: str, next_step: str) -> Outcome:
    return Outcome(
        ExitCode.ROLLBACK_FAILED,
        reason,
        NEEDS_A_PERSON,
        next_step=next_step
        or f"deployctl status; deployctl logs; deployctl rollback --run {run_id} again. On the "
        f"host: {session.facts.state_dir}/runs",
    )


def sentence(text: str) -> str:
    """A release's number stays as it is everywhere: r1."""
    return text if re.match(r"r\d", text) else text[:1].upper() + text[1:]
