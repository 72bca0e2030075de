"""`deployctl hotfix`."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output

if TYPE_CHECKING:
    from deployctl.cli.work import Work
    from deployctl.result import Result

Sha = Annotated[
    str | None,
    typer.Option(
        "--sha",
        parser=opt.filled,
        metavar="SHA",
        help="The commit: a SHA, a tag or a branch. Needed, but with --plan.",
    ),
]


def hotfix(
    context: typer.Context,
    *,
    sha: Sha = None,
    plan: opt.Plan = None,
    approval: opt.Approvals = None,
    target: opt.Target = None,
    config: opt.Config = None,
    playbook: opt.PlaybookFile = None,
    yes: opt.Yes = False,
    rebuild: opt.Rebuild = False,
    advisory: opt.Advisory = None,  # noqa: ARG001 - paired with its reason from the words
    accept_drift: opt.AcceptDrift = False,  # noqa: ARG001
    reason: opt.Reason = None,  # noqa: ARG001
    repair: opt.Repair = False,
    lock_wait: opt.LockWait = "0s",
    output: opt.Output = opt.OutputFormat.TEXT,
    log_file: opt.LogFile = None,
    evidence_dir: opt.EvidenceDir = None,
) -> int:
    """Take a commit to production, proven, or put everything back."""
    from deployctl.cli.planned import read_plan, revision_of  # noqa: PLC0415
    from deployctl.cli.work import Choices, roll_out  # noqa: PLC0415 - keeps --help light

    choices = Choices(
        target=target,
        config=config,
        playbook=playbook,
        output=output,
        log_file=log_file,
        evidence_dir=evidence_dir,
        lock_wait=lock_wait,
        yes=yes,
        rebuild=rebuild,
        repair=repair,
        planned=read_plan("hotfix", plan, approval or (), revision=sha),
    )
    revision = revision_of(sha, choices.planned)

    def act(work: "Work") -> "Result":
        from deployctl.rollout.hotfix import hotfix as carry_out  # noqa: PLC0415

        return carry_out(
            work.settings,
            revision,
            work.options,
            work.playbook,
            work.events,
            work.approve,
            work.reaching,
        )

    return roll_out(Output.of(context), choices, "hotfix", act)
