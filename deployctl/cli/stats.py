"""`deployctl stats`: figures over the runs whose evidence is on this machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli import tables
from deployctl.cli.output import Output
from deployctl.errors import UsageError

DEFAULT_SINCE = "90d"


def stats(
    context: typer.Context,
    *,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            parser=opt.filled,
            metavar="TIME",
            help="From when on: 90d, 12w, 36h, or a date.",
        ),
    ] = DEFAULT_SINCE,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", "-t", parser=opt.filled, metavar="NAME", help="Only this one; default: all."
        ),
    ] = None,
    directory: Annotated[
        list[Path] | None,
        typer.Option(
            "--dir",
            parser=opt.file_path,
            metavar="DIR",
            help="Where seals lie, at any depth, instead of this machine's evidence. Repeatable.",
        ),
    ] = None,
    form: tables.Format = None,
    output: tables.AlsoOutput = None,
) -> None:
    """Tell how often, how fast and how well was deployed, from the seals."""
    from deployctl.events import utc_now  # noqa: PLC0415
    from deployctl.evidence.run_directory import state_home  # noqa: PLC0415
    from deployctl.evidence.stats import period  # noqa: PLC0415
    from deployctl.evidence.stats.collect import collect  # noqa: PLC0415
    from deployctl.ui.stats import stats_csv, stats_text  # noqa: PLC0415

    until = utc_now()
    try:
        begin = period.begin_of(since, until)
    except ValueError as error:
        raise UsageError(f"--since: {error}.", next_step="deployctl stats --help") from error
    for each in directory or ():
        if not each.expanduser().is_dir():
            raise UsageError(f"There is no directory {each}.", next_step="Correct --dir.")
    places = [each.expanduser() for each in directory or [state_home(os.environ) / "evidence"]]
    tables.answer(
        Output.of(context),
        lambda: collect(places, begin, until, target),
        form,
        output,
        stats_text,
        stats_csv,
    )
