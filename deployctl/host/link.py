"""One connection that can be lost and had again: everybody asks the link for the host of now."""

import threading
import time

from deployctl.errors import LinkLostError, UnreachableError
from deployctl.host.address import HostAddress
from deployctl.host.connection import Host
from deployctl.host.keys import Ask, Keyring, ask_nobody

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


class Link:
    def __init__(self, address: HostAddress, ask: Ask = ask_nobody) -> None:
        """Connects; `ask` gets a key's passphrase. Raises UnreachableError, ConfigError."""
        self._host = Host.connect(address, Keyring(ask))
        self._lock = threading.Lock()

    @property
    def host(self) -> Host:
        return self._host

    def fresh(self) -> Host:
        """A second, new connection to the same host; the caller closes it."""
        return self._host.reconnect()

    def restore(self, within: float = 60.0) -> None:
        """Connects again unless the connection works. Raises LinkLostError after `within` s."""
        with self._lock:
            if self._host.alive():
                return
            until = time.monotonic() + within
            pause = FIRST_PAUSE
            while True:
                try:
                    fresh = self._host.reconnect()
                except UnreachableError as error:
                    if time.monotonic() + pause > until:
                        raise LinkLostError(
                            f"The connection to {self._host.label} was lost and could not be had "
                            f"again within {within:.0f} s: {error.what}",
                            production=error.production,
                            next_step=error.next_step,
                        ) from error
                    time.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                else:
                    self._host.close()
                    self._host = fresh
                    return

    def close(self) -> None:
        self._host.close()
