"""`deployctl plan`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from deployctl.cli import options as opt
from deployctl.cli.hotfix import Sha
from deployctl.cli.output import Output
from deployctl.cli.rollback import To

if TYPE_CHECKING:
    from deployctl.cli.work import Work
    from deployctl.result import Result


Rollback = Annotated[
    bool, typer.Option("--rollback", help="Plan a rollback instead, to the release of --to.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        parser=opt.file_path,
        metavar="FILE",
        help="Write the plan, to be approved and carried out: deployctl hotfix --plan FILE.",
    ),
]


def plan(
    context: typer.Context,
    *,
    sha: Sha = None,
    rollback: Rollback = False,
    to: To = None,
    out: Out = None,
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
    """Show what a hotfix or a rollback would do, and change nothing."""
    from deployctl.cli.planned import wanted_of  # noqa: PLC0415
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

    wanted = wanted_of(sha, to, rollback=rollback)
    kind: Literal["hotfix", "rollback"] = "rollback" if rollback else "hotfix"

    def act(work: "Work") -> "Result":
        from deployctl.cli.planned import require_kind  # noqa: PLC0415
        from deployctl.rollout.plan import Out as File  # noqa: PLC0415
        from deployctl.rollout.plan import plan as draw_up  # noqa: PLC0415

        require_kind(work.playbook, kind)
        return draw_up(
            work.settings,
            wanted,
            work.options,
            work.playbook,
            work.events,
            work.reaching,
            File(out, str(playbook) if playbook else None) if out else None,
        )

    return roll_out(Output.of(context), choices, kind, act)
