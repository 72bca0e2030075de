"""`deployctl approve`."""

from pathlib import Path
from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="A plan of `deployctl plan --out`, or the seal.json of a run."
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        parser=opt.file_path,
        metavar="FILE",
        help="The SSH key to sign with; by default the agent's first, else one of ~/.ssh.",
    ),
]


def approve(
    context: typer.Context,
    file: File,
    *,
    key: Key = None,
    yes: opt.Yes = False,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Sign a plan before it is carried out, or a seal after the run; no host is needed."""
    from deployctl.cli.approving import carry_out  # noqa: PLC0415 - keeps --help light
    from deployctl.ui.approving import approved_lines  # noqa: PLC0415

    told = Output.of(context)
    done = carry_out(opt.file_path(file), key, told.ask_passphrase, yes=yes)
    told.answer(output.value, done, approved_lines)
    return done.exit_code
