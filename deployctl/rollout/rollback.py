"""`deployctl rollback`: the release before, or any other that the host still has."""

from concurrent.futures import Future

from deployctl.config.settings import Settings
from deployctl.events import Events
from deployctl.host.link import Link
from deployctl.result import Result
from deployctl.rollout.begin import begin
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.request import Approver, Options
from deployctl.rollout.run import run


def rollback(
    settings: Settings,
    to: str | None,
    options: Options,
    playbook: Playbook,
    events: Events,
    approve: Approver,
    reaching: "Future[Link] | None" = None,
) -> Result:
    """Goes to `to` (release number, SHA or tag), else to the release before the live one.

    Where an earlier run was left armed, that run is ended instead, and nobody is asked: see
    `recover`.
    """
    return run(begin("rollback", settings, to, options, playbook, events, approve, reaching))
