"""The key that signs evidence: the one that let us in, or one that the settings name."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployctl.errors import ConfigError
from deployctl.evidence import sshsig
from deployctl.host.connection import Host
from deployctl.host.seal_key import from_agent, from_file, from_text
from tests.seals import allowed
from tests.unit.host.conftest import Sshd, keygen


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True)
    values = dict(re.findall(r"(SSH_\w+)=([^;]+);", started.stdout))
    monkeypatch.setenv("SSH_AUTH_SOCK", values["SSH_AUTH_SOCK"])

    def add(key: Path) -> None:
        subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)

    yield add
    subprocess.run(["kill", values["SSH_AGENT_PID"]], check=True)


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def fingerprint(file: Path) -> str:
    words = ["ssh-keygen", "-lf", str(file)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1]


def test_the_connection_knows_the_key_that_the_host_took(sshd: Sshd, host: Host) -> None:
    assert host.identity is not None
    assert sshsig.fingerprint(host.identity.key) == fingerprint(sshd.user_key)
    known = host.host_key
    assert known.startswith("ssh-")
    host.close()
    assert host.host_key == known, "what is remembered by it outlives the link"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_of_every_kind_signs_what_openssh_accepts(tmp_path: Path, kind: str) -> None:
    file = tmp_path / kind
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(file)], check=True)
    offer = from_file(file)
    signature = sshsig.sign(b"message", "seal@deployctl", offer.key)
    signers = allowed(tmp_path / "allowed", offer.key)
    assert sshsig.verify(b"message", signature, "seal@deployctl", signers).state == "good"
    assert sshsig.verify(b"another", signature, "seal@deployctl", signers).state == "bad"
    assert sshsig.verify(b"message", signature, "approval@deployctl", signers).state == "bad"
    claims = sshsig.read(signature)
    assert claims.namespace == "seal@deployctl"
    assert claims.keyids == {fingerprint(file)}


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_is_known_by_its_key_as_well(tmp_path: Path, kind: str) -> None:
    file, authority = tmp_path / kind, keygen(tmp_path / "ca")
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(file)], check=True)
    words = ["ssh-keygen", "-q", "-s", str(authority), "-I", "ana", "-n", "ana", f"{file}.pub"]
    subprocess.run(words, check=True)
    key = from_file(file).key
    key.load_certificate(f"{file}-cert.pub")
    claims = sshsig.read(sshsig.sign(b"message", "n", key))
    assert fingerprint(file) in claims.keyids


def test_the_agents_key_by_fingerprint_or_comment(
    tmp_path: Path, agent: Callable[[Path], None]
) -> None:
    file = keygen(tmp_path / "id", "-C", "ana@laptop")
    agent(file)
    assert from_agent("ana@laptop").key.asbytes() == from_file(file).key.asbytes()
    held = from_agent(fingerprint(file))
    signature = sshsig.sign(b"message", "n", held.key)
    signers = allowed(tmp_path / "allowed", held.key)
    assert sshsig.verify(b"message", signature, "n", signers).state == "good"


def test_a_key_with_a_passphrase_signs_through_the_agent(
    tmp_path: Path, agent: Callable[[Path], None]
) -> None:
    file = keygen(tmp_path / "id")
    agent(file)
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret word", "-f", str(file)]
    subprocess.run(words, check=True, capture_output=True)
    assert from_file(file).origin == f"{file} (agent)"


def test_two_keys_of_one_comment_are_none(tmp_path: Path, agent: Callable[[Path], None]) -> None:
    for name in ("one", "two"):
        agent(keygen(tmp_path / name, "-C", "ana"))
    with pytest.raises(ConfigError, match="several keys 'ana'"):
        from_agent("ana")


def test_a_key_that_can_not_be_had_is_told(tmp_path: Path) -> None:
    locked = keygen(tmp_path / "locked")
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret word", "-f", str(locked)]
    subprocess.run(words, check=True, capture_output=True)
    (tmp_path / "no-key").write_text("hello")
    for call, told in (
        (lambda: from_file(tmp_path / "gone"), "No such file"),
        (lambda: from_file(tmp_path / "no-key"), "can't be used"),
        (lambda: from_file(locked), "needs a passphrase"),
        (lambda: from_agent("ana"), "There is no agent"),
        (lambda: from_text("", "KEY"), "KEY is not set"),
        (lambda: from_text("hello", "KEY"), "can't be used"),
        (lambda: from_text(locked.read_text(), "KEY"), "needs a passphrase"),
    ):
        with pytest.raises(ConfigError, match=told):
            call()


def test_the_text_of_a_key_from_the_environment(tmp_path: Path) -> None:
    file = keygen(tmp_path / "id")
    text = file.read_text().replace("\n", "\\n")
    assert from_text(text, "KEY").key.asbytes() == from_file(file).key.asbytes()


@pytest.mark.parametrize(
    "data", [b"", b"x", b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"]
)
def test_what_is_no_signature_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        sshsig.read(data)
