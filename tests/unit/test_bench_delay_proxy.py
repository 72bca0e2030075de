"""The proxy that stands for a distant host: bytes arrive whole, in order, and are counted."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.delay_proxy import DelayProxy
from tests.listening import Listener

DATA = bytes(range(256)) * 4096


@contextmanager
def echo_server() -> Iterator[int]:
    """Sends back what comes, and closes when the client has ended its side; yields its port."""

    def serve(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    def take(connection: socket.socket) -> None:
        threading.Thread(target=serve, args=(connection,), daemon=True).start()

    listener = Listener(take)
    yield listener.port
    listener.close()


def exchange(port: int, data: bytes) -> bytes:
    """What comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:

        def send() -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        received = b"".join(iter(lambda: connection.recv(65536), b""))
        sender.join()
    return received


@pytest.mark.parametrize("rtt", [0.0, 0.02])
def test_bytes_arrive_whole_and_in_order(rtt: float) -> None:
    with echo_server() as port, DelayProxy(port, rtt) as proxy:
        assert exchange(proxy.port, DATA) == DATA


def test_connections_and_bytes_are_counted() -> None:
    with echo_server() as port, DelayProxy(port, 0.0) as proxy:
        exchange(proxy.port, b"one")
        exchange(proxy.port, b"three")
        traffic = proxy.traffic
    assert (traffic.connections, traffic.sent, traffic.received) == (2, 8, 8)


def test_a_host_that_is_not_there_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    with (
        DelayProxy(free, 0.0) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection,
    ):
        assert connection.recv(1) == b""


def test_after_its_block_nobody_listens() -> None:
    with DelayProxy(1, 0.0) as proxy:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
