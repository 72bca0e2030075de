"""OpenSSH host certificates: whether one is good for a host. Pure."""

import fnmatch
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from deployctl.host.known_hosts import PublicKey, parse_key


@dataclass(frozen=True)
class HostCertificate:
    """A certificate whose signature holds, and the authority that signed it."""

    authority: PublicKey
    principals: tuple[str, ...]
    host: bool
    valid_after: int
    valid_before: int
    critical_options: bool

    def fault(self, name: str, now: float) -> str | None:
        """Why the certificate is not good for host `name` at `now` (Unix time); None if it is."""
        if not self.host:
            return "it is a user's certificate, not a host's"
        if not self.valid_after <= now < self.valid_before:
            return "it is not valid at this time"
        if self.critical_options:
            return "it has critical options, which no host certificate may have"
        if not any(fnmatch.fnmatchcase(name.lower(), item.lower()) for item in self.principals):
            return f"it is for {', '.join(self.principals) or 'no host by name'}, not for {name}"
        return None


def read_certificate(key_type: str, blob: bytes) -> HostCertificate | None:
    """The certificate in a host key's bytes; None when it is none, or its signature is false."""
    text = PublicKey(key_type, blob).line.encode()
    try:
        certificate = load_ssh_public_identity(text)
        if not isinstance(certificate, SSHCertificate):
            return None
        certificate.verify_cert_signature()
        signer = certificate.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (
        ValueError,
        InvalidSignature,
        UnsupportedAlgorithm,
        NotImplementedError,
        AssertionError,
    ):
        return None
    authority = parse_key(signer.decode())
    if authority is None or _signed_with_sha1(blob):
        return None
    return HostCertificate(
        authority=authority,
        principals=tuple(item.decode("utf-8", "replace") for item in certificate.valid_principals),
        host=certificate.type is SSHCertificateType.HOST,
        valid_after=certificate.valid_after,
        valid_before=certificate.valid_before,
        critical_options=bool(certificate.critical_options),
    )


def _signed_with_sha1(blob: bytes) -> bool:
    # The signature is the last field: `length, length, type, length, bytes`. Only RSA's type
    # `ssh-rsa` means SHA-1; its length of 7 makes it unlike `rsa-sha2-…`.
    at = blob.rfind(b"\x00\x00\x00\x07ssh-rsa")
    if at < 0:
        return False
    tail = at + 11
    length = int.from_bytes(blob[tail : tail + 4], "big")
    return tail + 4 + length == len(blob)
