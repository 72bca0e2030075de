"""The one place where an exception becomes text and an exit code.

Commands raise; nothing below this catches for the sake of a person.
"""

import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from deployctl.cli.output import Output, unwritable
from deployctl.cli.signals import interruptible
from deployctl.errors import ExitCode

PROGRAM = "deployctl"
_COMPLETION = "_DEPLOYCTL_COMPLETE"


def run(argv: Sequence[str]) -> int:
    """Runs one command line; returns the process's exit code and never raises."""
    _settle_streams()
    output = Output(argv)
    with interruptible(output.stop_asking):
        try:
            code = _dispatch(list(argv), output)
        except BaseException as error:  # noqa: BLE001 - this is where they all end
            code = _tell(error, output)
        finally:
            output.close()
    _discard_unread()
    return code


def _dispatch(argv: list[str], output: Output) -> int:
    from deployctl.cli.main import app  # noqa: PLC0415 - a bug in it must be told as one

    if _COMPLETION in os.environ:
        app(args=argv, prog_name=PROGRAM)
    command = typer.main.get_command(app)
    argv = argv or ["--help"]
    try:
        # Not through `main`, which turns Ctrl-C into a return value before anyone can tell it.
        with command.make_context(PROGRAM, argv, obj=output) as context:
            answer: Any = command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return answer if isinstance(answer, int) else int(ExitCode.SEALED)


def _tell(error: BaseException, output: Output) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(bool(error.code))
    if isinstance(error, BrokenPipeError) and _raised_by_parser(error):
        return int(ExitCode.SEALED)  # whoever read the help has seen enough
    if isinstance(error, OSError) and _raised_by_parser(error):
        error = unwritable(error)
    return output.fail(error)


def _raised_by_parser(error: BaseException) -> bool:
    """Printing its help is all that the parser does with files."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return str(name).startswith("typer.")


def _settle_streams() -> None:
    """Streams that exist and never fail on a character: `>&-`, LC_ALL=C, a Latin-1 terminal."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            # Lives as long as the process does.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_unread() -> None:
    """Leaves nothing to flush at exit, where Python would complain about a closed pipe."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, stream.fileno())
            os.close(devnull)
