"""`deployctl rollback --run RUN`: ends exactly that run, whatever else has happened since."""

from deployctl.engines.compose import runs
from deployctl.engines.compose.job import describe_holder
from deployctl.engines.compose.runs import RunState
from deployctl.engines.releases import before, describe, find
from deployctl.errors import ExitCode, LockedError, RefusedError
from deployctl.result import Rollback
from deployctl.rollout import checks, recover
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.resumed import once_more
from deployctl.rollout.session import Session, need

NOTHING_CHANGED = "This command touched nothing."
ENDED_ALREADY = {
    "rolled_back": "was put back already",
    "released": "ended before it changed anything",
    "prepared": "ended before it changed anything",
    "": "never began",
}
"""state of a run after which what held before it serves"""


def put_back(session: Session) -> Outcome:
    """The run `session.ending`: puts it back and proves what serves, or proves that it is so."""
    run_id = need(session.ending, "a run")
    with session.recorder.stage("preflight") as note:
        checks.check_options(session)
        checks.meet(session)
        found = once_more(session, lambda: runs.ask(session.hostlink.host, session.facts, run_id))
        _refuse_what_stays(session, run_id, found)
        _require_free(session)
        note.detail = f"run {run_id} is {found.word or 'not begun'}"
    if any(run.run_id == run_id for run in session.facts.abandoned):
        return recover.recover(session)
    if found.word not in ENDED_ALREADY:
        raise RefusedError(
            f"Run {run_id} was {found.word} just now, and is at its end by now, or somebody is at "
            "it.",
            production=NOTHING_CHANGED,
            next_step=f"deployctl attach {run_id}",
        )
    return _already(session, run_id, found)


def _refuse_what_stays(session: Session, run_id: str, found: RunState) -> None:
    if found.word == "kept":
        raise RefusedError(
            f"Run {run_id} can't be put back: {found.reason or 'its release stays'}.",
            production=NOTHING_CHANGED,
            next_step=recover.FIX_FORWARD,
        )
    if found.word != "confirmed":
        return
    facts = session.facts
    live = find(facts.releases, facts.live)
    own = live is not None and live.number in {record.number for record in found.releases}
    back = before(facts.releases, live) if live is not None and own else None
    serves = f"; {describe(live)} is live" if live is not None else ""
    raise RefusedError(
        f"Run {run_id} was confirmed, so there is nothing unfinished to put back{serves}.",
        production=NOTHING_CHANGED,
        next_step=f"deployctl rollback --to {back.number} goes to the release before it, "
        f"{describe(back)}."
        if back
        else "deployctl history; deployctl rollback --to RELEASE",
    )


def _require_free(session: Session) -> None:
    facts = session.facts
    if facts.locked:
        raise LockedError(
            f"Another rollout is running: {describe_holder(facts.lock_holder or {})}.",
            next_step="Wait for it (--lock-wait 5m), or look at it: deployctl status",
        )


def _already(session: Session, run_id: str, found: RunState) -> Outcome:
    how = f"run {run_id} {ENDED_ALREADY[found.word]}"
    record = f"the host's record of it: {found.state}" if found.state else "the host has no state"
    with session.recorder.stage("rollback") as note:
        try:
            serves = recover.prove(session)
        except recover.NotEndedError as error:
            note.fail(str(error))
            reason = f"Nothing was changed: {how} ({record}), but {error}."
            session.recorder.rollback = Rollback(state="unproven", reason=reason)
            return Outcome(
                ExitCode.ROLLBACK_FAILED,
                reason,
                f"{NOTHING_CHANGED} What runs now is not proven.",
                next_step="deployctl status; deployctl logs; deployctl history",
            )
        note.skip("nothing to put back")
    gates = ", ".join(gate.name for gate in session.recorder.gates)
    held = f" (gates that hold: {gates})" if gates else ""
    reason = f"Nothing was changed: {how} ({record}), and {serves}{held}."
    session.recorder.rollback = Rollback(state="proven", reason=reason)
    return Outcome(
        ExitCode.SEALED,
        reason,
        f"{recover.sentence(serves)}.",
        next_step="deployctl status",
        word="unchanged",
    )
