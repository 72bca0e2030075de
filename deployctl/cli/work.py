"""What hotfix, rollback and plan do alike: options in, one rollout, one result out."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import deployctl
from deployctl.cli.options import OutputFormat
from deployctl.cli.output import Output
from deployctl.cli.reasons import read_reasons
from deployctl.cli.settings import load_settings
from deployctl.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from deployctl.cli.planned import Planned
    from deployctl.config.settings import Settings
    from deployctl.events import Events
    from deployctl.host.link import Link
    from deployctl.result import Result
    from deployctl.rollout.playbook import Playbook
    from deployctl.rollout.request import Approver, Options


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The shared options of one rollout command, as the command line gave them."""

    target: str | None
    config: Path | None
    playbook: Path | None
    output: OutputFormat
    log_file: Path | None
    evidence_dir: Path | None
    lock_wait: str = "0s"
    yes: bool = False
    rebuild: bool = False
    repair: bool = False
    planned: "Planned | None" = None
    """the plan that is to be carried out, where there is one"""


@dataclass(frozen=True)
class Work:
    """Everything that a rollout function takes beside its own arguments."""

    settings: "Settings"
    options: "Options"
    playbook: "Playbook"
    events: "Events"
    approve: "Approver"
    reaching: "Future[Link]"


def roll_out(
    output: Output,
    choices: Choices,
    builtin_playbook: Literal["hotfix", "rollback"],
    act: Callable[[Work], "Result"],
) -> int:
    """Prepares the work, lets `act` do it, and returns the exit code of its result."""
    from deployctl.cli.planned import fill_in, plan_approver  # noqa: PLC0415
    from deployctl.rollout.request import Options  # noqa: PLC0415
    from deployctl.ui.approval import make_approver, operator  # noqa: PLC0415

    reasons = read_reasons(output.argv)
    events = output.start(choices.output.value, choices.log_file)
    choices = choices if choices.planned is None else fill_in(choices, choices.planned, reasons)
    settings = load_settings(choices.target, choices.config)
    from deployctl.rollout.reach import reach  # noqa: PLC0415

    # The host is on its way while the rest is loaded and read.
    reaching = reach(settings.host, output.ask_passphrase)
    from deployctl.rollout.playbook import builtin, load_playbook  # noqa: PLC0415

    playbook = (
        load_playbook(choices.playbook, builtin_playbook)
        if choices.playbook
        else builtin(builtin_playbook)
    )
    options = Options(
        yes=choices.yes,
        rebuild=choices.rebuild,
        repair=choices.repair,
        asks=not choices.yes and sys.stdin.isatty() and sys.stderr.isatty(),
        lock_wait=seconds("--lock-wait", choices.lock_wait),
        advisory=reasons.advisory,
        accept_drift=reasons.accept_drift,
        evidence_dir=choices.evidence_dir,
        operator=operator(os.environ),
        typed_at=deployctl.STARTED,
    )
    approve = make_approver(
        settings.approval.how,
        yes=choices.yes,
        yes_forbidden="yes" in settings.forbid,
        stdin=sys.stdin,
        stderr=sys.stderr,
        suspended=output.suspended,
    )
    approve = plan_approver(settings, choices, options, approve)
    return output.finish(act(Work(settings, options, playbook, events, approve, reaching)))


def seconds(option: str, text: str) -> float:
    from deployctl.config.durations import parse_duration  # noqa: PLC0415

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text}: {error}.", next_step=f"Write it as in {option} 5m."
        ) from error
