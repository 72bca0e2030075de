"""Signatures by SSH keys: made in the process, checked by OpenSSH's `ssh-keygen -Y verify`.

The format is OpenSSH's PROTOCOL.sshsig. A key is whatever logs in: a file's, an agent's, one with a
certificate.
"""

import base64
import hashlib
import shutil
import subprocess
import tempfile
import textwrap
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

MAGIC = b"SSHSIG"
HASH = "sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_SECONDS = 10.0


class HasBytes(Protocol):
    """A message of paramiko's."""

    def asbytes(self) -> bytes: ...


class Key(HasBytes, Protocol):
    """What of paramiko's PKey is used; host/agent.py's keys are such, too."""

    def get_name(self) -> str: ...
    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> HasBytes | bytes: ...


def sign(message: bytes, namespace: str, key: Key) -> bytes:
    """The armored signature of `message` for `namespace`, as `ssh-keygen -Y sign` writes it.

    Raises what the key raises: paramiko.SSHException, OSError where an agent has gone.
    """
    hashed = hashlib.sha512(message).digest()
    data = MAGIC + _strings(namespace, b"", HASH, hashed)
    # SHA-1, which ssh-rsa alone would mean, is refused by PROTOCOL.sshsig.
    made = key.sign_ssh_data(data, "rsa-sha2-512" if key.get_name() == "ssh-rsa" else None)
    signature = made if isinstance(made, bytes) else made.asbytes()
    public = getattr(getattr(key, "public_blob", None), "key_blob", None) or key.asbytes()
    version = (1).to_bytes(4, "big")
    return _armor(MAGIC + version + _strings(public, namespace, b"", HASH, signature))


def fingerprint(key: Key) -> str:
    """`SHA256:…`, as `ssh-keygen -l` shows it."""
    return _fingerprint(key.asbytes())


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Claims:
    """What a signature says of itself; nothing of that is proven yet."""

    keyid: str
    """`SHA256:…` of its key; of a certificate, that of the key it is for"""
    keyids: frozenset[str]
    """that one, and the certificate's own"""
    namespace: str


def read(signature: bytes) -> Claims:
    """Raises ValueError for anything but the form that `sign` writes."""
    try:
        first, *lines, last, rest = signature.decode("ascii").split("\n")
        blob = base64.b64decode("".join(lines), validate=True)
    except (UnicodeDecodeError, ValueError) as error:
        raise ValueError("it is no SSH signature") from error
    if (first, last, rest) != (_BEGIN, _END, "") or _armor(blob) != signature:
        raise ValueError("it is no SSH signature as deployctl writes one")
    if not blob.startswith(MAGIC + (1).to_bytes(4, "big")):
        raise ValueError("it is no SSH signature of version 1")
    public, namespace, _, _, _ = _split(blob[len(MAGIC) + 4 :], 5)
    keyids = _keyids(public)
    return Claims(keyids[-1], frozenset(keyids), namespace.decode("utf-8", "replace"))


def _keyids(public: bytes) -> list[str]:
    """A certificate holds the key's own parts after its type and a nonce (PROTOCOL.certkeys)."""
    (kind,) = _split(public, 1, more=True)
    name, found, _ = kind.partition(b"-cert-v01@openssh.com")
    if not found:
        return [_fingerprint(public)]
    parts = {b"ssh-ed25519": 1, b"ssh-rsa": 2, b"sk-ssh-ed25519": 2}.get(
        name, 3 if name.startswith(b"sk-") else 2
    )
    own = _split(public, 2 + parts, more=True)[2:]
    plain = name + (b"@openssh.com" if name.startswith(b"sk-") else b"")
    return [_fingerprint(public), _fingerprint(_strings(plain, *own))]


def _split(data: bytes, count: int, *, more: bool = False) -> list[bytes]:
    """So many RFC 4251 strings, and nothing after them unless there may be `more`. ValueError."""
    found = []
    for _ in range(count):
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            raise ValueError("it is cut off")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    if data and not more:
        raise ValueError("something follows the signature")
    return found


def _armor(blob: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


@dataclass(frozen=True)
class Verified:
    """What OpenSSH says of a signature. `principal` is who the allowed signers file says it is."""

    state: Literal["good", "unknown", "bad"]
    principal: str = ""
    detail: str = ""


class NoOpenSSHError(Exception):
    """There is no ssh-keygen here that checks signatures, and in time (OpenSSH 8.9 or newer)."""


def verify(
    message: bytes,
    signature: bytes,
    namespace: str,
    allowed_signers: Path,
    at: datetime | None = None,
) -> Verified:
    """Asks ssh-keygen. `unknown`: the key is not among the allowed signers (or not at that time).

    `at` (aware) is when the key had to be valid; by default now. Raises NoOpenSSHError.
    """
    when = () if at is None else ("-O", f"verify-time={at:%Y%m%d%H%M%SZ}")
    with tempfile.NamedTemporaryFile(prefix="deployctl.") as file:
        file.write(signature)
        file.flush()
        name = ("-s", file.name)
        found = _keygen("find-principals", "-f", str(allowed_signers), *name, *when)
        if found.returncode != 0:
            # Where it is not listed, it may still be no signature of this at all.
            checked = _keygen("check-novalidate", "-n", namespace, *name, message=message)
            state: Literal["unknown", "bad"] = "unknown" if checked.returncode == 0 else "bad"
            return Verified(state, detail=_said(found if state == "unknown" else checked))
        detail = ""
        for principal in found.stdout.decode(errors="replace").splitlines():
            words = ("-f", str(allowed_signers), "-I", principal, "-n", namespace)
            done = _keygen("verify", *words, *name, *when, message=message)
            if done.returncode == 0:
                return Verified("good", principal)
            detail = _said(done)
        return Verified("bad", detail=detail)


def _keygen(*words: str, message: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    program = shutil.which("ssh-keygen")
    if program is None:
        raise NoOpenSSHError("ssh-keygen is not installed here")
    command = [program, "-Y", *words]
    try:
        return subprocess.run(
            command, input=message, capture_output=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise NoOpenSSHError(f"ssh-keygen did not end within {_SECONDS:g} s") from error


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"ssh-keygen ended with {done.returncode}"


def _strings(*parts: str | bytes) -> bytes:
    """RFC 4251 strings, one after another."""
    raw = (part.encode() if isinstance(part, str) else part for part in parts)
    return b"".join(len(each).to_bytes(4, "big") + each for each in raw)
