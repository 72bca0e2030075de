"""What a run does about a loss on its way while it has changed nothing yet. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from deployctl.engines.compose.job_line import JobGoneError
from deployctl.errors import LinkLostError, UnreachableError

LONGEST = 120.0
"""seconds for which a run tries a lost link again before its switch, in all"""
MOST = 5
"""losses that it takes before its switch: a link that comes and goes is none"""


def is_loss(error: BaseException, answers: Callable[[], bool]) -> bool:
    """Whether the same may be done again over another connection, or with another job.

    `answers` says whether the host does; asked only where its silence may have been the link's.
    """
    match error:
        case LinkLostError() | JobGoneError():
            return True
        case UnreachableError() | TimeoutError():
            return not answers()
        case _:
            return False


@dataclass
class Patience:
    """What a run has put up with so far."""

    waited: float = 0.0
    """seconds"""
    losses: int = 0

    @property
    def left(self) -> float:
        """Seconds for which a link may still be tried."""
        return max(0.0, LONGEST - self.waited)

    @property
    def over(self) -> bool:
        return self.losses >= MOST or self.left == 0.0
