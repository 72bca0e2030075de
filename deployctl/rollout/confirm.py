"""`deployctl confirm RUN`: keeps the release of a run that lost its client, once the gates hold.

The host's own clock goes on: what is not confirmed by the deadline is rolled back there.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress

from deployctl.config.settings import Settings
from deployctl.engines.compose import runs, survey
from deployctl.engines.compose.job import ConfirmError, Job
from deployctl.engines.compose.survey import Survey, Unfinished
from deployctl.engines.releases import ReleaseRecord, describe, find
from deployctl.errors import TOUCHED_NOTHING, ExitCode, RefusedError, UnreachableError
from deployctl.events import Events, PlanReady
from deployctl.gates import runner
from deployctl.gates.build import build as build_gates
from deployctl.gates.verdict import verdict
from deployctl.host.connection import ProgramFailed
from deployctl.host.link import Link
from deployctl.result import Release, Result
from deployctl.rollout.begin import begin
from deployctl.rollout.context import gate_context, record_containers, timing
from deployctl.rollout.interrupts import uninterrupted
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.request import Approval, Options
from deployctl.rollout.resumed import reached
from deployctl.rollout.run import carry
from deployctl.rollout.session import Session, need

ROOM = 5.0
"""seconds before the deadline by which the gates must have held: the order has to arrive"""


def confirm(
    settings: Settings,
    run_id: str | None,
    options: Options,
    playbook: Playbook,
    events: Events,
    reaching: "Future[Link] | None" = None,
) -> Result:
    """Asks the gates of the release, and confirms over a fresh connection. Never raises."""
    session = begin("confirm", settings, run_id, options, playbook, events, _nobody, reaching)
    return carry(session, _story)


def _story(session: Session) -> Outcome:
    with session.recorder.stage("preflight") as note:
        run = _find(session)
        note.detail = f"run {run.run_id}, which the host puts back {_left(run)}"
    waiting = f"The new release serves, unconfirmed. The host puts it back by itself {_left(run)}."
    try:
        with session.recorder.stage("gate") as note:
            failed = _gates(session, run)
            if failed:
                return Outcome(
                    ExitCode.REFUSED,
                    f"Run {run.run_id} was not confirmed: {failed}",
                    waiting,
                    next_step=f"deployctl rollback --run {run.run_id} puts it back now; "
                    "deployctl logs",
                )
            note.detail = f"{len(session.recorder.gates)} gates hold"
    except KeyboardInterrupt:
        told = "Interrupted before the confirmation."
        return Outcome(ExitCode.INTERRUPTED, told, waiting, next_step="deployctl status")
    with uninterrupted(session), session.recorder.stage("confirm") as note:
        outcome = _order(session, run)
        note.detail = outcome.reason
    return outcome


def _find(session: Session) -> Unfinished:
    """The run, if it can still be confirmed. RefusedError says why it can't."""
    link = reached(session)
    session.survey = facts = survey.take(
        link.host, session.settings, probe_write="no", marks=session.marks
    )
    run_id = runs.meant(facts, session.wanted)
    known = runs.ask(link.host, facts, run_id)
    run = runs.unfinished(facts, run_id)
    if run is None or known.word != "swapped":
        raise RefusedError(
            f"Run {run_id} can't be confirmed: it {runs.stands(known.word)}.",
            production=TOUCHED_NOTHING,
            next_step="deployctl status",
        )
    if run not in facts.abandoned:
        raise RefusedError(
            f"Run {run_id} has a client, which will confirm it or put it back.",
            production=TOUCHED_NOTHING,
            next_step=f"deployctl attach {run_id}",
        )
    session.goal = _goal(facts, known.releases, run)
    return run


def _goal(facts: Survey, published: Sequence[ReleaseRecord], run: Unfinished) -> ReleaseRecord:
    """`published`: what the run's own confirmation would record."""
    found = find((*published, *facts.releases), str(run.about.get("release", "")))
    if found is None:
        raise RefusedError(
            f"The host has no record of the release of run {run.run_id}.",
            production=runs.serving(facts),
            next_step=f"deployctl rollback --run {run.run_id}",
        )
    return found


def _gates(session: Session, run: Unfinished) -> str:
    """Why the release is not proven; empty when it is."""
    goal, settings = need(session.goal, "a release"), session.settings
    first = goal.services.get(settings.services[0]) or next(iter(goal.services.values()))
    session.recorder.release = Release(
        number=goal.number,
        sha=goal.sha,
        image=first.image,
        image_id=first.image_id,
        source_digest=goal.source_digest,
    )
    session.gates = build_gates(settings.gates, settings.services, session.options.advisory)
    times = timing(session)
    left = run.left_s - ROOM
    if left <= times.min_healthy:
        return f"only {max(run.left_s, 0)} s are left, too few for the gates to hold in."
    results = runner.hold(
        session.gates,
        gate_context(
            session,
            images={name: service.image_id for name, service in goal.services.items()},
            sha=goal.sha,
            old_gone=True,
        ),
        min_healthy=times.min_healthy,
        deadline=min(times.deadline, left),
        when="after",
        events=session.events,
        cancelled=session.cancelled,
    )
    session.recorder.gates.extend(results)
    found = verdict(results)
    return "" if found.state == "pass" else f"{found.reason}."


def _order(session: Session, run: Unfinished) -> Outcome:
    """Over a fresh connection; the state is read back."""
    goal = describe(need(session.goal, "a release"))
    directory = runs.directory(session.facts, run.run_id)
    group = session.settings.host.operators_group or ""
    job = Job(session.hostlink, directory, group, lambda _: None)
    try:
        job.confirm(session.hostlink.fresh(), session.options.operator)
    except (ConfirmError, ProgramFailed, TimeoutError, UnreachableError) as error:
        state = _asked_again(session, run)
        if state != "confirmed":
            return _not_confirmed(run, error, state)
    session.confirmed = True
    facts = survey.take(session.hostlink.host, session.settings, probe_write="no")
    record_containers(session, facts.containers)
    return Outcome(
        ExitCode.SEALED,
        f"Run {run.run_id} is confirmed: {goal} is live and every gate holds.",
        f"{goal} serves.",
        next_step="deployctl rollback goes back to the release before.",
    )


def _asked_again(session: Session, run: Unfinished) -> str:
    """The run's state: the order may have been obeyed all the same. Empty where nobody says."""
    with suppress(UnreachableError, ProgramFailed, TimeoutError, RefusedError):
        return runs.ask(session.hostlink.host, session.facts, run.run_id).word
    return ""


def _not_confirmed(run: Unfinished, error: Exception, state: str) -> Outcome:
    """An order whose outcome was not read may yet be obeyed: 22. A refusal that was read is 23."""
    read = state not in {"", "swapped"}
    told = f"it {runs.stands(state)}" if read else str(error).rstrip(".")
    return Outcome(
        ExitCode.REFUSED if read else ExitCode.ROLLBACK_FAILED,
        f"Run {run.run_id} was not confirmed: {told}.",
        "The host puts back what it was not told to keep"
        + ("." if read else "; what it did was not read."),
        next_step=f"deployctl attach {run.run_id}",
    )


def _left(run: Unfinished) -> str:
    return f"in {max(run.left_s, 0)} s"


def _nobody(plan: PlanReady) -> Approval:
    raise AssertionError(f"a confirmation has no plan ({plan.digest})")
