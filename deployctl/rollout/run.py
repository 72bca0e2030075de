"""One run from its first stage to its evidence, whatever happens in between."""

import traceback
from contextlib import nullcontext

from deployctl.engines.compose.job import ConfirmError, SwapFailedError, SwapRefusedError
from deployctl.engines.releases import describe
from deployctl.errors import (
    UNTOUCHED,
    DeployctlError,
    ExitCode,
    UnreachableError,
)
from deployctl.events import RunEnded, RunStarted
from deployctl.evidence.journal import Journal, OutputLog
from deployctl.evidence.seal import SealError, seal
from deployctl.host.connection import ProgramFailed
from deployctl.result import Result, Rollback, SealRef
from deployctl.rollout import undo, user_steps
from deployctl.rollout.outcome import GatesFailed, Outcome, from_error
from deployctl.rollout.probe import series_json
from deployctl.rollout.recover import recover
from deployctl.rollout.session import Session
from deployctl.rollout.stages import STAGES
from deployctl.rollout.steps import HttpStep, RunStep

STILL_RUNNING = "The release of before still runs."


def run(session: Session) -> Result:
    """Carries out the playbook. Every way out of it is a result with evidence."""
    journal, output = Journal(session.evidence), OutputLog(session.evidence)
    session.events.subscribe(journal)
    session.events.subscribe(output)
    announce(session)
    outcome = _story(session)
    _stop_probe(session)
    journal_ref, outcome = _seal(session, outcome, journal, output)
    result = result_of(session, outcome, journal_ref)
    close(session)
    session.events.emit(RunEnded(result=result.model_dump(mode="json", by_alias=True)))
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


def _story(session: Session) -> Outcome:  # noqa: PLR0911 - one for each way to end
    try:
        recovered = _stages(session)
    except GatesFailed as failed:
        return _gates_failed(session, failed)
    except KeyboardInterrupt:
        return _interrupted(session)
    except SwapRefusedError as refused:
        return _swap_refused(session, refused)
    except (SwapFailedError, ConfirmError) as failed:
        return _rolled_back(session, ExitCode.ROLLED_BACK, str(failed))
    except (UnreachableError, ProgramFailed, TimeoutError) as error:
        return _lost(session, error)
    except DeployctlError as error:
        return _failed(session, error)
    except Exception as error:  # noqa: BLE001 - a bug must roll back, and be told as a bug
        return _bug(session, error)
    return recovered or _done(session)


def _stages(session: Session) -> Outcome | None:
    """Every stage in turn. An outcome where an abandoned run was put back instead."""
    for stage in session.playbook.stages:
        if stage.name == "seal" and stage.kind == "builtin":
            continue  # written by `run`, whatever the end
        finishing = session.command == "rollback" and session.armed
        # A rollback that was asked for finishes forward: from arming on it isn't interrupted.
        guard = undo.uninterrupted(session) if finishing else nullcontext()
        with guard, session.recorder.stage(stage.name) as note:
            if isinstance(stage.params, RunStep):
                user_steps.run_step(session, stage.params, note)
            elif isinstance(stage.params, HttpStep):
                user_steps.http_step(session, stage.params, note)
            else:
                STAGES[stage.name](session, note)
        if session.command == "rollback" and session.survey and session.survey.abandoned:
            return recover(session)
    return None


def _done(session: Session) -> Outcome:
    goal = session.goal
    name = describe(goal) if goal else "the release"
    if session.job is None:
        return Outcome(
            ExitCode.SEALED,
            f"{name} was live already; every gate holds.",
            f"{name} serves, as before.",
            word="unchanged",
        )
    if session.command == "rollback":
        return Outcome(
            ExitCode.SEALED,
            f"{name} serves again and holds the gates that it held before.",
            f"{name} serves.",
            next_step="deployctl status",
        )
    return Outcome(
        ExitCode.SEALED,
        f"{name} is live and every gate holds.",
        f"{name} serves.",
        next_step="deployctl rollback goes back to the release before.",
    )


def _gates_failed(session: Session, failed: GatesFailed) -> Outcome:
    if session.job is None:
        return Outcome(
            ExitCode.UNTOUCHED,
            f"The release is live already, but {failed}.",
            "Production was not touched; what runs does not hold its gates.",
            next_step="deployctl logs; deployctl rollback",
        )
    return _rolled_back(session, failed.code, str(failed))


def _interrupted(session: Session) -> Outcome:
    if session.armed:
        return _rolled_back(session, ExitCode.INTERRUPTED, "Interrupted.")
    _release(session)
    return Outcome(
        ExitCode.INTERRUPTED,
        "Interrupted before the switch.",
        UNTOUCHED,
        next_step="Run the same command again.",
    )


def _swap_refused(session: Session, refused: SwapRefusedError) -> Outcome:
    """The host's job compared before arming and would not go on."""
    session.armed = False
    _release(session)
    sentences = {
        "changed": "The host is no longer what was planned for",
        "render-before": "Compose refuses the file as it is",
        "render-after": "Compose refuses the edited file",
        "pin": "The running image can't be kept",
        "backup": "The Compose file can't be kept",
    }
    said = sentences.get(refused.kind, f"The host refused ({refused.kind})")
    return Outcome(
        ExitCode.REFUSED,
        f"{said}: {refused.detail}.",
        UNTOUCHED,
        next_step="Look at the difference, then run the same command again for a new plan.",
    )


def _lost(session: Session, error: Exception) -> Outcome:
    told = error.what if isinstance(error, DeployctlError) else str(error)
    if session.armed:
        return _rolled_back(session, ExitCode.INCONCLUSIVE, told)
    _release(session)
    if isinstance(error, UnreachableError):
        return from_error(error)
    return Outcome(
        ExitCode.UNTOUCHED,
        f"The host did not answer as it should: {told}",
        UNTOUCHED,
        next_step="deployctl doctor",
    )


def _failed(session: Session, error: DeployctlError) -> Outcome:
    if session.armed:
        return _rolled_back(session, ExitCode.ROLLED_BACK, error.what)
    _release(session)
    return from_error(error)


def _bug(session: Session, error: Exception) -> Outcome:
    session.evidence.write_text("bug.txt", traceback.format_exc())
    told = f"A bug in deployctl ({type(error).__name__}: {error}); details are in bug.txt."
    if session.armed:
        return _rolled_back(session, ExitCode.BUG, told)
    _release(session)
    return Outcome(ExitCode.BUG, told, UNTOUCHED, next_step="Please report it with bug.txt.")


def _rolled_back(session: Session, code: ExitCode, reason: str) -> Outcome:
    if session.command == "rollback":
        return _rollback_not_proven(session, reason)
    rollback = undo.undo(session, reason)
    session.recorder.rollback = rollback
    previous = session.current or session.found
    name = describe(previous) if previous else "What was there before"
    if rollback.state == "proven":
        return Outcome(
            code,
            reason,
            f"{name} serves again: file, image and container are as before.",
            next_step="Run the same command again."
            if code is ExitCode.INTERRUPTED
            else "Mend the commit, then deployctl hotfix --sha NEW_SHA. "
            "Why it failed is above and in the evidence.",
        )
    if rollback.state == "none":
        return Outcome(code, reason, UNTOUCHED, next_step="Run the same command again.")
    return Outcome(
        ExitCode.ROLLBACK_FAILED,
        rollback.reason,
        "A person is needed: the host may run the new release, the old one, or none.",
        next_step=by_hand(session),
    )


def _rollback_not_proven(session: Session, reason: str) -> Outcome:
    """`deployctl rollback` finishes forward: there is no second rollback (decision 4)."""
    undo.tell_container_logs(session)
    goal = session.goal
    name = describe(goal) if goal else "the release"
    if session.job is not None:
        session.job.abandon()
    session.recorder.rollback = Rollback(performed=True, state="unproven", reason=reason)
    return Outcome(
        ExitCode.ROLLBACK_FAILED,
        f"{name} could not be proven good: {reason}",
        f"{name} was put in place, but it does not hold its gates.",
        next_step="deployctl logs; deployctl status; deployctl rollback --to RELEASE",
    )


def by_hand(session: Session) -> str:
    """The exact commands that bring back what ran before, for a person on the host."""
    facts = session.survey
    if facts is None:
        return "deployctl status"
    docker = " ".join(facts.docker)
    words = " ".join(facts.compose_words)
    lines = ["deployctl status; deployctl rollback. Or on the host:"]
    previous = session.current or session.found
    run_directory = f"{facts.state_dir}/runs/{session.run_id}"
    lines += [
        f"cp -p {run_directory}/edit.{number}.before {edit.path}"
        for number, edit in enumerate(session.edits, 1)
    ]
    if previous is not None:
        lines += [
            f"{docker} tag {image.image_id} {image.image}" for image in previous.services.values()
        ]
    services = " ".join(session.settings.services)
    lines.append(f"{docker} compose {words} up -d --no-deps --no-build --pull never {services}")
    return "\n  ".join(lines)


def _release(session: Session) -> None:
    if session.job is not None:
        session.job.release()


def _stop_probe(session: Session) -> None:
    if session.availability is not None:
        measured = session.availability.stop()
        session.recorder.availability = measured.result
        session.evidence.write_text("availability.json", series_json(measured))


def _seal(
    session: Session, outcome: Outcome, journal: Journal, output: OutputLog
) -> tuple[SealRef | None, Outcome]:
    draft = result_of(session, outcome, None)
    plan = session.plan.model_dump(mode="json", by_alias=True) if session.plan else {}
    context = {
        "operator": session.options.operator,
        "host": session.link.host.label if session.link else session.settings.host.host,
        "approvedBy": session.approved_by,
        "dockerVersion": session.survey.engine_version if session.survey else "",
        "composeVersion": session.survey.compose_version if session.survey else "",
    }
    try:
        with session.recorder.stage("seal") as note:
            journal.close()
            output.close()
            _require_kept(journal.error or output.error, outcome)
            reference = seal(session.evidence, draft, plan, context)
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
        next_step=outcome.next_step,
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
    if session.link is not None:
        session.link.close()
    session.scratch.cleanup()
