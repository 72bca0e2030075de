"""`deployctl rollback`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.errors import UsageError

if TYPE_CHECKING:
    from deployctl.cli.work import Work
    from deployctl.result import Result

To = Annotated[
    str | None,
    typer.Option(
        "--to",
        parser=opt.filled,
        metavar="RELEASE",
        help="A release number, SHA or image tag; by default the release before the live one.",
    ),
]
Run = Annotated[
    str | None,
    typer.Option(
        "--run",
        parser=opt.filled,
        metavar="RUN",
        help="End exactly this run, if it is unfinished, and prove what held before it. One that "
        "was put back already is left as it is.",
    ),
]


def rollback(
    context: typer.Context,
    *,
    to: To = None,
    run: Run = None,
    plan: opt.Plan = None,
    approval: opt.Approvals = None,
    target: opt.Target = None,
    config: opt.Config = None,
    playbook: opt.PlaybookFile = None,
    yes: opt.Yes = False,
    advisory: opt.Advisory = None,  # noqa: ARG001 - paired with its reason from the words
    accept_drift: opt.AcceptDrift = False,  # noqa: ARG001
    reason: opt.Reason = None,  # noqa: ARG001
    lock_wait: opt.LockWait = "0s",
    output: opt.Output = opt.OutputFormat.TEXT,
    log_file: opt.LogFile = None,
    evidence_dir: opt.EvidenceDir = None,
) -> int:
    """Go back to the release before, to any other, or to what held before a run."""
    _refuse_two_goals(run, to, plan)
    from deployctl.cli.planned import read_plan  # noqa: PLC0415
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
        planned=read_plan("rollback", plan, approval or (), revision=to),
    )
    release = choices.planned.given.file.request.release if choices.planned else to

    def act(work: "Work") -> "Result":
        from deployctl.rollout import rollback as go_back  # noqa: PLC0415

        shared = (work.options, work.playbook, work.events, work.approve, work.reaching)
        if run is not None:
            return go_back.end_run(work.settings, run, *shared)
        return go_back.rollback(work.settings, release, *shared)

    return roll_out(Output.of(context), choices, "rollback", act)


def _refuse_two_goals(run: str | None, to: str | None, plan: Path | None) -> None:
    for option, said in (("--to", to), ("--plan", plan)):
        if run is not None and said is not None:
            raise UsageError(
                f"--run and {option} don't belong together: --run goes to what held before the "
                "run.",
                next_step=f"Leave {option} out, or --run.",
            )
