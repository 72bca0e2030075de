"""Whatever ended a command, as the result document that every reader understands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deployctl.errors import TOUCHED_NOTHING, UNTOUCHED, DeployctlError, ExitCode, UnreachableError

if TYPE_CHECKING:
    from deployctl.result import Result

READING = frozenset({"attach", "doctor", "history", "logs", "plan", "status"})
"""commands that change nothing on the host, whatever ends them"""
UNKNOWN = "Not known: the run ended in the middle of a change. Read it from the host."


@dataclass(frozen=True)
class Circumstances:
    """What is known about the command that failed."""

    command: str
    started_at: datetime
    run_id: str | None = None
    target: str | None = None
    changing: bool = False
    """Whether the run had begun to change the host."""


def document(error: BaseException, known: Circumstances, env: Mapping[str, str]) -> "Result":
    """The result for an error; a bug's traceback goes to a file that the result names."""
    from deployctl.result import Result  # noqa: PLC0415 - pydantic, only when it is needed
    from deployctl.rollout.outcome import WORDS  # noqa: PLC0415

    told = explain(error, known, env)
    return Result(
        command=known.command,
        result=WORDS[told.code],
        exit_code=int(told.code),
        reason="\n".join(filter(None, (told.what, told.detail))),
        production=told.production,
        next_step=told.next_step,
        run_id=known.run_id,
        target=known.target,
        started_at=known.started_at,
        duration_ms=round((datetime.now(UTC) - known.started_at).total_seconds() * 1000),
    )


def explain(error: BaseException, known: Circumstances, env: Mapping[str, str]) -> DeployctlError:
    """Any exception as the error that people are told."""
    import typer  # noqa: PLC0415

    if isinstance(error, DeployctlError):
        if isinstance(error, UnreachableError) and known.command in READING:
            # Whatever the host was doing for it, it only read. Others may have changed something.
            error.production = TOUCHED_NOTHING
        return error
    production = UNKNOWN if known.changing else UNTOUCHED
    status = f"deployctl status --target {known.target}" if known.target else "deployctl status"
    if isinstance(error, KeyboardInterrupt | typer.Abort | EOFError):
        return DeployctlError(
            "Interrupted.",
            production=production,
            next_step=status if known.changing else "",
            code=ExitCode.INTERRUPTED,
        )
    if isinstance(error, typer.TyperException):
        return _usage(error)
    place = save_traceback(error, env)
    return DeployctlError(
        f"This is a bug in deployctl: {type(error).__name__}. {place}",
        production=production,
        next_step=f"{status}, and report the bug with that file."
        if known.changing
        else "Report the bug with that file; try again with another way of asking.",
        code=ExitCode.BUG,
    )


def _usage(error: Exception) -> DeployctlError:
    context = getattr(error, "ctx", None)
    message = str(error.format_message())  # type: ignore[attr-defined]
    message = message.replace(": Value error, ", ": ", 1)  # the parser's word for what it caught
    path = context.command_path if context is not None else "deployctl"
    detail = ""
    if context is not None and message == context.get_help():
        message, detail = "A command is missing.", message
    return DeployctlError(message, next_step=f"{path} --help", detail=detail, code=ExitCode.USAGE)


def save_traceback(error: BaseException, env: Mapping[str, str]) -> str:
    """Writes the traceback, without secrets, to a file of its own; returns a sentence on where."""
    import os  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    from deployctl.evidence.redact import Redactor, looks_secret  # noqa: PLC0415
    from deployctl.evidence.run_directory import (  # noqa: PLC0415
        make_private_directory,
        state_home,
        write_private_file,
    )

    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path: Path = state_home(env) / "bugs" / f"{moment}-{os.getpid()}.txt"
    text = "".join(traceback.format_exception(error))
    known = {name: value for name, value in env.items() if looks_secret(name)}
    try:
        make_private_directory(path.parent)
        write_private_file(path, Redactor(known).text(text).encode(errors="replace"))
    except OSError as problem:
        return f"Its traceback could not be written to {path}: {problem.strerror}."
    return f"Its traceback is in {path}."
