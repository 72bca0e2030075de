"""`deployctl unlock`: breaks a lock that its holder does not give back, and says what that breaks.

Never the lock of a run that has armed the host: what would put production back holds it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from deployctl.config.settings import Settings
from deployctl.engines.compose import runs, survey
from deployctl.engines.compose.job import describe_holder
from deployctl.engines.compose.refusals import refusing
from deployctl.engines.compose.survey import Survey, read_about
from deployctl.errors import UNTOUCHED, RefusedError
from deployctl.host.connection import Host, ProgramFailed
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout.address import host_address
from deployctl.rollout.hints import for_target

TIMEOUT = 60.0
WHAT_HAPPENS = (
    "It is asked to give the lock back; if it does not, its processes are ended. That run has "
    "changed nothing of production so far."
)


class UnlockDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "unlock"
    target: str
    result: Literal["unchanged", "unlocked"]
    exit_code: int = 0
    sentence: str
    next_step: str


def unlock(
    settings: Settings, consent: Callable[[list[str]], None], ask: Ask = ask_nobody
) -> UnlockDocument:
    """`consent` gets what would be broken, a line each, and raises ApprovalError to keep it.

    Raises RefusedError where an armed run holds the lock, or what holds it can't be ended by us.
    """
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        with refusing(link.host.label):
            holder, processes, held = _look(link.host, facts)
            if not held:
                return _document(settings, "unchanged", "Nobody holds the lock.")
            _refuse_armed(settings, facts, holder)
            consent(_broken(facts, holder, processes))
            how = _break(link.host, facts, holder, settings)
    finally:
        link.close()
    told = "gave it back when asked" if how == "asked" else "was ended"
    return _document(settings, "unlocked", f"The lock is free: its holder {told}.")


def _look(host: Host, facts: Survey) -> tuple[dict[str, Any], list[str], bool]:
    answer = host.run("lock", {"STATE_DIR": facts.state_dir}, timeout=TIMEOUT)
    processes = [each.decode("utf-8", "replace") for each in answer.all("process")]
    return read_about(answer.text("about", "")), processes, "held" in answer


def _refuse_armed(settings: Settings, facts: Survey, holder: Mapping[str, Any]) -> None:
    run = runs.unfinished(facts, str(holder.get("runId", "")))
    if run is None:
        return
    going_back = run.state.startswith("rolling_back") or run in facts.abandoned
    raise RefusedError(
        f"The lock is held by what puts run {run.run_id} back."
        if going_back
        else f"The lock is held by run {run.run_id}, which {runs.stands(run.state)}; "
        f"{runs.heard(run)}.",
        production=runs.serving(facts),
        next_step=for_target(runs.choices(run), settings.target),
    )


def _broken(facts: Survey, holder: Mapping[str, Any], processes: list[str]) -> list[str]:
    told = {**holder, "phase": (facts.lock_holder or {}).get("phase", "")}
    return [
        f"The lock of {facts.project} is held: {describe_holder(told)}.",
        *(f"  process {line}" for line in processes or ["of another user: not visible to us"]),
        WHAT_HAPPENS,
    ]


def _break(host: Host, facts: Survey, holder: Mapping[str, Any], settings: Settings) -> str:
    run_id = str(holder.get("runId", ""))
    run = runs.directory(facts, runs.checked(run_id)) if run_id else ""
    try:
        answer = host.run("unlock", {"STATE_DIR": facts.state_dir, "RUN": run}, timeout=TIMEOUT)
    except ProgramFailed as failure:
        if failure.kind == "armed":
            raise RefusedError(
                f"Run {run_id} {runs.stands(failure.message)}: only a rollback may end it.",
                production=runs.serving(facts),
                next_step=for_target("deployctl status", settings.target),
            ) from failure
        if failure.kind == "held":
            raise RefusedError(
                "What holds the lock could not be ended: it is another user's.",
                production=UNTOUCHED,
                next_step=f"As root on the host: fuser -v {facts.state_dir}/lock",
            ) from failure
        raise
    return answer.text("freed", "")


def _document(
    settings: Settings, result: Literal["unchanged", "unlocked"], sentence: str
) -> UnlockDocument:
    return UnlockDocument(
        target=settings.target,
        result=result,
        sentence=sentence,
        next_step=for_target("deployctl status", settings.target),
    )
