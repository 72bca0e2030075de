"""Further connections, for a server that allows few sessions on each (MaxSessions)."""

import threading
from collections.abc import Callable
from typing import TypeVar

from deployctl.host.opening import Opened
from deployctl.host.transport import NoSessionError, SshTransport

MOST = 8
T = TypeVar("T")


class Spares:
    def __init__(self, connect: Callable[[], Opened]) -> None:
        """`connect` opens one more connection, and raises as `open_route` does."""
        self._connect = connect
        self._lock = threading.Lock()
        self._opened: list[Opened] = []
        self._closed = False

    def __len__(self) -> int:
        return len(self._opened)

    def use(self, start: Callable[[SshTransport], T]) -> T:
        """`start` with a connection that has room, an earlier one or a new one.

        Raises what `start` and `connect` raise; NoSessionError when a new one has no room either.
        """
        for opened in self._living():
            try:
                return start(opened.transport)
            except NoSessionError:
                continue
        if len(self._opened) >= MOST:
            raise NoSessionError
        opened = self._connect()
        with self._lock:
            self._opened.append(opened)
            late = self._closed
        if late:
            opened.close()
        return start(opened.transport)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            opened = list(self._opened)
        for each in opened:
            each.close()

    def _living(self) -> list[Opened]:
        with self._lock:
            dead = [each for each in self._opened if not each.transport.is_active()]
            self._opened = [each for each in self._opened if each not in dead]
            living = list(self._opened)
        for each in dead:
            each.close()
        return living
