"""`compose repair` with the terminal of this process."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployctl.config.settings import Settings
    from deployctl.engines.compose.repair import Reconstruction
    from deployctl.host.keys import Ask
    from deployctl.rollout.repair import RepairDocument


def carry_out(
    settings: "Settings", release: str | None, ask: "Ask", *, yes: bool
) -> "RepairDocument":
    """Shows the reconstruction on stderr, and asks there unless `yes`."""
    from deployctl.rollout.repair import repair  # noqa: PLC0415 - keeps --help light
    from deployctl.ui.approval import make_approver, operator  # noqa: PLC0415
    from deployctl.ui.repair import proposal_lines  # noqa: PLC0415

    approve = make_approver(
        settings.approval.how,
        yes=yes,
        yes_forbidden="yes" in settings.forbid,
        stdin=sys.stdin,
        stderr=sys.stderr,
    )

    def show(fixed: "Reconstruction") -> None:
        lines = proposal_lines(fixed.path, fixed.source, fixed.compared, fixed.diff)
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()

    return repair(settings, release, operator(os.environ), approve, show, ask)
