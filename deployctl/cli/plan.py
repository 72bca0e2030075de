"""`deployctl plan`."""

from typing import TYPE_CHECKING

import typer

from deployctl.cli import options as opt
from deployctl.cli.hotfix import Sha
from deployctl.cli.output import Output

if TYPE_CHECKING:
    from deployctl.cli.work import Work
    from deployctl.result import Result


def plan(
    context: typer.Context,
    *,
    sha: Sha,
    target: opt.Target = None,
    config: opt.Config = None,
    playbook: opt.PlaybookFile = None,
    rebuild: opt.Rebuild = False,
    advisory: opt.Advisory = None,  # noqa: ARG001 - paired with its reason from the words
    accept_drift: opt.AcceptDrift = False,  # noqa: ARG001
    reason: opt.Reason = None,  # noqa: ARG001
    repair: opt.Repair = False,
    output: opt.Output = opt.OutputFormat.TEXT,
    log_file: opt.LogFile = None,
    evidence_dir: opt.EvidenceDir = None,
) -> int:
    """Show what a hotfix would do, and change nothing."""
    from deployctl.cli.work import Choices, roll_out  # noqa: PLC0415 - keeps --help light

    choices = Choices(
        target=target,
        config=config,
        playbook=playbook,
        output=output,
        log_file=log_file,
        evidence_dir=evidence_dir,
        rebuild=rebuild,
        repair=repair,
    )

    def act(work: "Work") -> "Result":
        from deployctl.rollout.plan import plan as draw_up  # noqa: PLC0415

        return draw_up(work.settings, sha, work.options, work.playbook, work.events, work.reaching)

    return roll_out(Output.of(context), choices, "hotfix", act)
