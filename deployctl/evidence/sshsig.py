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

from deployctl.evidence import sshsig_form
from deployctl.evidence.canonical import digest
from deployctl.evidence.ssh_wire import is_certificate, public_key, split, strings

MAGIC = b"SSHSIG"
HASH = "sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_SECONDS = 10.0
_PATTERN = frozenset("*?!")


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
    data = MAGIC + strings(namespace, b"", HASH, hashed)
    # SHA-1, which ssh-rsa alone would mean, is refused by PROTOCOL.sshsig.
    made = key.sign_ssh_data(data, "rsa-sha2-512" if key.get_name() == "ssh-rsa" else None)
    value = sshsig_form.lower(made if isinstance(made, bytes) else made.asbytes())
    version = (1).to_bytes(4, "big")
    return _armor(MAGIC + version + strings(_public(key), namespace, b"", HASH, value))


def certificate(key: Key) -> str | None:
    """The digest of the certificate that it signs with; None where it has none."""
    return _certificate(_public(key))


def _public(key: Key) -> bytes:
    blob: bytes = getattr(getattr(key, "public_blob", None), "key_blob", None) or key.asbytes()
    return blob


def _certificate(public: bytes) -> str | None:
    return digest(public) if is_certificate(public) else None


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
    certificate: str | None
    """its digest, where the key came with one"""
    valid: tuple[int, int] | None
    """the certificate: from when on, and before when, in seconds since 1970"""
    lower: bool
    """of the two ways to write it, if there are two, it is the one of `sign`"""


def read(signature: bytes) -> Claims:
    """Raises ValueError for anything but the form that `sign` writes; OpenSSH's other way to write
    a signature by ECDSA is told apart only (`lower`)."""
    try:
        first, *lines, last, rest = signature.decode("ascii").split("\n")
        blob = base64.b64decode("".join(lines), validate=True)
    except (UnicodeDecodeError, ValueError) as error:
        raise ValueError("it is no SSH signature") from error
    if (first, last, rest) != (_BEGIN, _END, "") or _armor(blob) != signature:
        raise ValueError("it is no SSH signature as deployctl writes one")
    if not blob.startswith(MAGIC + (1).to_bytes(4, "big")):
        raise ValueError("it is no SSH signature of version 1")
    public, namespace, reserved, hashed, value = split(blob[len(MAGIC) + 4 :], 5)
    # PROTOCOL.sshsig lets verifiers ignore what is reserved: anybody could write anything there.
    if reserved or hashed != HASH.encode():
        raise ValueError("it is no SSH signature as deployctl writes one")
    key = public_key(public)
    fault = sshsig_form.fault(key, value)
    if fault:
        raise ValueError(fault)
    return Claims(
        keyid=_fingerprint(key.plain),
        keyids=frozenset((_fingerprint(public), _fingerprint(key.plain))),
        namespace=namespace.decode("utf-8", "replace"),
        certificate=_certificate(public),
        valid=key.valid,
        lower=sshsig_form.lower(value) == value,
    )


def _armor(blob: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


@dataclass(frozen=True)
class Verified:
    """What OpenSSH says of a signature. `principal` is who the allowed signers file says it is."""

    state: Literal["good", "unknown", "bad"]
    principal: str = ""
    detail: str = ""

    @property
    def names_somebody(self) -> bool:
        """A pattern, such as `*`, is nobody's name; people are counted by name."""
        return not _PATTERN & set(self.principal)


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
    # As this machine's clock shows it: before 9.1 ssh-keygen took no time with a Z.
    when = () if at is None else ("-O", f"verify-time={at.astimezone():%Y%m%d%H%M%S}")
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
