"""Runs of other commands, as the host has them: which one is meant, and what it came to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployctl.engines.compose.survey import CLIENT_GONE_AFTER, Survey, Unfinished, read_about
from deployctl.engines.releases import ReleaseRecord, read_record
from deployctl.errors import RefusedError, UsageError
from deployctl.host.connection import Host, ProgramFailed
from deployctl.host.failures import understood

_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,99}")
TIMEOUT = 30.0


_STANDS = {
    "": "has not begun",
    "prepared": "has changed nothing yet",
    "armed": "is armed, and has not finished its switch yet",
    "swapped": "has switched, but is not proven yet",
    "rolling_back": "is being put back",
    "rolled_back": "was put back",
    "rollback_failed": "could not be put back",
    "kept": "was neither confirmed nor put back: there was no way back, and its release stays",
    "confirmed": "was confirmed",
    "released": "ended before it changed anything",
}


@dataclass(frozen=True)
class RunState:
    state: str
    """as the host's job wrote it: one word and its reason; empty for one that never began"""
    job_lives: bool
    releases: tuple[ReleaseRecord, ...]
    """the records that its confirmation publishes"""
    about: Mapping[str, Any] = field(default_factory=dict)
    """what it wrote of itself"""
    confirmed_by: str = ""
    """who ordered a confirmation in the place of the run's client"""

    @property
    def word(self) -> str:
        return self.state.partition(" ")[0]

    @property
    def reason(self) -> str:
        return self.state.partition(" ")[2]


def directory(facts: Survey, run_id: str) -> str:
    return f"{facts.state_dir}/runs/{run_id}"


def serving(facts: Survey) -> str:
    """What is known of what serves while a run is unfinished, as a sentence."""
    for service in facts.services:
        containers = facts.containers_of(service)
        if not containers:
            return f"The service {service} is down: it has no container."
        if all(container.status in {"created", "exited", "dead"} for container in containers):
            states = ", ".join(f"{c.name} is {c.status}" for c in containers)
            return f"The service {service} is down: {states}."
    return "The unfinished run's release may be serving."


def stands(state: str) -> str:
    """How it is with a run in that state of the host's job, to follow `the run`."""
    word = state.partition(" ")[0]
    return _STANDS.get(word, f"is in a state unknown here ({word})")


def holding(facts: Survey) -> Unfinished | None:
    """The unfinished run that holds the lock, if one does."""
    holder = str((facts.lock_holder or {}).get("runId", ""))
    return unfinished(facts, holder)


def heard(run: Unfinished) -> str:
    """When its client was last heard of, and when it counts as gone."""
    if run.silent_s < 0:
        return "the host was restarted since its client was heard of"
    left = CLIENT_GONE_AFTER - run.silent_s + 1
    if left <= 0:
        return f"its client was last heard of {run.silent_s} s ago, and counts as gone"
    return (
        f"its client was heard of {run.silent_s} s ago, and counts as gone if nothing is heard of "
        f"it for {left} s more"
    )


def checked(run_id: str) -> str:
    """A run's ID, safe in a path. Raises UsageError."""
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"{run_id!r} is no run: a run is called like 20260103T073200Z-hotfix-1f2e3d.",
            next_step="deployctl status and deployctl history name the runs.",
        )
    return run_id


def meant(facts: Survey, run_id: str | None) -> str:
    """The run that is asked for; without a word for it, the only unfinished one. RefusedError."""
    if run_id is not None:
        return checked(run_id)
    told = [run.run_id for run in facts.unfinished]
    if facts.lock_holder and facts.lock_holder.get("runId"):
        told.append(str(facts.lock_holder["runId"]))
    # What the host's files say goes into a path as well.
    found = [run for run in dict.fromkeys(told) if _RUN_ID.fullmatch(run)]
    if len(found) == 1:
        return found[0]
    raise RefusedError(
        f"There are {len(found)} unfinished runs: {', '.join(found)}."
        if found
        else "There is no unfinished run on this host.",
        next_step="Name one of them." if found else "deployctl history",
    )


def unfinished(facts: Survey, run_id: str) -> Unfinished | None:
    return next((run for run in facts.unfinished if run.run_id == run_id), None)


def choices(run: Unfinished) -> str:
    """The ways to end a run that was left armed: the next commands to type."""
    back = f"deployctl rollback --run {run.run_id} puts back what held before it"
    if run.state.startswith("rollback_failed"):
        return f"{back}: it tries again."
    keep = f"; deployctl confirm {run.run_id} keeps its release if the gates hold"
    return (
        f"{back}{keep if run.state.startswith('swapped') else ''}; deployctl attach {run.run_id} "
        "watches what the host does with it."
    )


def ask(host: Host, facts: Survey, run_id: str) -> RunState:
    """What the host knows of it. RefusedError where it has no such run."""
    try:
        answer = host.run("run", {"RUN": directory(facts, run_id)}, timeout=TIMEOUT)
    except ProgramFailed as failure:
        if failure.kind != "no-run":
            raise
        raise RefusedError(
            f"The host has no run {run_id} of this project.", next_step="deployctl history"
        ) from failure
    with understood("run"):
        return RunState(
            state=answer.text("state", "").strip(),
            job_lives=answer.text("job", "") == "alive",
            releases=_records(answer.all("release")),
            about=read_about(answer.text("about", "")),
            confirmed_by=answer.text("confirmed-by", "").strip(),
        )


def _records(texts: Sequence[bytes]) -> tuple[ReleaseRecord, ...]:
    return tuple(read_record(text) for text in texts)
