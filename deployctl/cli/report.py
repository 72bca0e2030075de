"""`deployctl report`."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings
from deployctl.errors import DeployctlError, UsageError

if TYPE_CHECKING:
    from deployctl.evidence.report.words import Language


class ReportFormat(StrEnum):
    PATH = "path"
    MD = "md"
    HTML = "html"


class ReportLanguage(StrEnum):
    EN = "en"
    PT_BR = "pt-BR"


def report(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="The run's ID, a unique part of it, or its directory; by default the last run.",
        ),
    ] = None,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    evidence_dir: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            "--evidence-dir",
            parser=opt.file_path,
            metavar="DIR",
            help="Where evidence is kept; by default below ~/.local/state/deployctl.",
        ),
    ] = None,
    output: Annotated[
        ReportFormat,
        typer.Option(
            "--format",
            help="path: write seal.md and seal.html beside the seal, and say where; md, html: "
            "print one of them.",
        ),
    ] = ReportFormat.PATH,
    language: Annotated[
        ReportLanguage | None,
        typer.Option("--language", help="By default that of the settings, else en."),
    ] = None,
    browse: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser as well.")
    ] = False,
) -> None:
    """Make the report of a run anew from its evidence. No host is asked."""
    from deployctl.evidence.report.runs import find, target_of  # noqa: PLC0415 - keeps --help light
    from deployctl.evidence.report.views import views, write_views  # noqa: PLC0415
    from deployctl.evidence.run_directory import state_home  # noqa: PLC0415

    base = (evidence_dir or state_home(os.environ) / "evidence").expanduser().absolute()
    try:
        directory = find(base, run, target)
        chosen = _language(language, target_of(directory), config)
        page = write_views(directory, chosen) if output == "path" or browse else None
        made = views(directory, chosen) if output != "path" else None
    except ValueError as error:
        raise UsageError(
            f"There is no report: {error}.",
            next_step="deployctl report RUN --dir DIR, with a directory that has seal.json in it.",
        ) from error
    except OSError as error:
        raise UsageError(
            f"The report can't be written to {error.filename}: {error.strerror}.",
            next_step="deployctl report --format html prints it instead.",
        ) from error
    told = Output.of(context)
    told.write(f"{page}\n" if made is None else made.html if output == "html" else made.markdown)
    if browse and page is not None:
        _open(page)


def _language(wanted: ReportLanguage | None, target: str, config: Path | None) -> "Language":
    """Settings that aren't there, or are of no use here, are no reason not to report."""
    if wanted is not None:
        return "pt-BR" if wanted is ReportLanguage.PT_BR else "en"
    try:
        return load_settings(target, config).language
    except DeployctlError:
        if config is not None:
            raise
        return "en"


def _open(page: Path) -> None:
    import webbrowser  # noqa: PLC0415 - for this alone

    if not webbrowser.open(page.as_uri()):
        sys.stderr.write(f"No browser could be started here. The page is {page}.\n")
