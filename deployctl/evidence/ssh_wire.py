"""RFC 4251's strings, and SSH's public keys made of them (RFC 4253, PROTOCOL.certkeys). Pure."""

from dataclasses import dataclass

_CERTIFICATE = b"-cert-v01@openssh.com"
_PARTS = {b"ssh-ed25519": 1, b"ssh-rsa": 2, b"sk-ssh-ed25519": 2}
"""of a key after its type; of the others, all on a curve, in `_parts`"""


def strings(*parts: str | bytes) -> bytes:
    """One after another."""
    raw = (part.encode() if isinstance(part, str) else part for part in parts)
    return b"".join(len(each).to_bytes(4, "big") + each for each in raw)


def take(data: bytes, count: int) -> tuple[list[bytes], bytes]:
    """So many strings, and what follows them. Raises ValueError."""
    found = []
    for _ in range(count):
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            raise ValueError("it is cut off")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found, data


def split(data: bytes, count: int) -> list[bytes]:
    """So many strings, and nothing after them. Raises ValueError."""
    found, rest = take(data, count)
    if rest:
        raise ValueError("something follows the signature")
    return found


@dataclass(frozen=True)
class PublicKey:
    plain: bytes
    """of a certificate, the key that it is for"""
    valid: tuple[int, int] | None = None
    """of a certificate: from when on, and before when, in seconds since 1970"""

    @property
    def kind(self) -> bytes:
        return take(self.plain, 1)[0][0]


def public_key(blob: bytes) -> PublicKey:
    """Raises ValueError."""
    (kind,), _ = take(blob, 1)
    name, found, _ = kind.partition(_CERTIFICATE)
    if not found:
        return PublicKey(blob)
    # A nonce comes before the key's own parts; a number and a kind of certificate after them.
    own, rest = take(blob, 2 + _parts(name))
    _, rest = take(rest[12:], 2)
    if len(rest) < 16:
        raise ValueError("its certificate is cut off")
    plain = name + (b"@openssh.com" if name.startswith(b"sk-") else b"")
    valid = int.from_bytes(rest[:8], "big"), int.from_bytes(rest[8:16], "big")
    return PublicKey(strings(plain, *own[2:]), valid)


def is_certificate(blob: bytes) -> bool:
    """Of whatever an agent may say that its key is."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")].endswith(_CERTIFICATE)


def _parts(name: bytes) -> int:
    return _PARTS.get(name, 3 if name.startswith(b"sk-") else 2)
