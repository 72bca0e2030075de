"""`deployctl audit`."""

from pathlib import Path
from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings
from deployctl.errors import UsageError


def audit(
    context: typer.Context,
    *,
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--dir",
            parser=opt.file_path,
            metavar="DIR",
            help="Copies of evidence; repeatable. By default this machine's own.",
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            parser=opt.file_path,
            metavar="FILE",
            help="A copy of the host's journal.jsonl: no host is asked.",
        ),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option("--accept", help="Go on from the host's journal as it is now."),
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            parser=opt.file_path,
            metavar="FILE",
            help="Verify each seal's signature as well, by this policy of verify.",
        ),
    ] = None,
    target: opt.Target = None,
    config: opt.Config = None,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Compare the host's journal with the seals, and name the first place where they part.

    Exits with 23 if they do.
    """
    from deployctl.evidence.policy import load_policy  # noqa: PLC0415
    from deployctl.rollout import audit as auditing  # noqa: PLC0415
    from deployctl.ui.evidence import audit_text  # noqa: PLC0415

    if accept and journal is not None:
        raise UsageError(
            "--accept is about the host's own journal, not a copy of it.",
            next_step="Leave one of --accept and --journal out.",
        )
    told = Output.of(context)
    rules = load_policy(policy) if policy is not None else None
    asked = auditing.Asked(tuple(folders or ()), accept, rules)
    if journal is not None:
        found = auditing.audit_copy(journal, target, asked)
    else:
        found = auditing.audit_host(load_settings(target, config), asked, told.ask_passphrase)
    told.answer(output.value, found, audit_text)
    return found.exit_code
