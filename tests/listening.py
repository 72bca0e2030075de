"""A listening socket of a test, and the thread that accepts on it: both end together."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Listener:
    """Hands every connection to `take`, in one thread, until it is closed.

    Closing a socket does not wake who waits in accept(2): the port would go on listening, and the
    thread answer somebody else's connection long after its test.
    """

    def __init__(self, take: Callable[[socket.socket], None]) -> None:
        self._take = take
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=30)
        assert not self._thread.is_alive(), "a test's server still talks to somebody"
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with suppress(OSError):
                self._take(connection)
