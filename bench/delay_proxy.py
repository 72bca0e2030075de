"""A TCP proxy that adds a round trip: half of it in each direction, in order, at full bandwidth.

It also counts what passes, so it says how many connections and bytes a client needed.
"""

import contextlib
import queue
import socket
import threading
import time
from dataclasses import dataclass

CHUNK_BYTES = 65536
QUEUED_CHUNKS = 1024
"""per direction: 64 MB, more than any link here holds; then the sender has to wait"""

_Timed = tuple[float, bytes]


@dataclass
class Traffic:
    """`sent`: bytes from the client to the host; `received`: bytes to the client."""

    connections: int = 0
    sent: int = 0
    received: int = 0


class DelayProxy:
    """Listens on a free loopback port and hands every connection on to `port`, `rtt` seconds away.

    >>> with DelayProxy(22, rtt=0.1) as proxy:   # doctest: +SKIP
    ...     ssh("-p", str(proxy.port), "127.0.0.1")
    """

    def __init__(self, port: int, rtt: float) -> None:
        self._upstream = port
        self._rtt = rtt
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        self.traffic = Traffic()

    def __enter__(self) -> "DelayProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # closing alone does not wake a thread that is in accept()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # the loopback's own handshake is instant: this stands for the one across the link
        time.sleep(self._rtt)
        try:
            host = socket.create_connection(("127.0.0.1", self._upstream))
        except OSError:
            client.close()
            return
        with self._lock:
            self.traffic.connections += 1
        for one in (client, host):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._carry(client, host, upwards=True)
        self._carry(host, client, upwards=False)

    def _carry(self, source: socket.socket, sink: socket.socket, *, upwards: bool) -> None:
        line: queue.Queue[_Timed] = queue.Queue(QUEUED_CHUNKS)
        for act in (self._read, self._write):
            threading.Thread(target=act, args=(source, sink, line, upwards), daemon=True).start()

    def _read(
        self, source: socket.socket, _: socket.socket, line: "queue.Queue[_Timed]", upwards: bool
    ) -> None:
        while True:
            try:
                data = source.recv(CHUNK_BYTES)
            except OSError:
                data = b""
            line.put((time.monotonic() + self._rtt / 2, data))
            if not data:
                return
            with self._lock:
                if upwards:
                    self.traffic.sent += len(data)
                else:
                    self.traffic.received += len(data)

    def _write(
        self, source: socket.socket, sink: socket.socket, line: "queue.Queue[_Timed]", _: bool
    ) -> None:
        while True:
            due, data = line.get()
            if (left := due - time.monotonic()) > 0:
                time.sleep(left)
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                with contextlib.suppress(OSError):
                    source.shutdown(socket.SHUT_RD)
                return
