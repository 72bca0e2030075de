"""`deployctl plan`: the same rollout, touching nothing."""

from concurrent.futures import Future

from deployctl.config.settings import Settings
from deployctl.errors import UNTOUCHED, ExitCode
from deployctl.events import Events, PlanReady, RunEnded
from deployctl.host.link import Link
from deployctl.result import Result
from deployctl.rollout import endings
from deployctl.rollout.begin import begin
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.request import Approval, Options
from deployctl.rollout.run import announce, close, result_of
from deployctl.rollout.session import Session
from deployctl.rollout.stages import STAGES

PLANNED = ("preflight", "capture")


def plan(
    settings: Settings,
    revision: str,
    options: Options,
    playbook: Playbook,
    events: Events,
    reaching: "Future[Link] | None" = None,
) -> Result:
    """Emits PlanReady and RunEnded. The first two stages of the playbook, and no other."""
    session = begin(
        "hotfix", settings, revision, options, playbook, events, _nobody, reaching, dry=True
    )
    try:
        announce(session)
        result = result_of(session, _outcome(session, revision), None)
        events.emit(RunEnded(result=result.model_dump(mode="json", by_alias=True)))
    finally:
        close(session)
    return result


def _outcome(session: Session, revision: str) -> Outcome:
    try:
        for name in PLANNED:
            with session.recorder.stage(name) as note:
                STAGES[name](session, note)
    except Exception as error:  # noqa: BLE001 - told as the same end of a hotfix would be
        return endings.broken_off(session, error)
    return Outcome(
        ExitCode.SEALED,
        "The plan is complete; nothing was changed.",
        UNTOUCHED,
        next_step=f"deployctl hotfix --sha {revision}",
        word="planned",
    )


def _nobody(plan: PlanReady) -> Approval:
    raise AssertionError(f"a plan is never approved ({plan.digest})")
