"""The session that a run begins with."""

import os
from concurrent.futures import Future
from typing import Literal

from deployctl.config.settings import Settings
from deployctl.events import Events
from deployctl.evidence.clean_events import EventCleaner
from deployctl.evidence.known_secrets import known_secrets
from deployctl.evidence.redact import Redactor
from deployctl.evidence.run_directory import RunDirectory
from deployctl.host.link import Link
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.reach import reach
from deployctl.rollout.recorder import Recorder
from deployctl.rollout.request import Approver, Options
from deployctl.rollout.session import Session, new_run_id, scratch_directory
from deployctl.rollout.steps import HttpStep, RunStep


def begin(
    command: Literal["hotfix", "rollback", "confirm"],
    settings: Settings,
    wanted: str | None,
    options: Options,
    playbook: Playbook,
    events: Events,
    approve: Approver,
    reaching: "Future[Link] | None",
    *,
    dry: bool = False,
) -> Session:
    """`reaching`: the connection, where the caller has begun it already."""
    run_id = new_run_id("plan" if dry else command)
    known = known_secrets(settings, os.environ, _variables(playbook))
    redactor = Redactor(known, settings.public)
    events.clean_by(EventCleaner(redactor))
    return Session(
        command=command,
        settings=settings,
        options=options,
        playbook=playbook,
        events=events,
        approve=approve,
        recorder=Recorder(events),
        evidence=RunDirectory(options.evidence_dir, settings.target, run_id, redactor),
        run_id=run_id,
        wanted=wanted,
        scratch=scratch_directory(),
        reaching=reaching or reach(settings.host),
        dry=dry,
    )


def _variables(playbook: Playbook) -> set[str]:
    """What the user's own steps take of this process's environment."""
    steps = (stage.params for stage in playbook.stages)
    return {
        name for step in steps if isinstance(step, RunStep | HttpStep) for name in step.variables
    }
