"""Where a host is and how it may be trusted: plain data, before any connection."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class HostAddress:
    """A host as settings name it; what is `None` comes from `~/.ssh/config` or SSH's defaults."""

    host: str
    """a name, an IP address or an alias of `~/.ssh/config`"""
    port: int | None = None
    user: str | None = None
    key_file: Path | None = None
    """the only private key to offer"""
    key_data: str | None = field(default=None, repr=False)
    """the text of the only private key to offer (CI: from the environment)"""
    known_hosts: Path | None = None
    """the file to use instead of the user's and the system's known_hosts"""
    host_key: str | None = None
    """the pinned public key, `ssh-ed25519 AAAA…`; several lines for several keys"""
    connect_timeout: float = 10.0
    """seconds for each step of connecting: name and TCP, handshake, authentication"""
