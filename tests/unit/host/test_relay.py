"""Where sshd forwards no connections, a program on the host makes them."""

import shutil
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from deployctl.errors import ExitCode
from deployctl.host import programs
from deployctl.host.connection import ForwardingRefused, Host
from tests.unit.host.conftest import Sshd, StartSshd, free_port
from tests.unit.host.test_tunnel import server

__all__ = ["server"]
MakeProgram = Callable[..., str]


@pytest.fixture(scope="module")
def closed(start_sshd: StartSshd) -> Sshd:
    return start_sshd("AllowTcpForwarding no")


@pytest.fixture(params=["bash", "busybox"])
def host(request: pytest.FixtureRequest, closed: Sshd, program: MakeProgram) -> Iterator[Host]:
    """A host that has only that one of the programs that can be a relay."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    text = programs.program_text("relay")
    other = {"bash": "busybox nc --help", "busybox": "command -v bash"}[request.param]
    assert other in text
    program(text.replace(other, "false"), "relay")
    with Host.connect(closed.address) as host:
        yield host


def test_bytes_go_both_ways_and_the_end_is_seen(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = host.dial("127.0.0.1", listener.getsockname()[1], 10)
        peer, _ = listener.accept()
        with peer:
            sock.sendall(b"\x00ping\n")
            assert peer.recv(10) == b"\x00ping\n"
            peer.sendall(b"\xffpong")
            assert sock.recv(10) == b"\xffpong"
        assert sock.recv(10) == b""
        sock.close()
    assert host.relays


def test_a_server_that_speaks_first(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = host.dial("127.0.0.1", listener.getsockname()[1], 10)
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"220 ready\r\n")
            until = time.monotonic() + 10
            while not sock.dropped:
                assert time.monotonic() < until
                time.sleep(0.02)
            assert sock.recv(3) + sock.recv(100) == b"220 ready\r\n"
            sock.close()


def test_the_peer_hears_when_we_have_gone(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = host.dial("127.0.0.1", listener.getsockname()[1], 10)
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(10)
            sock.close()
            assert peer.recv(1) == b""


def test_a_port_where_nothing_listens(host: Host) -> None:
    with pytest.raises(ConnectionRefusedError):
        host.dial("127.0.0.1", free_port(), 10)


def test_ipv6(host: Host) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        listener.settimeout(10)
        sock = host.dial("::1", listener.getsockname()[1], 10)
        peer, _ = listener.accept()
        with peer:
            sock.sendall(b"hello")
            peer.settimeout(10)
            assert peer.recv(5) == b"hello"
        sock.close()


def test_http_with_large_bodies_over_one_connection(host: Host, server: int) -> None:
    with host.http() as session:
        for _ in range(2):
            answer = session.get(f"http://127.0.0.1:{server}/big", timeout=20)
            assert len(answer.content) == 3_000_000


def test_a_host_without_any_relay_is_refused_with_sshds_line(
    closed: Sshd, program: MakeProgram
) -> None:
    text = programs.program_text("relay")
    program(text.replace("command -v bash", "false").replace("busybox nc --help", "false"), "relay")
    with Host.connect(closed.address) as host:
        with pytest.raises(ForwardingRefused, match="neither bash nor the nc") as caught:
            host.dial("127.0.0.1", closed.port, 10)
        assert "AllowTcpForwarding" in caught.value.next_step
        assert caught.value.code is ExitCode.REFUSED
        with host.http() as session, pytest.raises(ForwardingRefused):
            session.get(f"http://127.0.0.1:{closed.port}/")
