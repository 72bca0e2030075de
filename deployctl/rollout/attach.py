"""`deployctl attach`: follows a run that lost its client to its end. It orders nothing."""

from collections.abc import Callable

from deployctl.config.settings import Settings
from deployctl.engines.compose import runs, survey
from deployctl.engines.compose.job import UNPROVEN, Job
from deployctl.engines.compose.job_line import JobEvent
from deployctl.engines.compose.refusals import refusing
from deployctl.engines.compose.survey import Survey, Unfinished
from deployctl.errors import DeployctlError, ExitCode, RefusedError
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.host.waiting import reminded
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout.address import host_address
from deployctl.rollout.hints import for_target
from deployctl.rollout.outcome import WORDS, ResultWord

PATIENCE = 600.0
"""seconds beyond the deadline: what the host does then takes no longer"""
SILENT = frozenset({"beat", "tick"})

ENDS: dict[str, tuple[ExitCode, str, str]] = {
    "confirmed": (ExitCode.SEALED, "was confirmed: its release is live", "deployctl status"),
    UNPROVEN: (
        ExitCode.ROLLBACK_FAILED,
        "was finished by the host, and is not proven good",
        "deployctl status; deployctl logs",
    ),
    "rolled_back": (
        ExitCode.ROLLED_BACK,
        "was rolled back: what held before serves again",
        "deployctl status",
    ),
    "released": (ExitCode.UNTOUCHED, "ended before it changed anything", "deployctl status"),
    "rollback_failed": (
        ExitCode.ROLLBACK_FAILED,
        "could not be rolled back: a person is needed",
        "deployctl rollback --run RUN tries again; deployctl logs",
    ),
    "kept": (
        ExitCode.ROLLBACK_FAILED,
        "was neither confirmed nor rolled back: there was no way back, and its release stays",
        "Fix forward: deployctl hotfix --sha FIX",
    ),
}
"""state of a run that has ended -> code, sentence, next command"""


class AttachDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "attach"
    target: str
    run_id: str
    state: str
    result: ResultWord
    """how the run ended"""
    exit_code: int
    sentence: str
    next_step: str


def attach(
    settings: Settings,
    run_id: str | None,
    tell: Callable[[str], None],
    ask: Ask = ask_nobody,
) -> AttachDocument:
    """`tell` gets a line for each thing that the run does; no `run_id` means the only unfinished.

    Raises RefusedError where there is no such run, or nothing on the host goes on with it.
    """
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        wanted = runs.meant(facts, run_id)
        with refusing(link.host.label):
            found = runs.ask(link.host, facts, wanted)
            state = _end(found.state)
            if state not in ENDS:
                state = _follow(link, settings, facts, wanted, tell)
    except DeployctlError as error:
        error.next_step = for_target(error.next_step, settings.target)
        raise
    finally:
        link.close()
    return _document(settings, wanted, state, str(found.about.get("sha") or ""))


def _follow(
    link: Link, settings: Settings, facts: Survey, run_id: str, tell: Callable[[str], None]
) -> str:
    """The state that the run ends in."""
    run = runs.unfinished(facts, run_id)
    job = Job(
        link,
        runs.directory(facts, run_id),
        settings.host.operators_group or "",
        lambda event: _tell(event, tell),
    )
    link.tell = tell
    try:
        with reminded(lambda gone: tell(_waits(run_id, run, gone))):
            state = job.attend(max(run.left_s if run else 0, 0) + PATIENCE)
        state = UNPROVEN if state == "confirmed" and job.unproven else state
    finally:
        job.close()
    if state not in ENDS:
        raise RefusedError(
            f"Nothing on the host goes on with run {run_id}, which {runs.stands(state)}.",
            production=runs.serving(facts),
            next_step=f"deployctl rollback --run {run_id} ends it; "
            f"deployctl confirm {run_id} keeps its release",
        )
    return state


def _waits(run_id: str, run: Unfinished | None, gone: float) -> str:
    """What is waited for, and until when."""
    left = run.left_s - gone if run else 0.0
    if run is None or left <= 0:
        return f"Waiting for run {run_id} to end on the host, since {gone:.0f} s."
    if run.about.get("command") == "rollback":
        return f"Waiting for run {run_id}, a rollback: the host brings it to its end by itself."
    return (
        f"Waiting for run {run_id}: unless it is confirmed, the host puts it back by itself in "
        f"{left:.0f} s."
    )


def _end(state: str) -> str:
    return UNPROVEN if state == UNPROVEN else state.partition(" ")[0]


def _tell(event: JobEvent, tell: Callable[[str], None]) -> None:
    if event.kind not in SILENT and event.kind != "given-up":
        tell(" ".join((event.kind, *event.fields)))


def _document(settings: Settings, run_id: str, state: str, sha: str) -> AttachDocument:
    code, told, next_step = ENDS[state]
    if state == UNPROVEN and sha:
        next_step = (
            f"deployctl status; deployctl hotfix --sha {sha[:12]}, which runs the gates and swaps "
            "nothing"
        )
    return AttachDocument(
        target=settings.target,
        run_id=run_id,
        state=state,
        result=WORDS[code],
        exit_code=int(code),
        sentence=f"Run {run_id} {told}.",
        next_step=for_target(next_step.replace("RUN", run_id), settings.target),
    )
