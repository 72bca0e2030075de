"""`deployctl rollback` where an earlier run was left armed: put that run back, and prove it."""

import threading

from deployctl.engines.compose import job, survey
from deployctl.engines.releases import find
from deployctl.errors import ExitCode
from deployctl.events import RollbackEnded, RollbackStarted
from deployctl.gates import runner
from deployctl.gates.build import build as build_gates
from deployctl.gates.verdict import verdict
from deployctl.result import Rollback
from deployctl.rollout import decide
from deployctl.rollout.consent import hear
from deployctl.rollout.context import gate_context
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.session import Session


def recover(session: Session) -> Outcome:
    """Puts every abandoned run back, then asks the gates that held before it."""
    runs = session.facts.abandoned
    names = ", ".join(run.run_id for run in runs)
    reason = f"put back by {session.options.operator}"
    session.events.emit(RollbackStarted(reason=f"run {names} was left unfinished"))
    with session.recorder.stage("rollback") as note:
        for run in runs:
            outcome = job.resume(
                session.hostlink,
                f"{session.facts.state_dir}/runs/{run.run_id}",
                session.settings.host.operators_group or "",
                reason,
                lambda event: hear(session, event),
            )
            if outcome.state != "rolled_back":
                return _failed(session, run.run_id, outcome)
        note.detail = names
    session.survey = survey.take(session.hostlink.host, session.settings, probe_write=False)
    result = _prove(session, names)
    session.events.emit(
        RollbackEnded(
            state=session.recorder.rollback.state,
            duration_ms=session.recorder.elapsed_ms,
            detail=result.reason,
        )
    )
    return result


def _prove(session: Session, names: str) -> Outcome:
    facts = session.facts
    live = find(facts.releases, facts.live)
    wanted = set(live.gates) if live else {"container"}
    settings = session.settings
    everything = build_gates(settings.gates, settings.services, session.options.advisory)
    gates = tuple(gate for gate in everything if gate.name in wanted)
    results = runner.hold(
        gates,
        gate_context(
            session, images=decide.live_images(facts, session.settings.services), sha=None
        ),
        min_healthy=session.settings.rollout.min_healthy,
        deadline=session.settings.rollout.deadline,
        when="rollback",
        events=session.events,
        cancelled=threading.Event(),
    )
    session.recorder.gates.extend(results)
    found = verdict(results)
    session.recorder.rollback = Rollback(
        performed=True,
        state="proven" if found.state == "pass" else "unproven",
        reason=f"run {names} put back",
    )
    if found.state != "pass":
        return Outcome(
            ExitCode.ROLLBACK_FAILED,
            f"Run {names} was put back, but {found.reason}.",
            "What ran before the unfinished run is in place again, but it does not hold.",
            next_step="deployctl logs; deployctl status",
        )
    return Outcome(
        ExitCode.SEALED,
        f"Run {names} was put back: what held before it serves again.",
        "What ran before the unfinished run serves again.",
        next_step="deployctl status",
    )


def _failed(session: Session, run_id: str, outcome: job.RollbackOutcome) -> Outcome:
    session.recorder.rollback = Rollback(
        performed=True, state="failed", reason="; ".join(outcome.failures)
    )
    return Outcome(
        ExitCode.ROLLBACK_FAILED,
        f"Run {run_id} could not be put back: {'; '.join(outcome.failures) or outcome.state}.",
        "A person is needed: the host may run the new release, the old one, or none.",
        next_step=f"Look at {session.facts.state_dir}/runs/{run_id} on the host, then "
        "deployctl rollback again.",
    )
