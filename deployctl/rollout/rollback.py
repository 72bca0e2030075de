"""`deployctl rollback`: the release before, any other that the host still has, or what was there
before a run."""

from concurrent.futures import Future

from deployctl.config.settings import Settings
from deployctl.engines.compose.runs import checked
from deployctl.events import Events
from deployctl.host.link import Link
from deployctl.result import Result
from deployctl.rollout.begin import begin
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.put_back import put_back
from deployctl.rollout.request import Approver, Options
from deployctl.rollout.run import carry, run


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


def end_run(
    settings: Settings,
    run_id: str,
    options: Options,
    playbook: Playbook,
    events: Events,
    approve: Approver,
    reaching: "Future[Link] | None" = None,
) -> Result:
    """Ends that run, and no other. It needs no consent, as the host would do the same by itself.

    Raises UsageError for what is no run's ID.
    """
    checked(run_id)
    session = begin("rollback", settings, None, options, playbook, events, approve, reaching)
    session.ending = run_id
    return carry(session, put_back)
