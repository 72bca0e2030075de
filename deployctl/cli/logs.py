"""`deployctl logs`."""

from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings


def logs(
    context: typer.Context,
    *,
    service: Annotated[
        str | None,
        typer.Option(
            "--service",
            parser=opt.filled,
            metavar="NAME",
            help="By default the first of the settings.",
        ),
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=100_000, help="How many, the last ones.")
    ] = 100,
    target: opt.Target = None,
    config: opt.Config = None,
) -> None:
    """Print the last lines of the running container's log."""
    from deployctl.rollout.logs import logs as read_logs  # noqa: PLC0415
    from deployctl.ui.text import clean  # noqa: PLC0415

    output = Output.of(context)
    settings = load_settings(target, config)
    for line in read_logs(settings, service, lines, output.ask_passphrase):
        output.write(f"{clean(line)}\n")
