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
    blob = MAGIC + version + _strings(public, namespace, b"", HASH, signature)
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def fingerprint(key: Key) -> str:
    """`SHA256:…`, as `ssh-keygen -l` shows it."""
    raw = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(raw).decode().rstrip("=")


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
