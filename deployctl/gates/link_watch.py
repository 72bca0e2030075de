"""Tells a dead link from a dead service: what fails over a link that stalls is no verdict."""

import threading
import time
from collections.abc import Callable
from typing import Final

from deployctl.errors import DeployctlError

PROMPT: Final = 1.0
"""Seconds within which a healthy link answers; a slower one stalls, and with it what it bears."""


class LinkWatch:
    """Whether the link answers promptly; one question serves all who ask meanwhile."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        self._alive = alive
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._good = True

    def answers(self) -> bool:
        """Takes as long as `alive`; several threads may call it."""
        after = time.monotonic()
        with self._lock:
            if self._asked < after:
                self._asked = time.monotonic()
                try:
                    self._good = self._alive() and time.monotonic() - self._asked <= PROMPT
                except (DeployctlError, OSError):
                    self._good = False
            return self._good
