"""`--plan FILE`: the request comes out of the plan, and nothing beside it may say otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deployctl.cli.reasons import Reasons
from deployctl.errors import UsageError

if TYPE_CHECKING:
    from deployctl.cli.work import Choices
    from deployctl.config.settings import Settings
    from deployctl.rollout.approved_plan import Envelope
    from deployctl.rollout.plan_file import Given
    from deployctl.rollout.playbook import Playbook
    from deployctl.rollout.request import Approver, Options

Command = Literal["hotfix", "rollback"]


@dataclass(frozen=True)
class Planned:
    """The plan to carry out, and the approvals that were found for it."""

    given: "Given"
    approvals: "tuple[Envelope, ...]"


def read_plan(
    command: Command, plan: Path | None, approvals: Sequence[Path], *, revision: str | None
) -> Planned | None:
    """Raises UsageError; `revision` is what --sha or --to said."""
    if plan is None:
        if approvals:
            raise UsageError(
                "--approval stands without the --plan that it is about.",
                next_step=f"deployctl {command} --plan plan.json --approval {approvals[0]}",
            )
        return None
    from deployctl.rollout import plan_file  # noqa: PLC0415 - keeps --help light
    from deployctl.rollout.approved_plan import gather  # noqa: PLC0415

    given = plan_file.read(plan)
    if given.file.request.command != command:
        other = given.file.request.command
        raise UsageError(
            f"{plan} is the plan of a {other}.", next_step=f"deployctl {other} --plan {plan}"
        )
    if revision is not None:
        option = "--sha" if command == "hotfix" else "--to"
        raise _said_twice(option, plan)
    return Planned(given, gather(plan, approvals))


def revision_of(sha: str | None, planned: Planned | None) -> str:
    """Which commit a hotfix is about. Raises UsageError."""
    wanted = planned.given.file.request.sha if planned else sha
    if wanted is None:
        raise UsageError(
            "Missing option '--sha'.",
            next_step="Give the commit, or the --plan that names it: deployctl hotfix --help",
        )
    return wanted


def wanted_of(sha: str | None, to: str | None, *, rollback: bool) -> str | None:
    """What a plan is about: a commit, or a rollback's release. Raises UsageError."""
    if rollback and sha is not None:
        raise UsageError(
            "A rollback goes to a release: --sha and --rollback don't belong together.",
            next_step="deployctl plan --rollback --to RELEASE",
        )
    if not rollback and to is not None:
        raise UsageError(
            "--to belongs to --rollback.", next_step="deployctl plan --rollback --to r1"
        )
    if not rollback and sha is None:
        raise UsageError(
            "Missing option '--sha'.",
            next_step="Give the commit, or --rollback: deployctl plan --help",
        )
    return to if rollback else sha


def require_kind(playbook: "Playbook", kind: Command) -> None:
    if playbook.kind != kind:
        raise UsageError(
            f"The playbook {playbook.name} is one of a {playbook.kind}, not of a {kind}.",
            next_step="deployctl plan --rollback" if kind == "hotfix" else "Leave --rollback out.",
        )


def fill_in(choices: "Choices", planned: Planned, reasons: Reasons) -> "Choices":
    """The command line's choices with the plan's, whose exceptions `reasons` gets as well.

    Raises UsageError where the command line says what the plan says.
    """
    path, asked = planned.given.path, planned.given.file.request
    said = {
        "--rebuild": choices.rebuild,
        "--repair": choices.repair,
        "--advisory": reasons.advisory,
        "--accept-drift": reasons.accept_drift,
    }
    for option, given in said.items():
        if given:
            raise _said_twice(option, path)
    target = planned.given.file.target
    if choices.target not in (None, target):
        raise UsageError(
            f"{path} is a plan for {target}, not for {choices.target}.",
            next_step="Leave --target out: the plan names it.",
        )
    reasons.advisory, reasons.accept_drift = dict(asked.advisory), asked.accept_drift
    playbook = choices.playbook or (Path(asked.playbook) if asked.playbook else None)
    return replace(
        choices, target=target, playbook=playbook, rebuild=asked.rebuild, repair=asked.repair
    )


def plan_approver(
    settings: "Settings", choices: "Choices", options: "Options", ask: "Approver"
) -> "Approver":
    """`ask`, unless the target wants signatures; with --plan only for exactly that plan."""
    from deployctl.rollout.approved_plan import exactly, signed  # noqa: PLC0415

    planned = choices.planned
    approve = ask
    if settings.approval.how == "signed":
        approve = signed(
            settings.approval,
            planned.given if planned else None,
            planned.approvals if planned else (),
            options,
            str(choices.playbook) if choices.playbook else None,
        )
    return exactly(planned.given, approve) if planned else approve


def _said_twice(option: str, path: Path) -> UsageError:
    return UsageError(
        f"{option} and --plan don't belong together: {path} says what is done.",
        next_step=f"Leave {option} out, or make another plan.",
    )
