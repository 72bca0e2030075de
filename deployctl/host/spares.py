"""Further connections, for a server that allows few sessions on each (MaxSessions)."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from deployctl.host.opening import Opened
from deployctl.host.transport import NoSessionError, SshTransport

MOST = 8
PAUSE = 0.1
"""seconds, before all are asked again"""
T = TypeVar("T")


class NoRoomError(NoSessionError):
    """Every connection that may be made is there, and had no session free for long enough."""


class Spares:
    def __init__(self, first: SshTransport, connect: Callable[[], Opened]) -> None:
        """`first` is the connection that is there already, and stays its owner's. `connect` opens
        one more, and raises as `open_route` does."""
        self._first = first
        self._connect = connect
        self._connecting = threading.Lock()
        self._lock = threading.Lock()
        self._opened: list[Opened] = []
        self._closed = False

    def use(self, start: Callable[[SshTransport], T], within: float) -> T:
        """`start` with a connection that has room: one that is there, or a new one.

        Raises what `start` and `connect` raise; NoRoomError after `within` seconds without room;
        NoSessionError when even a new connection has none.
        """
        until = time.monotonic() + within
        try:
            return self._with_room(start)
        except NoSessionError:
            pass
        # One at a time: nobody takes the only session of what another has connected.
        if not self._connecting.acquire(timeout=within):
            raise NoRoomError
        try:
            while True:
                try:
                    return self._with_room(start)
                except NoSessionError:
                    if len(self._opened) < MOST:
                        return self._anew(start)
                    if time.monotonic() > until:
                        raise NoRoomError from None
                time.sleep(PAUSE)
        finally:
            self._connecting.release()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            opened = list(self._opened)
        for each in opened:
            each.close()

    def _with_room(self, start: Callable[[SshTransport], T]) -> T:
        for transport in (self._first, *self._living()):
            try:
                return start(transport)
            except NoSessionError:
                continue
        raise NoSessionError

    def _anew(self, start: Callable[[SshTransport], T]) -> T:
        """Others see the connection once its owner has a session on it."""
        opened = self._connect()
        try:
            started = start(opened.transport)
        except BaseException:
            opened.close()
            raise
        with self._lock:
            self._opened.append(opened)
            late = self._closed
        if late:
            opened.close()
        return started

    def _living(self) -> list[SshTransport]:
        with self._lock:
            dead = [each for each in self._opened if not each.transport.is_active()]
            self._opened = [each for each in self._opened if each not in dead]
            living = [each.transport for each in self._opened]
        for each in dead:
            each.close()
        return living
