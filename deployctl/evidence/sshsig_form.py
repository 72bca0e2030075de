"""Whether a signature's value is written in the one way that it can be.

Mathematics lets anybody write many a signature in a second way, without the key: a verifier that
takes both takes changed bytes. Pure.
"""

from typing import Final

from deployctl.evidence.ssh_wire import PublicKey, split, strings, take

_ED25519: Final = 2**252 + 27742317777372353535851937790883648493
_CURVES: Final = {
    b"nistp256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    b"nistp384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,  # noqa: E501
    b"nistp521": 0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,  # noqa: E501
}
"""how many points there are: parts of a signature are numbers below that"""
_OF_TOKENS: Final = 5
"""bytes that a security key adds: its flags and a counter"""


def fault(key: PublicKey, value: bytes) -> str:
    """What is wrong, as a clause that begins with `it`; of kinds that aren't known here, nothing.
    Raises ValueError."""
    (algorithm, raw), rest = take(value, 2)
    kind = key.kind
    if algorithm.startswith(b"webauthn-"):
        return ""  # a browser's: what follows is signed, too
    if kind == b"ssh-rsa":
        modulus = split(key.plain, 3)[2].lstrip(b"\0")
        right = len(raw) == len(modulus) and raw < modulus
        right = right and algorithm in (b"rsa-sha2-256", b"rsa-sha2-512")
    elif kind in (b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"):
        right = len(raw) == 64 and int.from_bytes(raw[32:], "little") < _ED25519
        right = right and algorithm == kind
    elif (order := _order(kind)) is not None:
        numbers = [_number(part) for part in split(raw, 2)]
        right = all(number is not None and 0 < number < order for number in numbers)
        right = right and algorithm == kind
    else:
        return ""
    wanted = _OF_TOKENS if kind.startswith(b"sk-") else 0
    return "" if right and len(rest) == wanted else "it is not written as a signature is"


def lower(value: bytes) -> bytes:
    """An ECDSA signature with the lower of the two numbers that would do; any other as it is.

    OpenSSH writes either. With one of them only, nobody can put the other in its place.
    """
    (algorithm, raw), rest = take(value, 2)
    order = _order(algorithm)
    if order is None:
        return value
    r, s = split(raw, 2)
    number = int.from_bytes(s, "big")
    if number <= order // 2:
        return value
    return strings(algorithm, strings(r, _mpint(order - number))) + rest


def _order(kind: bytes) -> int | None:
    if b"ecdsa-sha2-" not in kind or kind.startswith(b"webauthn-"):
        return None
    return _CURVES.get(kind.removesuffix(b"@openssh.com").rpartition(b"-")[2])


def _number(mpint: bytes) -> int | None:
    """None for a number that is not written as short as it can be."""
    number = int.from_bytes(mpint, "big")
    return number if _mpint(number) == mpint else None


def _mpint(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b""
