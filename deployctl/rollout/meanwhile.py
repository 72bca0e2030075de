"""What happened to a run beside its gates: it tells more of how the run ended than they do."""

from contextlib import suppress
from dataclasses import dataclass

from deployctl.engines.compose import runs
from deployctl.engines.compose.job import ended_by
from deployctl.engines.compose.runs import RunState
from deployctl.errors import RefusedError, UnreachableError
from deployctl.host.connection import ProgramFailed
from deployctl.rollout.resumed import once_more
from deployctl.rollout.session import Session, need

HOST_RESTARTED = "the host was restarted"
"""the reason of a job that boot.sh has started"""


@dataclass(frozen=True)
class Beside:
    told: str
    next_step: str


def beside(session: Session) -> Beside | None:
    """What no commit can mend, as far as the host has said it."""
    end = session.clean(session.job.end) if session.job is not None else ""
    if by := ended_by(end):
        # It may not have been heard as an event, but when the line was made anew.
        session.evidence.people.meet(by)
        return Beside(
            f"{by} rolled it back with `deployctl rollback` while this client had no answer",
            f"Ask {by}; deployctl status",
        )
    if end.endswith(HOST_RESTARTED):
        told = "The host was restarted during the run"
    elif session.engine_restarted:
        told = "Docker was restarted on the host during the run"
    else:
        return None
    return Beside(told, f"{told}; run the same command again.")


def told_first(session: Session, reason: str) -> str:
    found = beside(session)
    return f"{found.told}. {reason}" if found is not None else reason


def confirmed_meanwhile(session: Session) -> bool:
    """Whether somebody else did: then there is nothing to undo.

    A rollback waits for no question (decision 24), so that is asked only where it may well be so,
    and where commands would undo what a live release needs.
    """
    if session.confirming:
        return False
    job = need(session.job, "a job")
    if job.gone:
        return job.end.partition(" ")[0] == "confirmed"
    found = _asked(session) if job.away or session.undo_steps else None
    return found is not None and found.word == "confirmed"


def confirmer(session: Session) -> str:
    """Who it was; empty where the host does not say."""
    found = _asked(session)
    by = session.clean(found.confirmed_by) if found is not None else ""
    session.evidence.people.meet(by)
    return by


def _asked(session: Session) -> RunState | None:
    run_id = need(session.job, "a job").run.rpartition("/")[2]
    with suppress(UnreachableError, ProgramFailed, TimeoutError, RefusedError):
        return once_more(session, lambda: runs.ask(session.hostlink.host, session.facts, run_id))
    return None
