"""Which key made an SSH signature: read from its bytes. OpenSSH's PROTOCOL.sshsig.

It says whose signature this claims to be; whether it is one, `sshsig.verify` says. Pure.
"""

import base64
import binascii
import hashlib
import struct

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)

from deployctl.evidence.sshsig import MAGIC

_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"\n-----END SSH SIGNATURE-----\n"
_CERTIFICATE = b"-cert-v01@openssh.com"
_VERSION = 4
"""bytes of the version, before the key"""


def signer(signature: bytes) -> str:
    """`SHA256:…` of the armored signature's key; of a certificate, that of the key it is for.

    Raises ValueError for what is no armored SSH signature.
    """
    return fingerprint_of(public_key(signature))


def public_key(signature: bytes) -> bytes:
    """The key, or the certificate, that an armored signature carries. Raises ValueError."""
    if not (signature.startswith(_BEGIN) and signature.endswith(_END)):
        raise ValueError("it is no SSH signature")
    try:
        body = b"".join(signature[len(_BEGIN) : -len(_END)].split())
        blob = base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError("it is no SSH signature: its text is no base64") from error
    if not blob.startswith(MAGIC):
        raise ValueError("it is no SSH signature: it does not begin as one")
    return _string(blob, len(MAGIC) + _VERSION)


def fingerprint_of(public: bytes) -> str:
    """As `ssh-keygen -l` shows it, of a certificate too. Raises ValueError."""
    kind = _string(public, 0)
    plain = _certified(kind, public) if kind.endswith(_CERTIFICATE) else public
    raw = hashlib.sha256(plain).digest()
    return "SHA256:" + base64.b64encode(raw).decode().rstrip("=")


def _certified(kind: bytes, public: bytes) -> bytes:
    try:
        read = load_ssh_public_identity(kind + b" " + base64.b64encode(public))
        if not isinstance(read, SSHCertificate):
            raise ValueError("it is no certificate")  # noqa: TRY004 - as all else that is wrong
        line = read.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (UnsupportedAlgorithm, InvalidSignature, NotImplementedError) as error:
        raise ValueError(f"its certificate can't be read: {error}") from error
    return base64.b64decode(line.split()[1])


def _string(data: bytes, at: int) -> bytes:
    """The RFC 4251 string that stands there."""
    try:
        (length,) = struct.unpack_from(">I", data, at)
    except struct.error as error:
        raise ValueError("it is no SSH signature: it ends early") from error
    found = data[at + 4 : at + 4 + length]
    if len(found) != length:
        raise ValueError("it is no SSH signature: it ends early")
    return found
