"""OpenSSH's known_hosts format: reading it, and asking it about one host. Pure but for `load`.

paramiko's reader raises on `@revoked` and `@cert-authority` and knows no patterns, so this is our
own. Lines that make no sense are passed over, as ssh does.
"""

import base64
import binascii
import hashlib
import hmac
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Marker = Literal["", "@cert-authority", "@revoked"]
SSH_PORT = 22


@dataclass(frozen=True)
class PublicKey:
    """A key as the wire and the files hold it: its type and its bytes."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    @property
    def line(self) -> str:
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True)
class Entry:
    """One line: which hosts it speaks of, and the key."""

    hosts: str
    key: PublicKey
    marker: Marker = ""
    source: str = ""
    """`file:line`, for messages"""

    def matches(self, name: str) -> bool:
        """Whether the line speaks of `name`: a host, or `[host]:port` off the default port."""
        name = name.lower()
        if self.hosts.startswith("|"):
            return _matches_hash(self.hosts, name)
        found = False
        for pattern in self.hosts.lower().split(","):
            negated = pattern.startswith("!")
            if _matches_pattern(pattern.removeprefix("!"), name):
                if negated:
                    return False
                found = True
        return found


def parse_key(text: str) -> PublicKey | None:
    """`TYPE BASE64 [comment]`; None when it is not a public key."""
    fields = text.split()
    if len(fields) < 2:
        return None
    try:
        blob = base64.b64decode(fields[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    # The bytes begin with the type: a mangled line is not half a key.
    if len(blob) < 4:
        return None
    (length,) = struct.unpack(">I", blob[:4])
    if blob[4 : 4 + length] != fields[0].encode():
        return None
    return PublicKey(fields[0], blob)


def parse(text: str, source: str = "") -> list[Entry]:
    entries = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        marker: Marker = ""
        if line.startswith("@"):
            word, _, line = line.partition(" ")
            if word == "@cert-authority":
                marker = "@cert-authority"
            elif word == "@revoked":
                marker = "@revoked"
            else:
                continue
        hosts, _, rest = line.strip().replace("\t", " ").partition(" ")
        key = parse_key(rest)
        if key is not None:
            entries.append(Entry(hosts, key, marker, f"{source}:{number}"))
    return entries


def load(files: Iterable[Path]) -> list[Entry]:
    """All entries of the files that exist. OSError when one exists and can't be read."""
    entries: list[Entry] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            continue
        entries += parse(text, str(file))
    return entries


def host_name(host: str, port: int) -> str:
    """The name of a host in known_hosts."""
    return host if port == SSH_PORT else f"[{host}]:{port}"


def about(entries: Sequence[Entry], host: str, port: int) -> list[Entry]:
    """The entries that speak of the host at that port."""
    name = host_name(host, port)
    return [entry for entry in entries if entry.matches(name)]


def _matches_pattern(pattern: str, name: str) -> bool:
    # Only `*` and `?` are special; brackets are those of `[host]:port`.
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, name) is not None


def _matches_hash(field: str, name: str) -> bool:
    parts = field.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return False
    try:
        salt, digest = base64.b64decode(parts[2]), base64.b64decode(parts[3])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
