"""`deployctl confirm`."""

from typing import TYPE_CHECKING

import typer

from deployctl.cli import options as opt
from deployctl.cli.attach import Run
from deployctl.cli.output import Output

if TYPE_CHECKING:
    from deployctl.cli.work import Work
    from deployctl.result import Result


def confirm(
    context: typer.Context,
    run: Run = None,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    playbook: opt.PlaybookFile = None,
    advisory: opt.Advisory = None,  # noqa: ARG001 - paired with its reason from the words
    reason: opt.Reason = None,  # noqa: ARG001
    output: opt.Output = opt.OutputFormat.TEXT,
    log_file: opt.LogFile = None,
    evidence_dir: opt.EvidenceDir = None,
) -> int:
    """Keep the release of a run that lost its client, if its gates hold now."""
    from deployctl.cli.work import Choices, roll_out  # noqa: PLC0415 - keeps --help light

    choices = Choices(
        target=target,
        config=config,
        playbook=playbook,
        output=output,
        log_file=log_file,
        evidence_dir=evidence_dir,
    )

    def act(work: "Work") -> "Result":
        from deployctl.rollout.confirm import confirm as carry_out  # noqa: PLC0415

        return carry_out(
            work.settings, run, work.options, work.playbook, work.events, work.reaching
        )

    return roll_out(Output.of(context), choices, "hotfix", act)
