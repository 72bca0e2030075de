"""`unlock` with the terminal of this process."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployctl.config.settings import Settings
    from deployctl.host.keys import Ask
    from deployctl.rollout.unlock import UnlockDocument

WORD = "UNLOCK"


def carry_out(settings: "Settings", ask: "Ask", *, yes: bool) -> "UnlockDocument":
    """Shows on stderr what would be broken, and asks there unless `yes`."""
    from deployctl.rollout.unlock import unlock  # noqa: PLC0415 - keeps --help light
    from deployctl.ui.approval import ask_word  # noqa: PLC0415
    from deployctl.ui.text import clean  # noqa: PLC0415

    def consent(lines: list[str]) -> None:
        sys.stderr.write("".join(f"{clean(line)}\n" for line in lines))
        sys.stderr.flush()
        if not yes:
            ask_word(WORD, "to break the lock", sys.stdin, sys.stderr)

    return unlock(settings, consent, ask)
