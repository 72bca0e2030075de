"""The user's own `run:` and `http:` steps of a playbook."""

import json
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress

from pydantic import JsonValue

from deployctl.config.settings import Settings
from deployctl.engines.compose.job import one_line
from deployctl.errors import DeployctlError, UnreachableError, UntouchedError
from deployctl.events import LogLine
from deployctl.gates.base import CannotObserveError
from deployctl.gates.fetch import Request, fetch, identity_headers
from deployctl.host.client_side import session_from_here
from deployctl.host.commands import run_command
from deployctl.host.connection import ProgramFailed
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.session import Session
from deployctl.rollout.steps import FACT, Command, HttpStep, RunStep

TAIL = 2000
OUTPUT_BYTES = 64 * 1024
"""of a command's output, the last; as on the host"""
ANSWER_BYTES = 64 * 1024


class StepFailedError(UntouchedError):
    """A user's step failed. After arming it rolls back, as a failed stage does."""


def run_step(session: Session, step: RunStep, note: StageNote) -> None:
    if session.armed:
        _declare(session, step)
    code, output = _run(session, step, step.command)
    if code != 0:
        raise StepFailedError(
            f"The step {step.name!r} failed with exit code {code}.",
            next_step="Mend it (its output is above and in the evidence) and run again.",
            detail=output[-TAIL:],
        )
    note.detail = f"on the {step.where}"


def _declare(session: Session, step: RunStep) -> None:
    """Before the step begins: half of it may have happened when it fails.

    A host that could not be told of an unsafe step would roll back past it: then it isn't run.
    """
    if step.rollback == "unsafe" and session.job is not None:
        session.job.declare_unsafe(step.name)
        session.unsafe_step = step.name
    elif step.undo is not None:
        session.undo_steps.append(step)


def undo(session: Session, step: RunStep) -> bool:
    """Runs the command that undoes a step, where the step ran. A failure is told, not raised."""
    if step.undo is None:
        return True
    try:
        code, _ = _run(session, step, step.undo)
    except (DeployctlError, OSError) as error:
        told = error.what if isinstance(error, DeployctlError) else str(error)
        session.note("error", f"Undoing the step {step.name!r} failed: {told}")
        return False
    if code != 0:
        session.note("error", f"Undoing the step {step.name!r} failed with exit code {code}.")
    else:
        session.note("info", f"The step {step.name!r} was undone.")
    return code == 0


def http_step(session: Session, step: HttpStep, note: StageNote) -> None:
    try:
        _send(session, step)
    except DeployctlError as error:
        if step.advisory:
            session.note("warning", f"The step {step.name!r} failed: {error.what}")
            note.fail("failed (advisory)")
            return
        raise StepFailedError(
            f"The step {step.name!r} failed: {error.what}", next_step="Mend it and run again."
        ) from error


def _send(session: Session, step: HttpStep) -> None:
    unset = step.unset(os.environ)
    if unset:
        raise StepFailedError(f"{', '.join(unset)} is not set")
    headers = {**step.headers, **_identity(step)}
    body = with_facts(step.body, facts_for_steps(session))
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
        headers = {"Content-Type": "application/json", **headers}
    request = Request(
        url=step.url or os.environ[step.url_env or ""],
        method=step.method,
        headers=headers,
        body=None if body is None else body.encode("utf-8", "replace"),
        max_bytes=ANSWER_BYTES,
        final=frozenset(range(300, 400)),
    )
    http = session.hostlink.host.http() if step.where == "host" else session_from_here()
    answer = fetch(http, request, step.timeout)
    # The status is all that is asked for: how the body goes on doesn't matter.
    if answer.status is None and answer.fault is not None:
        # Other faults may quote the address, which may be a secret.
        known = answer.fault.kind not in ("failed", "redirect")
        raise StepFailedError(answer.fault.text if known else "the request can't be sent")
    if answer.status is None or not step.accepts(answer.status):
        raise StepFailedError(f"the answer was {answer.status}")


def _identity(step: HttpStep) -> dict[str, str]:
    try:
        return identity_headers(os.environ, step.bearer_env, None)
    except CannotObserveError as error:
        raise StepFailedError(error.judgement.reason) from error


def with_facts(body: JsonValue, facts: Mapping[str, str]) -> JsonValue:
    """The body with `$DEPLOYCTL_…` in its texts replaced by what is known of the run."""
    match body:
        case str():
            return FACT.sub(lambda found: facts[found[1] or found[2]], body)
        case dict():
            return {name: with_facts(value, facts) for name, value in body.items()}
        case list():
            return [with_facts(value, facts) for value in body]
        case _:
            return body


def facts_for_steps(session: Session) -> dict[str, str]:
    """FACTS: what every command of a step finds in its environment."""
    settings: Settings = session.settings
    goal, outcome = session.goal, session.outcome
    return {
        "DEPLOYCTL_RUN": session.run_id,
        "DEPLOYCTL_TARGET": settings.target,
        "DEPLOYCTL_PROJECT": session.survey.project if session.survey else "",
        "DEPLOYCTL_IMAGE": session.images.get(settings.services[0], ""),
        "DEPLOYCTL_SHA": (goal.sha or "") if goal else "",
        "DEPLOYCTL_RELEASE": goal.number if goal else "",
        "DEPLOYCTL_RESULT": outcome.result if outcome else "",
        "DEPLOYCTL_EXIT_CODE": str(int(outcome.code)) if outcome else "",
        "DEPLOYCTL_REASON": one_line(session.clean(outcome.reason)) if outcome else "",
    }


def _run(session: Session, step: RunStep, command: Command) -> tuple[int, str]:
    """The step's command, or the one that undoes it: exit code and output, which is told."""
    environment = {**facts_for_steps(session), **{name: os.environ[name] for name in step.env}}
    if step.where == "client":
        code, output = _run_here(step, command, environment)
    else:
        code, output = _run_there(session, step, command, environment)
    for line in output.splitlines():
        session.events.emit(LogLine(source=step.name, text=line))
    return code, output


def _run_there(
    session: Session, step: RunStep, command: Command, environment: dict[str, str]
) -> tuple[int, str]:
    try:
        done = run_command(session.hostlink.host, as_text(command), environment, step.timeout)
    except UnreachableError:
        raise
    except TimeoutError as error:
        raise _too_long(step) from error
    except ProgramFailed as failure:
        raise StepFailedError(
            f"The step {step.name!r} could not be run on the host: {failure.kind}: "
            f"{failure.message}.",
            next_step="deployctl doctor",
        ) from failure
    output = session.marks.hide(done.stdout + done.stderr)
    return done.exit_code, output.decode("utf-8", "replace")


def _run_here(step: RunStep, command: Command, environment: dict[str, str]) -> tuple[int, str]:
    words = ["sh", "-c", command] if isinstance(command, str) else list(command)
    try:
        # Not a pipe: what it leaves running in the background would keep that open.
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen(
                words,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code = _end_of(child, step.timeout)
            output.seek(max(0, output.seek(0, os.SEEK_END) - OUTPUT_BYTES))
            printed = output.read()
    except subprocess.TimeoutExpired as error:
        raise _too_long(step) from error
    except OSError as error:
        raise StepFailedError(
            f"The step {step.name!r} could not be run: {error}.", next_step="Correct its command."
        ) from error
    return code, printed.decode("utf-8", "replace")


def _too_long(step: RunStep) -> StepFailedError:
    return StepFailedError(
        f"The step {step.name!r} did not end within {step.timeout:g} s, and was ended.",
        next_step="See what it waits for, or raise its timeout.",
    )


def _end_of(child: "subprocess.Popen[bytes]", timeout: float) -> int:
    """Its exit code. Broken off, it ends with all that it has started: nothing of it goes on."""
    try:
        return child.wait(timeout)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise


def as_text(command: Command) -> str:
    """The command as a line, or lines, for a shell."""
    return command if isinstance(command, str) else shlex.join(command)
