"""How a host is named in the settings: an alias, `user@host`, `host:port`, `[::1]:2222`."""

import re
from dataclasses import dataclass
from typing import Final

_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?")
_USER: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9._@-]{0,63}\$?")
_EXPECTED: Final = (
    "expected a host name, an alias of ~/.ssh/config, user@host, host:port, or an IPv6 address "
    "([::1]:2222 with a port)"
)


@dataclass(frozen=True)
class Address:
    """The parts that the text names; what it leaves out is None."""

    host: str
    user: str | None
    port: int | None


def split_address(text: str) -> Address:
    """Raises ValueError with what was expected."""
    head, separator, rest = text.rpartition("@")
    if separator and not _USER.fullmatch(head):
        raise ValueError(_EXPECTED)
    host, port = _split_port(rest)
    ipv6 = ":" in host
    if not (_IPV6 if ipv6 else _HOST).fullmatch(host):
        raise ValueError(_EXPECTED)
    return Address(host=host, user=head or None, port=port)


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        if not bracket or ":" not in host or (tail and not tail.startswith(":")):
            raise ValueError(_EXPECTED)
        return host, _port(tail[1:]) if tail else None
    if text.count(":") == 1:
        host, _, tail = text.partition(":")
        return host, _port(tail)
    return text, None


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("expected a port from 1 to 65535 after the host")
    return int(text)
