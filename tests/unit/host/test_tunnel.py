"""Sockets and HTTP on the host's side of the connection."""

import datetime as dt
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployctl.errors import LinkLostError
from deployctl.host.connection import ForwardingRefused, Host
from tests.unit.host.conftest import StartSshd, free_port


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(1.5)
        if self.path == "/cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            self.close_connection = True
            return
        body = b"x" * 3_000_000 if self.path == "/big" else self.path.encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key in `key.pem`."""
    directory = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    file = directory / "cert.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def tls_server(authority: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, authority.with_name("key.pem"))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class TestDialing:
    def test_bytes_go_both_ways_and_the_end_is_seen(self, host: Host) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sock = host.dial("127.0.0.1", listener.getsockname()[1], 5)
            peer, _ = listener.accept()
            with peer:
                sock.sendall(b"ping")
                assert peer.recv(10) == b"ping"
                peer.sendall(b"pong")
                assert sock.recv(10) == b"pong"
            assert sock.recv(10) == b""
            sock.close()

    def test_a_port_where_nothing_listens(self, host: Host) -> None:
        with pytest.raises(ConnectionRefusedError):
            host.dial("127.0.0.1", free_port(), 5)

    def test_a_peer_that_says_nothing(self, host: Host) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sock = host.dial("127.0.0.1", listener.getsockname()[1], 5)
            sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            sock.close()

    def test_refusals_at_once_are_not_taken_for_each_other(
        self, start_sshd: StartSshd, server: int, program: Callable[..., str]
    ) -> None:
        program("fail no-relay 'there is none'", "relay")
        closed, forbidden = free_port(), free_port()
        sshd = start_sshd(f"PermitOpen 127.0.0.1:{server} 127.0.0.1:{closed}")
        wanted = [(server, "open"), (closed, "refused"), (forbidden, "forbidden")] * 8

        with Host.connect(sshd.address) as host:

            def outcome(port: int) -> str:
                try:
                    host.dial("127.0.0.1", port, 10).close()
                except ConnectionRefusedError:
                    return "refused"
                except ForwardingRefused:
                    return "forbidden"
                return "open"

            with ThreadPoolExecutor(16) as pool:
                got = list(pool.map(outcome, [port for port, _ in wanted]))
        assert got == [what for _, what in wanted]


class TestHttp:
    def test_a_request(self, host: Host, server: int) -> None:
        with host.http() as session:
            reply = session.get(f"http://127.0.0.1:{server}/health", timeout=5)
            assert (reply.status_code, reply.text) == (200, "/health")
            assert session.get(f"http://localhost:{server}/missing").status_code == 404

    @pytest.mark.parametrize("headers", [{}, {"Connection": "close"}])
    def test_a_body_bigger_than_the_window(
        self, host: Host, server: int, headers: dict[str, str]
    ) -> None:
        with host.http() as session:
            reply = session.get(f"http://127.0.0.1:{server}/big", headers=headers, timeout=10)
            assert len(reply.content) == 3_000_000

    def test_a_body_that_is_streamed_can_be_left(self, host: Host, server: int) -> None:
        with host.http() as session:
            url = f"http://127.0.0.1:{server}/big"
            with session.get(url, stream=True, timeout=5) as reply:
                assert len(next(reply.iter_content(1000))) == 1000
            assert session.get(f"http://127.0.0.1:{server}/next", timeout=5).text == "/next"

    def test_sixteen_in_flight(self, host: Host, server: int) -> None:
        with host.http() as session:

            def get(number: int) -> str:
                return session.get(
                    f"http://127.0.0.1:{server}/{number}",
                    headers={"Connection": "close"},
                    timeout=10,
                ).text

            with ThreadPoolExecutor(16) as pool:
                assert list(pool.map(get, range(96))) == [f"/{n}" for n in range(96)]

    def test_failures_are_those_of_requests(self, host: Host, server: int) -> None:
        with host.http() as session:
            with pytest.raises(requests.ConnectionError):
                session.get(f"http://127.0.0.1:{free_port()}/", timeout=5)
            with pytest.raises(requests.ReadTimeout):
                session.get(f"http://127.0.0.1:{server}/slow", timeout=(5, 0.2))
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                session.get(f"http://127.0.0.1:{server}/cut", timeout=5)

    def test_proxies_of_the_environment_are_not_used(
        self, host: Host, server: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        with host.http() as session:
            assert session.get(f"http://127.0.0.1:{server}/", timeout=5).ok

    def test_a_connection_that_the_server_closed_is_not_used_again(self, host: Host) -> None:
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                for _ in range(2):
                    peer, _ = listener.accept()
                    peer.recv(4096)
                    peer.sendall(reply)
                    peer.close()

            threading.Thread(target=serve, daemon=True).start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with host.http() as session:
                assert session.get(url, timeout=5).text == "ok"
                time.sleep(0.1)
                assert session.get(url, timeout=5).text == "ok"

    def test_a_dead_link_is_not_a_dead_service(self, start_sshd: StartSshd, server: int) -> None:
        sshd = start_sshd()
        with Host.connect(sshd.address) as host, host.http() as session:
            threading.Timer(0.3, sshd.kill_sessions).start()
            with pytest.raises(LinkLostError):
                session.get(f"http://127.0.0.1:{server}/slow", timeout=5)
            with pytest.raises(LinkLostError):
                session.get(f"http://127.0.0.1:{server}/", timeout=5)


class TestHttps:
    def test_a_certificate_of_ones_own_authority(
        self, host: Host, tls_server: int, authority: Path
    ) -> None:
        with host.http() as session:
            url = f"https://localhost:{tls_server}/big"
            reply = session.get(url, verify=str(authority), timeout=5)
            assert len(reply.content) == 3_000_000

    def test_an_unknown_authority_is_refused(self, host: Host, tls_server: int) -> None:
        with host.http() as session, pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://localhost:{tls_server}/", timeout=5)

    def test_a_name_that_the_certificate_does_not_have(
        self, host: Host, tls_server: int, authority: Path
    ) -> None:
        with host.http() as session, pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://127.0.0.1:{tls_server}/", verify=str(authority), timeout=5)

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_one_request_without_checking_does_not_unlock_the_next(
        self, host: Host, tls_server: int
    ) -> None:
        with host.http() as session:
            url = f"https://localhost:{tls_server}/"
            assert session.get(url, verify=False, timeout=5).ok
            with pytest.raises(requests.exceptions.SSLError):
                session.get(url, timeout=5)

    def test_timeouts_hold_under_tls(self, host: Host, tls_server: int, authority: Path) -> None:
        url = f"https://localhost:{tls_server}/slow"
        with host.http() as session, pytest.raises(requests.ReadTimeout):
            session.get(url, verify=str(authority), timeout=(5, 0.3))
