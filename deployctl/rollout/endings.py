"""Which outcome a run has, from what ended its stages. What must be put back is put back here."""

import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from deployctl.engines.compose.by_hand import put_back_commands
from deployctl.engines.compose.job import ConfirmError, SwapFailedError, SwapRefusedError
from deployctl.engines.releases import describe
from deployctl.errors import (
    UNTOUCHED,
    DeployctlError,
    ExitCode,
    LinkLostError,
    UnreachableError,
)
from deployctl.gates.verdict import failed_already
from deployctl.host.connection import ProgramFailed
from deployctl.result import Rollback
from deployctl.rollout import decide, undo
from deployctl.rollout.meanwhile import beside, told_first
from deployctl.rollout.outcome import GatesFailed, Outcome, from_error
from deployctl.rollout.session import Session

SETTLE_SECONDS = 20.0
"""for what is still under way on the host when a run is broken off"""
AGAIN = "Run the same command again."
MEND = "Mend the commit, then deployctl hotfix --sha NEW_SHA."
WHY = "Why it failed is above and in the evidence."
REPORT = "Please report it with bug.txt."
REFUSALS = {
    "changed": "The host is no longer what was planned for",
    "render-before": "Compose refuses the file as it is",
    "render-after": "Compose refuses the edited file",
    "pin": "The running image can't be kept",
    "backup": "The Compose file can't be kept",
    "image": "The image to switch to is not on the host any more",
    "engine": "Docker does not answer as it should",
}


def done(session: Session) -> Outcome:
    """Every stage was passed."""
    name = _goal(session)
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


def broken_off(session: Session, error: BaseException) -> Outcome:
    """A stage raised. Before arming nothing was changed; after it the host puts back."""
    code, told = _cause(session, error)
    if session.confirmed:
        return _live(session, told)
    if session.armed and session.command == "rollback":
        return _not_finished(session, error, code, told)
    if session.armed:
        return _put_back(session, error, code, told)
    _release(session)
    return _untouched(error, told)


def _cause(  # noqa: PLR0911 - one for each kind of cause
    session: Session, error: BaseException
) -> tuple[ExitCode, str]:
    """The code that a proven rollback for that ends with, and why it was needed."""
    match error:
        case GatesFailed():
            return error.code, str(error)
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED, "Interrupted."
        case UnreachableError():
            return ExitCode.INCONCLUSIVE, error.what
        case DeployctlError():
            return ExitCode.ROLLED_BACK, error.what
        case SwapFailedError() | SwapRefusedError():
            return ExitCode.ROLLED_BACK, str(error)
        case ConfirmError() | ProgramFailed() | TimeoutError():
            return ExitCode.INCONCLUSIVE, str(error)
        case _:
            told = "".join(traceback.format_exception(error))
            session.evidence.write_text("bug.txt", told)
            what = f"{type(error).__name__}: {error}"
            return ExitCode.BUG, f"A bug in deployctl ({what}); details are in bug.txt."


def _untouched(  # noqa: PLR0911 - one for each kind of cause
    error: BaseException, told: str
) -> Outcome:
    match error:
        case GatesFailed():
            return Outcome(
                ExitCode.UNTOUCHED,
                f"The release is live already, but {told}.",
                "Production was not touched; what runs does not hold its gates.",
                next_step="deployctl logs; deployctl rollback",
            )
        case SwapRefusedError():
            return _refused(error)
        case KeyboardInterrupt():
            told = "Interrupted before the switch."
            return Outcome(ExitCode.INTERRUPTED, told, UNTOUCHED, next_step=AGAIN)
        case LinkLostError():
            again = f"Check the network. {AGAIN} The host gives its lock back by itself."
            return Outcome(error.code, error.what, UNTOUCHED, next_step=again)
        case UnreachableError():
            return replace(from_error(error), production=UNTOUCHED)
        case DeployctlError():
            return from_error(error)
        case ProgramFailed() | TimeoutError():
            return Outcome(
                ExitCode.UNTOUCHED,
                f"The host did not answer as it should: {told}",
                UNTOUCHED,
                next_step="deployctl doctor",
            )
        case _:
            return Outcome(ExitCode.BUG, told, UNTOUCHED, next_step=REPORT)


def _next(session: Session, error: BaseException) -> str:  # noqa: PLR0911 - one for each kind of cause
    """What to do now that production is as before, by what had broken the run off."""
    other = beside(session)
    match error:
        case (
            GatesFailed() | SwapFailedError() | SwapRefusedError() | UnreachableError()
            | ConfirmError() | ProgramFailed() | TimeoutError() | KeyboardInterrupt()
        ) if other is not None:  # fmt: skip
            return other.next_step
        case GatesFailed() if error.code is ExitCode.ROLLED_BACK:
            return _mend(failed_already(session.recorder.gates))
        case GatesFailed():
            return (
                "The release may be good: see why that could not be proven (above and in the "
                f"evidence; deployctl doctor). Then {AGAIN.lower()}"
            )
        case SwapFailedError() | SwapRefusedError():
            return (
                "Mend what the host says of it: in the commit, then deployctl hotfix --sha "
                "NEW_SHA; or on the host, then run the same command again."
            )
        case UnreachableError() | ConfirmError() | ProgramFailed() | TimeoutError():
            return f"See whether the host answers again: deployctl doctor. Then {AGAIN.lower()}"
        case DeployctlError():
            return error.next_step or AGAIN
        case KeyboardInterrupt():
            return AGAIN
        case _:
            return REPORT


def _mend(already: Sequence[str]) -> str:
    """A gate that had failed before may be what this commit should have mended, or be wrong."""
    if not already:
        return f"{MEND} {WHY}"
    gates = f"the gate{'s' if len(already) > 1 else ''} {', '.join(already)}"
    return (
        f"{MEND} Or, as {gates} had failed before the switch already: if what is wrong is in "
        f"deployctl.yml or in what is asked there, mend that, then {AGAIN.lower()} {WHY}"
    )


def _refused(refused: SwapRefusedError) -> Outcome:
    """The host's job compared before arming and would not go on."""
    said = REFUSALS.get(refused.kind, f"The host refused ({refused.kind})")
    return Outcome(
        ExitCode.REFUSED,
        f"{said}: {refused.detail}.",
        UNTOUCHED,
        next_step="Look at the difference, then run the same command again for a new plan.",
    )


def _put_back(session: Session, error: BaseException, code: ExitCode, reason: str) -> Outcome:
    undone = undo.undo(session, reason)
    match undone.state:
        case "nothing":
            return _nothing_swapped(session, error, code, reason)
        case "live":
            own = session.confirming
            return _live(session, reason) if own else _confirmed_by_another(session, undone, reason)
        case "proven":
            told = told_first(session, reason)
            return Outcome(code, told, undone.production, next_step=_next(session, error))
        case "stuck":
            # What ran before serves again: a rollback would go one release too far.
            return Outcome(
                ExitCode.ROLLBACK_FAILED,
                undone.reason,
                undone.production,
                next_step=undone.by_hand,
            )
        case "kept":
            return Outcome(
                ExitCode.ROLLBACK_FAILED,
                undone.reason,
                undone.production,
                next_step=_forward(session),
            )
        case _:
            return Outcome(
                ExitCode.ROLLBACK_FAILED,
                undone.reason,
                undone.production,
                next_step="\n".join(filter(None, (_person(session), undone.by_hand))),
            )


def _forward(session: Session) -> str:
    """What to do about a release that stays: by hand it goes back only where the image is there."""
    forward = "Fix forward: deployctl hotfix --sha FIX."
    if not session.switching:
        return forward
    if session.unsafe_step:
        return (
            f"{forward} Or, once what stands in the way is mended, on the host:{_by_hand(session)}"
        )
    before = session.current.sha if session.current else None
    again = f" (--sha {before[:7]} builds what ran before once more)" if before else ""
    return f"Fix forward: deployctl hotfix --sha FIX{again}."


def _confirmed_by_another(session: Session, undone: undo.Undone, reason: str) -> Outcome:
    """It serves, and nothing was rolled back, so neither 0 nor 24: what this run came to was not
    proven (22)."""
    name = _goal(session)
    sha = (session.goal.sha or "SHA")[:12] if session.goal is not None else "SHA"
    return Outcome(
        ExitCode.ROLLBACK_FAILED,
        f"{name} is live: it was confirmed by {undone.by or 'somebody'} with `deployctl confirm` "
        f"while this client had no answer (not proven by this run). {reason}",
        f"{name} is live, and not proven by this run.",
        next_step=f"deployctl status; deployctl hotfix --sha {sha}, which runs the gates and swaps "
        "nothing",
    )


def _not_finished(session: Session, error: BaseException, code: ExitCode, cause: str) -> Outcome:
    """`deployctl rollback` finishes forward: there is no second rollback (decision 4)."""
    name = _goal(session)
    undo.tell_container_logs(session)
    state = session.job.abandon() if session.job is not None else "unknown"
    reason = told_first(session, cause)
    proven = session.job is None or not session.job.unproven
    if state == "confirmed" and session.confirming and proven:
        return _live(session, reason)
    if state in {"prepared", "released"}:
        return _nothing_swapped(session, error, code, cause)
    session.recorder.rollback = Rollback(performed=True, state="unproven", reason=reason)
    if state == "confirmed":
        return Outcome(
            ExitCode.ROLLBACK_FAILED,
            f"{name} could not be proven good: {reason}",
            f"{name} was put in place, but it is not proven good.",
            next_step="deployctl logs; deployctl status; deployctl rollback --to RELEASE",
        )
    back = "What ran before this rollback was put back, and is not proven."
    return Outcome(
        ExitCode.ROLLBACK_FAILED,
        f"{name} could not be put in place: {reason}",
        back if state == "rolled_back" else f"{undo.NEEDS_A_PERSON} Its run is {state}.",
        next_step=_finish(session),
    )


def _nothing_swapped(
    session: Session, error: BaseException, code: ExitCode, reason: str
) -> Outcome:
    """It was armed, or about to be, but nothing had been changed."""
    kept = code if code in {ExitCode.INTERRUPTED, ExitCode.BUG} else ExitCode.UNTOUCHED
    told = told_first(session, reason)
    return Outcome(kept, told, UNTOUCHED, next_step=_next(session, error))


def tell_after_confirmation(session: Session, error: BaseException) -> None:
    """Confirmed is confirmed: what fails after that is told, and no more."""
    _tell_live(session, _cause(session, error)[1])


def tell_beside(session: Session, error: BaseException) -> None:
    """A step at the end of a failed run failed too: that is told, and masks nothing."""
    told = _cause(session, error)[1].rstrip(".")
    session.note("warning", f"{told}. How the run ended is not changed by that.")


def _live(session: Session, told: str) -> Outcome:
    _tell_live(session, told)
    return done(session)


def _tell_live(session: Session, told: str) -> None:
    session.note("warning", f"{told.rstrip('.')}. {_goal(session)} was confirmed, and stays live.")


def _goal(session: Session) -> str:
    return describe(session.goal) if session.goal is not None else "The release"


def _person(session: Session) -> str:
    if session.survey is None:
        return "deployctl status"
    back = f"deployctl rollback --run {_run(session)}"
    return f"deployctl status; {back}. Or on the host:{_by_hand(session)}"


def _finish(session: Session) -> str:
    """What a person does whose rollback was not finished. By hand there is only the way back."""
    if session.survey is None:
        return "deployctl status"
    left = session.current or session.found
    name = f"{describe(left)}, which it was to leave" if left else "what ran before it"
    return (
        f"deployctl status; deployctl rollback --run {_run(session)}, which goes on with it. Or, "
        "to keep "
        f"{name}, on the host:{_by_hand(session)}"
    )


def _run(session: Session) -> str:
    """As the host calls it: a run that had to take the lock again has a number (holding.py)."""
    return session.job.run.rpartition("/")[2] if session.job else session.run_id


def _by_hand(session: Session) -> str:
    """The exact commands that bring back what ran before, a line each."""
    facts = session.facts
    services = decide.job_services(facts, session.settings.services)
    run = session.job.run if session.job else f"{facts.state_dir}/runs/{session.run_id}"
    commands = put_back_commands(facts, services, session.edits, run)
    return "".join(f"\n  {command}" for command in commands)


def _release(session: Session) -> None:
    """Gives the lock back; a host that is out of reach notices by itself that we have gone."""
    if session.job is None or not session.hostlink.host.alive():
        return
    for pending in (session.locked, session.prepared):
        if pending is not None and not pending.done():
            session.job.stop_waiting()
            with suppress(Exception):
                pending.result(SETTLE_SECONDS)
    session.job.release()
