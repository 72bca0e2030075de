"""What a rollback without `--to` means follows from what is live when it is typed.

Where somebody else's run has ended since, it would silently be another command.
"""

from deployctl.engines.compose import runs, survey
from deployctl.engines.compose.survey import Survey
from deployctl.engines.releases import before, describe
from deployctl.errors import UNTOUCHED, RefusedError
from deployctl.rollout import decide
from deployctl.rollout.session import Session


def require_same_meaning(
    session: Session, typed: Survey, now: Survey, typed_ago: float = 0.0
) -> None:
    """Raises RefusedError where a rollback that names nothing would not do what it was typed for.

    `typed` is what the host said first, when it was asked `typed_ago` seconds after the command
    began. To wait for one that only tidies up changes no meaning.
    """
    if not _relative(session):
        return
    if typed.settled is not None and typed.settled.ago_s < typed_ago:
        raise _refusal(session, typed, now)
    waited = typed.locked and not typed.tidying and not now.locked
    if waited or _state(session, typed) != _state(session, now):
        raise _refusal(session, typed, now)


def require_turn(session: Session) -> None:
    """The same for one that has waited for the host's lock, just before it would arm the host."""
    if not (_relative(session) and session.waited):
        return
    now = survey.take(
        session.hostlink.host, session.settings, probe_write="no", marks=session.marks
    )
    raise _refusal(session, session.facts, now)


def _relative(session: Session) -> bool:
    return session.command == "rollback" and session.wanted is None and session.ending is None


def _state(session: Session, facts: Survey) -> tuple[object, ...]:
    return (
        facts.live,
        decide.live_images(facts, session.settings.services),
        {run.run_id for run in facts.unfinished},
    )


def _refusal(session: Session, typed: Survey, now: Survey) -> RefusedError:
    live = decide.current(now, session.settings.services)
    back = before(now.releases, live) if live else None
    serves = f"{describe(live)} is live" if live else "What runs now is no recorded release"
    goes = f"; deployctl rollback --to {back.number} goes to {describe(back)}" if back else ""
    left = now.abandoned
    return RefusedError(
        "A rollback without --to means what was live when it was typed, and another run came to "
        f"its end first. {_ended(session, typed, now)}{serves}.",
        production=f"This command touched nothing. {runs.serving(now)}" if left else UNTOUCHED,
        next_step=runs.choices(left[0]) if left else f"deployctl status{goes}.",
    )


def _ended(session: Session, typed: Survey, now: Survey) -> str:
    """A sentence for each run that was under way, or left unfinished, and is at its end now."""
    holder = str((typed.lock_holder or {}).get("runId", ""))
    settled = [typed.settled.run_id] if typed.settled is not None else []
    told = dict.fromkeys(
        [run.run_id for run in typed.unfinished] + ([holder] if holder else settled)
    )
    left = {run.run_id for run in now.unfinished}
    return "".join(
        f"Run {run} has ended meanwhile{_how(session, now, run)}. "
        for run in told
        if run not in left
    )


def _how(session: Session, now: Survey, run: str) -> str:
    try:
        state = runs.ask(session.hostlink.host, now, runs.checked(run)).state
    except Exception:  # noqa: BLE001 - only to tell more of what is refused anyway
        return ""
    reason = state.partition(" ")[2]
    return f": it {runs.stands(state)}{f' ({reason})' if reason else ''}" if state else ""
