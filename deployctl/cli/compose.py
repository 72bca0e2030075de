"""`deployctl compose …`: look at, edit and repair compose files, here or on a target."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings
from deployctl.errors import UsageError

app = typer.Typer(help="Look at, edit and repair compose files.", no_args_is_help=True)

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
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]", help="A compose file; - reads stdin. Without it: the target's files."
        ),
    ] = None,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Name every fault of FILE, or of the target's files, with line, cause and mend.

    Exits with 23 if there is any.
    """
    from deployctl.ui.diagnosis import diagnosis_text  # noqa: PLC0415

    if file is None:
        from deployctl.rollout.diagnose import diagnose as examine  # noqa: PLC0415

        found = examine(load_settings(target, config), Output.of(context).ask_passphrase)
    else:
        from deployctl.rollout.diagnose_file import diagnose as look_at  # noqa: PLC0415

        if target is not None:
            raise UsageError(
                "FILE is a file here, --target one there.",
                next_step="deployctl compose diagnose FILE, or deployctl compose diagnose --target "
                "NAME",
            )
        found = look_at(file, _read(file))
    Output.of(context).answer(output.value, found, diagnosis_text)
    return found.exit_code


@app.command()
def repair(
    context: typer.Context,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    from_release: Annotated[
        str | None,
        typer.Option(
            "--from-release", metavar="RELEASE", help="Take the file that this one was live with."
        ),
    ] = None,
    yes: opt.Yes = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="The same as --yes, as `hotfix` has it.")
    ] = False,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Reconstruct the target's broken compose file; no container is touched.

    Shows the difference, with the origin of each line, and asks before it changes the file.
    """
    from deployctl.cli.repairing import carry_out  # noqa: PLC0415 - keeps --help light
    from deployctl.ui.repair import repair_text  # noqa: PLC0415

    told = Output.of(context)
    settings = load_settings(target, config)
    done = carry_out(settings, from_release, told.ask_passphrase, yes=yes or repair)
    told.answer(output.value, done, repair_text)
    return done.exit_code


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
    from deployctl.rollout.templates import render as render_text  # noqa: PLC0415

    text = render_text(template, dict(_pair(value) for value in values or []))
    Output.of(context).write(text)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text}: expected KEY=VALUE.", next_step="Write --set port=8000.")
    return key, value


def _read(file: str) -> bytes:
    from deployctl.composefile.document import LARGEST_BYTES  # noqa: PLC0415 - keeps --help light

    try:
        # No more than it takes to see that it is too large: it may have no end, as /dev/zero.
        if file == "-":
            return sys.stdin.buffer.read(LARGEST_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{file} can't be read: {error.strerror}.", next_step="Check the path."
        ) from error
    except ValueError as error:  # a NUL in the path
        raise UsageError(f"{file!r} is not a path.", next_step="Check the path.") from error
