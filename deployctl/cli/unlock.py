"""`deployctl unlock`."""

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings


def unlock(
    context: typer.Context,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    yes: opt.Yes = False,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Break a lock that its holder doesn't give back; shows what that breaks, and asks."""
    from deployctl.cli.unlocking import carry_out  # noqa: PLC0415 - keeps --help light
    from deployctl.ui.documents import status_text  # noqa: PLC0415

    told = Output.of(context)
    done = carry_out(load_settings(target, config), told.ask_passphrase, yes=yes)
    told.answer(output.value, done, status_text)
    return done.exit_code
