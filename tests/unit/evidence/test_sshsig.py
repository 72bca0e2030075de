"""Signatures by SSH keys, which OpenSSH itself checks."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import paramiko
import pytest

from deployctl.evidence import sshsig
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature, decode, pae

NAMESPACE = "seal@deployctl"
MESSAGE = b"what is signed"


@pytest.fixture(scope="module", params=["ed25519", "ecdsa", "rsa"])
def key_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / str(request.param)
    words = ["ssh-keygen", "-q", "-t", str(request.param), "-N", "", "-f", str(path)]
    subprocess.run(words, check=True)
    return path


def allowed(folder: Path, key_file: Path, options: str = "") -> Path:
    path = folder / "allowed_signers"
    public = key_file.with_suffix(".pub").read_text()
    path.write_text(f"ann@example.com {options} {public}")
    return path


def signed(key_file: Path) -> bytes:
    return sshsig.sign(MESSAGE, NAMESPACE, paramiko.PKey.from_path(key_file))


def test_openssh_says_who_signed(key_file: Path, tmp_path: Path) -> None:
    found = sshsig.verify(MESSAGE, signed(key_file), NAMESPACE, allowed(tmp_path, key_file))
    assert (found.state, found.principal) == ("good", "ann@example.com")


@pytest.mark.parametrize(
    ("message", "namespace"), [(b"something else", NAMESPACE), (MESSAGE, "approval@deployctl")]
)
def test_another_message_or_purpose_is_not_signed(
    key_file: Path, tmp_path: Path, message: bytes, namespace: str
) -> None:
    signers = allowed(tmp_path, key_file)
    assert sshsig.verify(message, signed(key_file), namespace, signers).state == "bad"


def test_a_key_that_is_not_listed_is_unknown_and_not_bad(key_file: Path, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody"
    nobody.touch()
    assert sshsig.verify(MESSAGE, signed(key_file), NAMESPACE, nobody).state == "unknown"
    assert sshsig.verify(b"other", signed(key_file), NAMESPACE, nobody).state == "bad"


def test_a_key_counts_for_its_time_only(key_file: Path, tmp_path: Path) -> None:
    signers = allowed(tmp_path, key_file, 'valid-before="20260101Z"')
    then, later = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    assert sshsig.verify(MESSAGE, signed(key_file), NAMESPACE, signers, then).state == "good"
    assert sshsig.verify(MESSAGE, signed(key_file), NAMESPACE, signers, later).state != "good"


def test_the_fingerprint_is_what_ssh_keygen_shows(key_file: Path) -> None:
    words = ["ssh-keygen", "-lf", str(key_file.with_suffix(".pub"))]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[1]
    assert sshsig.fingerprint(paramiko.PKey.from_path(key_file)) == shown


def test_without_openssh_nothing_is_verified(
    key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signers, signature = allowed(tmp_path, key_file), signed(key_file)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sshsig.NoOpenSSHError):
        sshsig.verify(MESSAGE, signature, NAMESPACE, signers)


def test_an_envelope_signs_the_type_with_the_payload() -> None:
    """The example of DSSE's own specification."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_an_envelope_is_read_as_it_was_written() -> None:
    envelope = Envelope(IN_TOTO, b"{}").signed(Signature("SHA256:x", b"armor"))
    assert decode(envelope.encode()) == envelope


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b"\xff", b"null",
        b'{"payload":"e30=","payloadType":"t","signatures":[],"more":1}',
        b'{"payload":"e30=","payloadType":"t","signatures":[{"sig":1}]}',
        b'{"payload":"!","payloadType":"t","signatures":[]}',
        b'{"payload":"e30=", "payloadType":"t","signatures":[]}',
        b'{"payload":"e31=","payloadType":"t","signatures":[]}',
    ],
)  # fmt: skip
def test_another_form_is_no_envelope(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"DSSE|base64"):
        decode(data)
