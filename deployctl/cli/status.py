"""`deployctl status`."""

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings


def status(
    context: typer.Context,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> None:
    """Say what runs, since when, by whom, and what differs."""
    from deployctl.rollout.status import status as read_status  # noqa: PLC0415
    from deployctl.ui.documents import status_text  # noqa: PLC0415

    told = Output.of(context)
    found = read_status(load_settings(target, config), told.ask_passphrase)
    told.answer(output.value, found, status_text)
