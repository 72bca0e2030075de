"""Gates ask TLS servers by the name in the Host header, and check the certificate."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deployctl.config.gates import HttpGateSettings
from deployctl.gates.base import Judgement
from deployctl.gates.health import HttpGate
from tests.certificates import Authority
from tests.unit.gates.support import Answer, container, context, published, serving

NAME = "api.example.org"
AUTHORITY = Authority.create()


@contextmanager
def tls_server(folder: Path, *, expired: bool = False) -> Iterator[int]:
    """Serves NAME to those who ask for it, and another certificate to everybody else."""
    contexts = {}
    for name in (NAME, "somebody.else"):
        path = folder / f"{name}.pem"
        path.write_text(AUTHORITY.issue(name, expired=expired))
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(path)

    def choose(connection: ssl.SSLSocket, asked: str | None, _: ssl.SSLContext) -> None:
        connection.context = contexts.get(asked or "", contexts["somebody.else"])

    contexts["somebody.else"].sni_callback = choose  # type: ignore[assignment]
    with serving(Answer(body="ok")) as server:
        server.socket = contexts["somebody.else"].wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        yield server.port


def judged(port: int, folder: Path, authority: Authority = AUTHORITY, **more: Any) -> Judgement:
    trusted = folder / "ca.pem"
    trusted.write_text(authority.pem)
    values = {"scheme": "https", "ca_file": trusted, "headers": {"Host": NAME}, **more}
    gate = HttpGate("mine", HttpGateSettings.model_validate(values), "api")
    return gate.judge(gate.observe(context(container(ports=(published(port),)))))


def test_the_name_in_the_host_header_is_asked_for_and_checked(tmp_path: Path) -> None:
    with tls_server(tmp_path) as port:
        assert judged(port, tmp_path).state == "pass"
        assert judged(port, tmp_path, headers={"Host": f"{NAME}:443"}).state == "pass"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"headers": {"Host": "www.example.org"}}, "'www.example.org' doesn't match"),
        ({"headers": {}}, "IP address mismatch"),
        ({"authority": Authority.create("A stranger")}, "unable to get local issuer certificate"),
    ],
)
def test_another_name_or_authority_is_refused(tmp_path: Path, more: Any, told: str) -> None:
    with tls_server(tmp_path) as port:
        verdict = judged(port, tmp_path, **more)
    assert verdict.state == "fail"
    assert told in verdict.reason


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    with tls_server(tmp_path, expired=True) as port:
        verdict = judged(port, tmp_path)
    assert verdict.state == "fail"
    assert verdict.reason == f"https://127.0.0.1:{port}/: TLS failed: certificate has expired"


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_unless_it_is_not_to_be_checked(tmp_path: Path) -> None:
    with tls_server(tmp_path, expired=True) as port:
        assert judged(port, tmp_path, ca_file=None, insecure=True).state == "pass"
