"""`deployctl doctor`."""

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings


def doctor(
    context: typer.Context,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Check a host for all that a hotfix needs.

    Exits with 23 if something is missing.
    """
    from deployctl.rollout.doctor import doctor as examine  # noqa: PLC0415
    from deployctl.ui.documents import doctor_text  # noqa: PLC0415

    told = Output.of(context)
    found = examine(load_settings(target, config), told.ask_passphrase)
    told.answer(output.value, found, doctor_text)
    return found.exit_code
