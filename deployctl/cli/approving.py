"""`approve` with the terminal of this process."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployctl.host.keys import Ask
    from deployctl.rollout.approve import ApprovalDocument, SealRead
    from deployctl.rollout.plan_file import Given

VALIDATED = "VALIDATED"


def carry_out(file: Path, key: Path | None, ask: "Ask", *, yes: bool) -> "ApprovalDocument":
    """Shows on stderr what is to be signed, and asks there unless `yes`."""
    from deployctl.rollout.approve import approve  # noqa: PLC0415 - keeps --help light
    from deployctl.rollout.plan_file import Given  # noqa: PLC0415
    from deployctl.ui.approval import WORD, ask_word, operator  # noqa: PLC0415
    from deployctl.ui.approving import plan_file_lines, seal_lines  # noqa: PLC0415
    from deployctl.ui.text import short_id  # noqa: PLC0415

    def consent(subject: "Given | SealRead") -> None:
        if isinstance(subject, Given):
            lines = plan_file_lines(subject.file)
            word, purpose = WORD, f"to approve plan {subject.name}"
        else:
            lines = seal_lines(subject)
            word, purpose = VALIDATED, f"to validate seal {short_id(subject.digest)}"
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
        if not yes:
            ask_word(word, purpose, sys.stdin, sys.stderr)

    return approve(file, key, operator(os.environ), consent, ask)
