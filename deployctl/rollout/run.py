"""One run from its first stage to its evidence, whatever happens in between."""

from collections.abc import Callable
from contextlib import ExitStack

from deployctl.errors import ExitCode
from deployctl.events import RunEnded, RunStarted
from deployctl.evidence.journal import Journal, OutputLog
from deployctl.evidence.seal import SealError
from deployctl.result import Result, SealRef
from deployctl.rollout import endings, holding, tell, user_steps, views
from deployctl.rollout.hints import for_target
from deployctl.rollout.interrupts import uninterrupted
from deployctl.rollout.outcome import Outcome, from_error
from deployctl.rollout.probe import series_json
from deployctl.rollout.recover import recover
from deployctl.rollout.resumed import hush, resumed
from deployctl.rollout.retain import retain
from deployctl.rollout.safety import Stage
from deployctl.rollout.sealing import seal_run
from deployctl.rollout.session import Session
from deployctl.rollout.stages import STAGES
from deployctl.rollout.steps import HttpStep, RunStep, When


def run(session: Session) -> Result:
    """Carries out the playbook. Every way out of it is a result with evidence."""
    return carry(session, _stages)


def carry(session: Session, story: Callable[[Session], Outcome]) -> Result:
    """Any story, with the same ends: a result, and the evidence of what led to it."""
    with ExitStack() as calm:
        try:
            journal, output = Journal(session.evidence), OutputLog(session.evidence)
            session.events.subscribe(journal)
            session.events.subscribe(output)
            announce(session)
            ended = _ended(session, story, calm)
            if isinstance(ended, BaseException):
                ended = endings.broken_off(session, ended)
                _tell_failure(session, ended)
            _stop_probe(session)
            hush(session)
            session.recorder.stop()
            reference, outcome = _seal(session, ended, journal, output)
            views.write(session, reference)
            result = result_of(session, outcome, reference)
            telling = tell.begin(session, result)
            retain(session)
            telling.finish()
            session.events.emit(RunEnded(result=result.model_dump(mode="json", by_alias=True)))
        finally:
            close(session)
    return result


def announce(session: Session) -> None:
    session.events.emit(
        RunStarted(
            run_id=session.run_id,
            command="plan" if session.dry else session.command,
            target=session.settings.target,
            host=session.settings.host.host,
            operator=session.options.operator,
        )
    )


def _ended(
    session: Session, story: Callable[[Session], Outcome], calm: ExitStack
) -> Outcome | BaseException:
    """What the story ended with: its outcome, or what broke it off.

    With its end `calm` is entered: a rollback, and the evidence, are brought to their end.
    """
    ended: Outcome | BaseException | None = None
    try:
        try:
            ended = story(session)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a bug rolls back as well
            ended = error
        calm.enter_context(uninterrupted(session))
    except KeyboardInterrupt as error:
        # The first signal, just then. Later ones raise nothing (cli/signals.py).
        calm.enter_context(uninterrupted(session))
        ended = error if ended is None else ended
    return ended


def _stages(session: Session) -> Outcome:
    """Every stage in turn; instead of the later ones, putting back what was left armed."""
    with ExitStack() as guard:
        for stage in session.playbook.stages:
            if stage.name == "seal" and stage.kind == "builtin":
                continue  # written by `run`, whatever the end
            if session.command == "rollback" and stage.name == "arm":
                # A rollback that was asked for finishes forward: it isn't interrupted any more.
                guard.enter_context(uninterrupted(session))
            if when(stage) == "failure":
                continue
            try:
                _carry_out(session, stage)
            except Exception as error:
                if not session.confirmed:
                    raise
                endings.tell_after_confirmation(session, error)
            if session.confirmed and session.outcome is None:
                session.outcome = endings.done(session)
            if session.command == "rollback" and session.survey and session.survey.abandoned:
                return recover(session)
    return endings.done(session)


def _tell_failure(session: Session, outcome: Outcome) -> None:
    """The user's own steps for the end of a run that failed. They change nothing of how it ends.

    Nothing of the user's runs before consent, so a run that nobody approved has none of them.
    """
    if not session.approved_by or session.confirmed:
        return
    session.outcome = outcome
    for stage in session.playbook.stages:
        if when(stage) in ("failure", "always"):
            try:
                _carry_out(session, stage)
            except Exception as error:  # noqa: BLE001 - the run's own end is what counts
                endings.tell_beside(session, error)


def _carry_out(session: Session, stage: Stage) -> None:
    with session.recorder.stage(stage.name) as note:
        if session.job is not None:
            session.job.phase = stage.name
        if stage.kind != "builtin" and not session.armed and session.outcome is None:
            # What a user does on the host is done under the lock, over a link that is there.
            resumed(session, lambda: holding.hold(session))
        if isinstance(stage.params, RunStep):
            user_steps.run_step(session, stage.params, note)
        elif isinstance(stage.params, HttpStep):
            user_steps.http_step(session, stage.params, note)
        else:
            STAGES[stage.name](session, note)


def when(stage: Stage) -> When:
    return stage.params.when if isinstance(stage.params, RunStep | HttpStep) else "success"


def _stop_probe(session: Session) -> None:
    if session.availability is not None:
        measured = session.availability.stop(wait=not session.confirmed)
        session.recorder.availability = measured.result
        session.evidence.write_text("availability.json", series_json(measured))


def _seal(
    session: Session, outcome: Outcome, journal: Journal, output: OutputLog
) -> tuple[SealRef | None, Outcome]:
    draft = result_of(session, outcome, None)
    try:
        with session.recorder.stage("seal") as note:
            journal.close()
            output.close()
            _require_kept(session.evidence.error or journal.error or output.error, outcome)
            reference = seal_run(session, draft)
            note.detail = reference.path
    except SealError as error:
        session.note("error", f"{error.what} {error.next_step}")
        if outcome.code is ExitCode.SEALED:
            return None, from_error(error)
        return None, outcome
    return reference, outcome


def _require_kept(error: OSError | None, outcome: Outcome) -> None:
    if error is not None:
        raise SealError(f"The evidence could not be kept: {error}.", production=outcome.production)


def result_of(session: Session, outcome: Outcome, reference: SealRef | None) -> Result:
    recorder = session.recorder
    return Result(
        command="plan" if session.dry else session.command,
        result=outcome.result,
        exit_code=int(outcome.code),
        reason=outcome.reason,
        production=outcome.production,
        next_step=for_target(outcome.next_step, session.settings.target),
        run_id=session.run_id,
        target=session.settings.target,
        started_at=recorder.started_at,
        duration_ms=recorder.elapsed_ms,
        release=recorder.release,
        previous=recorder.previous,
        services=recorder.services,
        stages=recorder.stages,
        gates=recorder.gates,
        untouched=recorder.untouched,
        shipped_bytes=recorder.shipped_bytes,
        plan_digest=recorder.plan_digest,
        availability=recorder.availability,
        rollback=recorder.rollback,
        seal=reference,
    )


def close(session: Session) -> None:
    if session.job is not None:
        session.job.close()
    for made in (session.fresh, session.reaching):
        if made is not None and made.done() and not made.exception():
            made.result().close()
    session.scratch.cleanup()
