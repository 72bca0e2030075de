"""One connection that can be lost and had again: everybody asks the link for the host of now."""

import threading
import time
from collections.abc import Callable

from deployctl.errors import LinkLostError, UnreachableError
from deployctl.host.address import HostAddress
from deployctl.host.connection import Host
from deployctl.host.failures import link_lost
from deployctl.host.keys import Ask, Keyring, ask_nobody
from deployctl.host.waiting import clock, reminded

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0

Tell = Callable[[str], None]


class Link:
    def __init__(self, address: HostAddress, ask: Ask = ask_nobody) -> None:
        """Connects; `ask` gets a key's passphrase. Raises UnreachableError, ConfigError."""
        self._host = Host.connect(address, Keyring(ask))
        self._lock = threading.Lock()
        self._lost: Host | None = None
        self._began = self._until = 0.0
        self.needed_until = 0.0
        """a moment (of time.monotonic) up to which any loss is tried again, whoever asks"""
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

        Of several threads that want it, one connects and the others wait. A loss has one deadline,
        which its first asker sets: once that has passed, there is no more than one try each.
        """
        within = max(within, self.needed_until - time.monotonic())
        if not self._lock.acquire(timeout=within):
            raise self._not_restored(within, link_lost(self._host.label))
        try:
            if self._host.alive():
                self._lost = None
                return
            if self._lost is not self._host:
                self._lose(within)
            with reminded(self._remind):
                self._restore()
        finally:
            self._lock.release()

    def _lose(self, within: float) -> None:
        self._lost, self._began = self._host, time.monotonic()
        self._until = self._began + within
        why = self._host.lost_because
        self.tell(
            f"The connection to {self._host.label} was lost{f' ({why})' if why else ''}. Since "
            f"{clock(0.0)} it is tried again, until {clock(within)} at the latest."
        )

    def _remind(self, _: float) -> None:
        left = self._until - time.monotonic()
        if left > 0:
            self.tell(
                f"Still no connection to {self._host.label}: it is tried again until "
                f"{clock(left)}, {left:.0f} s more."
            )

    def _restore(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                fresh = self._host.reconnect()
            except UnreachableError as error:
                if time.monotonic() + pause > self._until:
                    raise self._not_restored(self._until - self._began, error) from error
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                lost, self._host = self._host, fresh
                lost.give_up("it was replaced by a new connection")
                took = time.monotonic() - self._began
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


def _nobody(sentence: str) -> None:
    del sentence
