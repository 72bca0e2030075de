"""`deployctl compose …`: work on a local compose file; no host is asked."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.errors import ExitCode, UsageError

app = typer.Typer(help="Work on a local compose file.", no_args_is_help=True)

File = Annotated[str, typer.Argument(metavar="FILE", help="A compose file; - reads stdin.")]


@app.command("set-image")
def set_image(
    context: typer.Context,
    file: File,
    service: Annotated[str, typer.Argument(metavar="SERVICE")],
    image: Annotated[str, typer.Argument(metavar="IMAGE")],
) -> None:
    """Print FILE with only SERVICE's image replaced; every other byte stays."""
    from deployctl import composefile  # noqa: PLC0415

    Output.of(context).write_bytes(composefile.set_image(_read(file), service, image))


@app.command()
def diagnose(
    context: typer.Context, file: File, *, output: opt.Output = opt.OutputFormat.TEXT
) -> int:
    """Say what is wrong with FILE; exits with 23 if anything is."""
    from deployctl import composefile  # noqa: PLC0415
    from deployctl.ui.diagnosis import Diagnosis, Fault, diagnosis_text  # noqa: PLC0415

    found = composefile.check(_read(file))
    code = ExitCode.REFUSED if found else ExitCode.SEALED
    document = Diagnosis(
        command="compose diagnose",
        file=file,
        result="faults" if found else "ok",
        exit_code=int(code),
        faults=[
            Fault(line=fault.line, column=fault.column, message=fault.message, mend=fault.mend)
            for fault in found
        ],
    )
    Output.of(context).answer(output.value, document, diagnosis_text)
    return int(code)


@app.command()
def render(
    context: typer.Context,
    template: Annotated[
        str, typer.Argument(metavar="TEMPLATE", help="A name that deployctl brings, or a file.")
    ],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A value of the template. Repeatable."),
    ] = None,
) -> None:
    """Print a compose file made from TEMPLATE (`production` is there)."""
    from deployctl.cli.rendering import render as render_text  # noqa: PLC0415

    text = render_text(template, dict(_pair(value) for value in values or []))
    Output.of(context).write(text)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text}: expected KEY=VALUE.", next_step="Write --set port=8000.")
    return key, value


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} can't be read: {error.strerror}.", next_step="Check the path."
        ) from error
    except ValueError as error:  # a NUL in the path
        raise UsageError(f"{file!r} is not a path.", next_step="Check the path.") from error
