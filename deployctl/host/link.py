"""One connection that can be lost and had again: everybody asks the link for the host of now."""

import threading
import time
from collections.abc import Callable

from deployctl.errors import LinkLostError, UnreachableError
from deployctl.host.address import HostAddress
from deployctl.host.connection import Host
from deployctl.host.failures import link_lost
from deployctl.host.keys import Ask, Keyring, ask_nobody

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0

Tell = Callable[[str], None]


class Link:
    def __init__(self, address: HostAddress, ask: Ask = ask_nobody) -> None:
        """Connects; `ask` gets a key's passphrase. Raises UnreachableError, ConfigError."""
        self._host = Host.connect(address, Keyring(ask))
        self._lock = threading.Lock()
        self.tell: Tell = _nobody
        """gets a sentence when the link is lost, and one when it is back"""

    @property
    def host(self) -> Host:
        return self._host

    def fresh(self) -> Host:
        """A second, new connection to the same host; the caller closes it."""
        return self._host.reconnect()

    def require(self) -> None:
        """Raises LinkLostError if the connection is known to be lost. Nobody is asked."""
        if self._host.lost:
            raise link_lost(self._host.label)

    def restore(self, within: float = 60.0) -> None:
        """Connects again unless the connection works. Raises LinkLostError after `within` s.

        Of several threads that want it, one connects and the others wait.
        """
        until = time.monotonic() + within
        if not self._lock.acquire(timeout=within):
            raise self._not_restored(within, link_lost(self._host.label))
        try:
            if self._host.alive():
                return
            self._restore(until, within)
        finally:
            self._lock.release()

    def _restore(self, until: float, within: float) -> None:
        began, pause = time.monotonic(), FIRST_PAUSE
        why = self._host.lost_because
        self.tell(
            f"The connection to {self._host.label} was lost{f' ({why})' if why else ''}. Since "
            f"{_clock(0.0)} it is tried again, until {_clock(until - began)} at the latest."
        )
        while True:
            try:
                fresh = self._host.reconnect()
            except UnreachableError as error:
                if time.monotonic() + pause > until:
                    raise self._not_restored(within, error) from error
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                lost, self._host = self._host, fresh
                lost.give_up("it was replaced by a new connection")
                took = time.monotonic() - began
                self.tell(f"The connection to {fresh.label} is back after {took:.0f} s.")
                return

    def _not_restored(self, within: float, error: UnreachableError) -> LinkLostError:
        return LinkLostError(
            f"The connection to {self._host.label} was lost and could not be had again within "
            f"{within:.0f} s: {error.what}",
            production=error.production,
            next_step=error.next_step,
        )

    def close(self) -> None:
        self._host.close()


def _clock(ahead: float) -> str:
    """The time of day in so many seconds."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + ahead))


def _nobody(sentence: str) -> None:
    del sentence
