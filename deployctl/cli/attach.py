"""`deployctl attach`."""

import sys
from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings

Run = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="The run's ID; without it the only unfinished run."),
]


def attach(
    context: typer.Context,
    run: Run = None,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Follow a run that lost its client to its end; exits as that run does.

    0 confirmed, 20 nothing was changed, 21 rolled back, 22 a person is needed: also where the host
    finished a rollback by itself, which proves nothing.
    """
    from deployctl.rollout.attach import attach as follow  # noqa: PLC0415 - keeps --help light
    from deployctl.ui.documents import status_text  # noqa: PLC0415
    from deployctl.ui.text import clean  # noqa: PLC0415

    def tell(line: str) -> None:
        sys.stderr.write(f"{clean(line)}\n")
        sys.stderr.flush()

    told = Output.of(context)
    found = follow(load_settings(target, config), run, tell, told.ask_passphrase)
    told.answer(output.value, found, status_text)
    return found.exit_code
