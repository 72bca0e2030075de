"""A whole hotfix over what sshd leaves of the way: on a real host, put back afterwards."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cases import Case, refuses, works

from .client import Client
from .expect import assert_as_before, assert_refused, assert_untouched
from .server import Before, Server

AREA = "Reaching a host"
HOTFIX = "d73cfb1"
CONFIG = "/etc/ssh/sshd_config.d/00-reaching.conf"
NOISE = 'ForceCommand echo Welcome; sleep 1; eval "$SSH_ORIGINAL_COMMAND"'


@contextmanager
def sshd_with(server: Server, *lines: str) -> Iterator[None]:
    """The host's sshd with these lines before its own, for new connections."""
    reload = "/usr/sbin/sshd -t && kill -HUP $(cat /run/sshd.pid)"
    text = "\\n".join(lines).replace("'", "'\\''")
    server.sh(f"printf '{text}\\n' > {CONFIG} && {reload}")
    server.host.wait_ready()
    try:
        yield
    finally:
        server.sh(f"rm -f {CONFIG}; {reload}")
        server.host.wait_ready()


@contextmanager
def on_ipv6(port: int) -> Iterator[int]:
    """A port of ::1 behind which is that port of 127.0.0.1."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with source, sink:
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                return  # one side has gone, and with it the connection

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            beyond = socket.create_connection(("127.0.0.1", port))
            for pair in ((peer, beyond), (beyond, peer)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@works(AREA, "sshd without TCP forwarding (a program on the host stands in)")
@works(AREA, "an IPv6 address, with its port")
def test_a_hotfix_without_forwarding(
    server: Server, before: Before, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    with on_ipv6(server.host.record.port) as port, sshd_with(server, "AllowTcpForwarding no"):
        known = tmp_path / "known_hosts"
        known.write_text(f"[::1]:{port} {server.host.host_key()}\n")
        client = make_client(host_host="::1", host_port=port, host_known_hosts=str(known))
        done = client.hotfix(HOTFIX)
        assert done.code == 0, done.explained
        assert done.document["availability"]["probes"] > 0
        assert server.get("/metrics")[0] == 200
        back = client.rollback()
        assert back.code == 0, back.explained
    assert_as_before(server, before, make_client(), release="r0")


@works(AREA, "sshd with MaxSessions 1 (further connections are made)")
@works(AREA, "a whole hotfix through a slow login shell that greets")
def test_a_hotfix_with_one_session_at_a_time(
    server: Server, before: Before, client: Client
) -> None:
    with sshd_with(server, "MaxSessions 1", NOISE):
        done = client.hotfix(HOTFIX)
        assert done.code == 0, done.explained
        back = client.rollback()
        assert back.code == 0, back.explained
    assert_as_before(server, before, client, release="r0")


@works(AREA, "sshd with MaxSessions 1, without forwarding, and a slow login shell that greets")
def test_a_hotfix_with_neither_and_a_slow_login_shell(
    server: Server, before: Before, client: Client
) -> None:
    with sshd_with(server, "AllowTcpForwarding no", "MaxSessions 1", NOISE):
        done = client.hotfix(HOTFIX)
        assert done.code == 0, done.explained
        assert done.document["availability"]["probes"] > 0
        back = client.rollback()
        assert back.code == 0, back.explained
    assert_as_before(server, before, client, release="r0")


def test_a_failed_hotfix_is_rolled_back_with_neither(
    server: Server, before: Before, client: Client
) -> None:
    with sshd_with(server, "AllowTcpForwarding no", "MaxSessions 1"):
        done = client.hotfix("broken/crash-at-start")
    assert done.code == 21, done.explained
    assert done.document["rollback"]["state"] == "proven"
    assert_as_before(server, before, client)


def test_the_doctor_tells_of_it(server: Server, client: Client) -> None:
    with sshd_with(server, "AllowTcpForwarding no", "MaxSessions 1"):
        document = client.run("doctor", "--output", "json").document
    checks = {check["name"]: check for check in document["checks"]}
    assert checks["forwarding"]["state"] == "ok"
    assert "AllowTcpForwarding" in checks["forwarding"]["detail"]
    assert checks["sessions"]["state"] == "warning"
    assert "MaxSessions" in checks["sessions"]["detail"]


@refuses(AREA, "sshd with MaxSessions 0", 23, "MaxSessions in its sshd_config must be at least 1")
def test_no_session_at_all(server: Server, before: Before, client: Client, refusal: Case) -> None:
    with sshd_with(server, "MaxSessions 0"):
        done = client.hotfix(HOTFIX)
    assert_refused(done, refusal.code, refusal.sentence)
    assert_untouched(server, before)


@refuses(
    AREA,
    "sshd without TCP forwarding, on a host with neither bash nor BusyBox' nc",
    23,
    "no program can stand in: the host has neither bash nor the nc of BusyBox",
)
def test_no_forwarding_and_nothing_in_its_place(
    server: Server, before: Before, client: Client, refusal: Case
) -> None:
    hide = "for f in /bin/bash /bin/busybox; do [ ! -e $f ] || chmod 750 $f; done"
    server.sh(f"usermod --shell /bin/sh deploy; {hide}")
    try:
        with sshd_with(server, "AllowTcpForwarding no"):
            done = client.hotfix(HOTFIX)
    finally:
        server.sh(f"usermod --shell /bin/bash deploy; {hide.replace('750', '755')}")
    assert_refused(done, refusal.code, refusal.sentence)
    assert "AllowTcpForwarding" in done.reason
    assert_untouched(server, before)
