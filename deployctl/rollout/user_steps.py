"""The user's own `run:` and `http:` steps of a playbook."""

import os
import shlex
import subprocess

import requests

from deployctl.config.settings import Settings
from deployctl.errors import ConfigError, DeployctlError, UntouchedError
from deployctl.events import LogLine
from deployctl.host.client_side import session_from_here
from deployctl.host.commands import run_command
from deployctl.host.connection import ProgramFailed
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.session import Session
from deployctl.rollout.steps import Command, HttpStep, RunStep

TAIL = 2000


class StepFailedError(UntouchedError):
    """A user's step failed. After arming it rolls back, as a failed stage does."""


def run_step(session: Session, step: RunStep, note: StageNote) -> None:
    if session.armed:
        _declare_undo(session, step)
    environment = {**facts_for_steps(session), **_passed_on(step.env)}
    code, output = _run(session, step.name, step.command, step.where, environment, step.timeout)
    for line in output.splitlines():
        session.events.emit(LogLine(source=step.name, text=line))
    if code != 0:
        raise StepFailedError(
            f"The step {step.name!r} failed with exit code {code}.",
            next_step="Mend it (its output is above and in the evidence) and run again.",
            detail=output[-TAIL:],
        )
    note.detail = f"on the {step.where}"


def _declare_undo(session: Session, step: RunStep) -> None:
    """Before the step begins: half of it may have happened when it fails."""
    if step.rollback == "unsafe":
        session.unsafe_step = step.name
    elif step.undo is not None:
        session.undo_commands.append((step.name, _text(step.undo)))


def undo(session: Session, name: str, command: str) -> None:
    """Runs the command that undoes a step. A failure is told; the container is put back anyway."""
    try:
        code, output = _run(session, name, command, "host", facts_for_steps(session), 300.0)
    except DeployctlError as error:
        session.note("error", f"Undoing the step {name!r} failed: {error.what}")
        return
    for line in output.splitlines():
        session.events.emit(LogLine(source=name, text=line))
    if code != 0:
        session.note("error", f"Undoing the step {name!r} failed with exit code {code}.")


def http_step(session: Session, step: HttpStep, note: StageNote) -> None:
    try:
        _send(session, step)
    except (requests.RequestException, StepFailedError) as error:
        told = error.what if isinstance(error, StepFailedError) else type(error).__name__
        if step.advisory:
            session.note("warning", f"The step {step.name!r} failed: {told}")
            note.detail = "failed (advisory)"
            return
        raise StepFailedError(
            f"The step {step.name!r} failed: {told}", next_step="Mend it and run again."
        ) from error


def _send(session: Session, step: HttpStep) -> None:
    url = step.url or os.environ.get(step.url_env or "", "")
    if not url:
        raise ConfigError(
            f"The step {step.name!r} takes its address from {step.url_env}, which is not set.",
            next_step=f"export {step.url_env}=…",
        )
    headers = dict(step.headers)
    if step.bearer_env:
        headers["Authorization"] = f"Bearer {os.environ.get(step.bearer_env, '')}"
    http = session.hostlink.host.http() if step.where == "host" else session_from_here()
    body = {"data": step.body.encode()} if isinstance(step.body, str) else {"json": step.body}
    with http.request(
        step.method, url, headers=headers, timeout=step.timeout, allow_redirects=False,
        stream=True, **(body if step.body is not None else {}),
    ) as response:  # fmt: skip
        if not step.accepts(response.status_code):
            raise StepFailedError(f"the answer was {response.status_code}")


def facts_for_steps(session: Session) -> dict[str, str]:
    """What every command of a step finds in its environment."""
    settings: Settings = session.settings
    goal = session.goal
    return {
        "DEPLOYCTL_RUN": session.run_id,
        "DEPLOYCTL_TARGET": settings.target,
        "DEPLOYCTL_PROJECT": session.survey.project if session.survey else "",
        "DEPLOYCTL_IMAGE": session.images.get(settings.services[0], ""),
        "DEPLOYCTL_SHA": (goal.sha or "") if goal else "",
        "DEPLOYCTL_RELEASE": goal.number if goal else "",
    }


def _run(
    session: Session,
    name: str,
    command: Command,
    where: str,
    environment: dict[str, str],
    timeout: float,
) -> tuple[int, str]:
    if where == "client":
        return _run_here(name, command, environment, timeout)
    try:
        done = run_command(session.hostlink.host, _text(command), environment, timeout)
    except (ProgramFailed, TimeoutError) as error:
        raise StepFailedError(
            f"The step {name!r} did not end: {error}", next_step="Raise its timeout."
        ) from error
    return done.exit_code, (done.stdout + done.stderr).decode("utf-8", "replace")


def _run_here(
    name: str, command: Command, environment: dict[str, str], timeout: float
) -> tuple[int, str]:
    words = ["sh", "-c", command] if isinstance(command, str) else list(command)
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepFailedError(
            f"The step {name!r} did not end: {error}", next_step="Correct its command or timeout."
        ) from error
    return done.returncode, done.stdout.decode("utf-8", "replace")


def _passed_on(names: tuple[str, ...]) -> dict[str, str]:
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ConfigError(
            f"A step passes on {', '.join(missing)}, which is not set here.",
            next_step=f"export {missing[0]}=…",
        )
    return {name: os.environ[name] for name in names}


def _text(command: Command) -> str:
    return command if isinstance(command, str) else shlex.join(command)
