"""`deployctl plan`: the same rollout, touching nothing."""

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from deployctl.config.settings import Settings
from deployctl.errors import UNTOUCHED, ExitCode, RefusedError
from deployctl.events import Events, PlanReady, RunEnded
from deployctl.host.link import Link
from deployctl.result import Result
from deployctl.rollout import endings, plan_file
from deployctl.rollout.begin import begin
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.request import Approval, Options
from deployctl.rollout.run import announce, close, result_of
from deployctl.rollout.session import Session, need
from deployctl.rollout.stages import STAGES

PLANNED = ("preflight", "capture")


@dataclass(frozen=True)
class Out:
    """Where the plan goes as a file, and the file that --playbook named."""

    path: Path
    playbook: str | None = None


def plan(
    settings: Settings,
    wanted: str | None,
    options: Options,
    playbook: Playbook,
    events: Events,
    reaching: "Future[Link] | None" = None,
    out: Out | None = None,
) -> Result:
    """Emits PlanReady and RunEnded. The first two stages of the playbook, and no other.

    `wanted` is the revision; for a rollback's playbook the release, or None. With `out` the plan is
    written as well, to be approved and carried out by others.
    """
    session = begin(
        playbook.kind, settings, wanted, options, playbook, events, _nobody, reaching, dry=True
    )
    try:
        announce(session)
        result = result_of(session, _outcome(session, out), None)
        events.emit(RunEnded(result=result.model_dump(mode="json", by_alias=True)))
    finally:
        close(session)
    return result


def _outcome(session: Session, out: Out | None) -> Outcome:
    try:
        if out is not None:
            plan_file.require_replaceable(out.path)
        for name in PLANNED:
            with session.recorder.stage(name) as note:
                STAGES[name](session, note)
            _refuse_recovery(session)
        if out is not None:
            _write(session, out)
    except Exception as error:  # noqa: BLE001 - told as the same end of a hotfix would be
        return endings.broken_off(session, error)
    return Outcome(
        ExitCode.SEALED,
        "The plan is complete; nothing was changed.",
        UNTOUCHED,
        next_step=_next(session, out),
        word="planned",
    )


def _refuse_recovery(session: Session) -> None:
    if session.command == "rollback" and session.survey and session.survey.abandoned:
        run = session.survey.abandoned[0].run_id
        raise RefusedError(
            f"The run {run} was neither confirmed nor rolled back, and that is what a rollback ends"
            " first. It needs no plan and no approval: the host would do the same by itself.",
            next_step=f"deployctl rollback --run {run}",
        )


def _write(session: Session, out: Out) -> None:
    ready, drawn = need(session.ready, "a plan to show"), need(session.plan, "a plan")
    file = plan_file.made(ready, drawn, session.options, out.playbook, session.evidence.redactor)
    plan_file.write(out.path, file)
    session.note("info", f"The plan is in {out.path}.")


def _next(session: Session, out: Out | None) -> str:
    signs = session.settings.approval.how == "signed"
    if out is not None:
        approve = f"deployctl approve {out.path}; then " if signs else ""
        return f"{approve}deployctl {session.command} --plan {out.path}"
    if session.command == "rollback":
        return (
            f"deployctl rollback --to {session.wanted}" if session.wanted else "deployctl rollback"
        )
    return f"deployctl hotfix --sha {session.wanted}"


def _nobody(plan: PlanReady) -> Approval:
    raise AssertionError(f"a plan is never approved ({plan.digest})")
