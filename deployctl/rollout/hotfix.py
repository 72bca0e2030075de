"""`deployctl hotfix`: one commit to the running service, proven or put back."""

from concurrent.futures import Future

from deployctl.config.settings import Settings
from deployctl.events import Events
from deployctl.host.link import Link
from deployctl.result import Result
from deployctl.rollout.begin import begin
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.request import Approver, Options
from deployctl.rollout.run import run


def hotfix(
    settings: Settings,
    revision: str,
    options: Options,
    playbook: Playbook,
    events: Events,
    approve: Approver,
    reaching: "Future[Link] | None" = None,
) -> Result:
    """Runs the playbook for `revision`. Errors become results; only a bug in here would raise."""
    return run(begin("hotfix", settings, revision, options, playbook, events, approve, reaching))
