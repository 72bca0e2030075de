"""The options that commands share, each defined once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """How a command answers: text for people, or JSON on stdout."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


def filled(text: str) -> str:
    """A value that says something: an unset variable of a script is no choice of anybody's."""
    if not text.strip():
        raise typer.BadParameter("expected something, found nothing.")
    return text


def file_path(text: str) -> Path:
    return Path(filled(text))


Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        "-t",
        parser=filled,
        metavar="NAME",
        help="The target; needed if there are several.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        parser=file_path,
        metavar="FILE",
        help="The settings; by default the nearest deployctl.yml upwards from here.",
    ),
]
PlaybookFile = Annotated[
    Path | None,
    typer.Option(
        "--playbook",
        parser=file_path,
        metavar="FILE",
        help="A playbook instead of the built-in one.",
    ),
]
Output = Annotated[
    OutputFormat,
    typer.Option(
        "--output",
        "-o",
        help="text; json: one document on stdout; ndjson: every event, the result last.",
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        parser=file_path,
        metavar="FILE",
        help="Append everything to this file as well.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve without being asked.")]
EvidenceDir = Annotated[
    Path | None,
    typer.Option(
        "--evidence-dir",
        parser=file_path,
        metavar="DIR",
        help="Where evidence is kept; by default below ~/.local/state/deployctl.",
    ),
]
Plan = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        parser=file_path,
        metavar="FILE",
        help="Carry out exactly this plan of `deployctl plan --out`, or nothing.",
    ),
]
Approvals = Annotated[
    list[Path] | None,
    typer.Option(
        "--approval",
        parser=file_path,
        metavar="FILE",
        help="A signed approval that does not lie beside the plan. Repeatable.",
    ),
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Build even if the host has an image of this source.")
]
LockWait = Annotated[
    str,
    typer.Option(
        "--lock-wait",
        parser=filled,
        metavar="TIME",
        help="How long to wait for another rollout to end: 30s, 5m.",
    ),
]
Advisory = Annotated[
    list[str] | None,
    typer.Option(
        "--advisory",
        metavar="GATE",
        help="Don't let this gate stop the run; a --reason must follow. Repeatable.",
    ),
]
AcceptDrift = Annotated[
    bool,
    typer.Option(
        "--accept-drift",
        help="Go on although the host differs from its compose file; a --reason must follow.",
    ),
]
Repair = Annotated[
    bool,
    typer.Option(
        "--repair",
        help="Reconstruct a broken compose file; on a terminal the plan asks for it anyway.",
    ),
]
Reason = Annotated[
    list[str] | None,
    typer.Option(
        "--reason", metavar="TEXT", help="Why; belongs to the --advisory or --accept-drift before."
    ),
]
