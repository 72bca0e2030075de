"""`deployctl history`."""

from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli import tables
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings


def history(
    context: typer.Context,
    *,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="How many, newest first.")
    ] = 20,
    target: opt.Target = None,
    config: opt.Config = None,
    form: tables.Format = None,
    output: tables.AlsoOutput = None,
) -> None:
    """List the releases of a target, newest first."""
    from deployctl.rollout.history import history as read_history  # noqa: PLC0415
    from deployctl.ui.documents import history_text  # noqa: PLC0415
    from deployctl.ui.history import history_csv  # noqa: PLC0415

    told = Output.of(context)
    tables.answer(
        told,
        lambda: read_history(load_settings(target, config), limit, told.ask_passphrase),
        form,
        output,
        history_text,
        history_csv,
    )
