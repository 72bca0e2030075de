"""From a host as settings name it to the way there, by `~/.ssh/config` and `/etc/ssh/ssh_config`.

paramiko's parser knows neither `Include` nor every `Match`; both are settled in the text before it
sees it.
"""

import getpass
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import paramiko

from deployctl.errors import ConfigError
from deployctl.host.address import HostAddress

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
SYSTEM_KNOWN_HOSTS = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))
MAX_INCLUDES = 16
MAX_HOPS = 8

_KEYWORD = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*)")
_MATCHES = frozenset(
    {"all", "canonical", "exec", "final", "host", "localuser", "originalhost", "user"}
)
_ALONE = frozenset({"all", "canonical", "final"})
_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:@/]+))(?::(?P<port>\d+))?/?"
)


@dataclass(frozen=True)
class Endpoint:
    """One SSH server on the way: how to reach it, whom to be, and which key it must show."""

    alias: str
    host: str
    port: int
    user: str
    known_hosts: tuple[Path, ...]
    connect_timeout: float
    host_key_alias: str | None = None
    pinned: str | None = None
    key_file: Path | None = None
    key_data: str | None = field(default=None, repr=False)
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    proxy_command: str | None = None
    through: str | None = None
    """the label of the hop before this one"""

    @property
    def label(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"

    @property
    def trusted_name(self) -> str:
        """The name under which known_hosts has it."""
        return self.host_key_alias or self.host


def route(address: HostAddress) -> tuple[Endpoint, ...]:
    """The servers to connect to, one through the other; the last is the host itself.

    Raises ConfigError when an SSH configuration can't be read or its jumps go in circles.
    """
    return tuple(_hops(address, pinned=address.host_key, depth=0))


def _hops(address: HostAddress, *, pinned: str | None, depth: int) -> Iterator[Endpoint]:
    alias = address.host.removeprefix("[").removesuffix("]")
    options = _lookup(alias, address)
    jumps = _jumps(options, address)
    if depth + len(jumps) > MAX_HOPS:
        raise ConfigError(
            f"The ProxyJump of {alias} leads over more than {MAX_HOPS} hosts.",
            next_step=f"Look for a circle: ssh -G {alias} | grep -i proxyjump",
        )
    before: Endpoint | None = None
    for number, jump in enumerate(jumps):
        # Only the first jump's own ProxyJump counts; the others are reached by the one before.
        hops = list(_hops(jump, pinned=None, depth=depth + len(jumps))) if number == 0 else []
        for hop in hops or [_endpoint(jump, _lookup(jump.host, jump), None, before)]:
            yield hop
            before = hop
    yield _endpoint(address, options, pinned, before)


def _endpoint(
    address: HostAddress,
    options: paramiko.SSHConfigDict,
    pinned: str | None,
    before: Endpoint | None,
) -> Endpoint:
    explicit = address.key_file is not None or address.key_data is not None
    command = options.get("proxycommand") if before is None else None
    return Endpoint(
        alias=address.host,
        host=str(options["hostname"]).removeprefix("[").removesuffix("]"),
        port=_port(options),
        user=address.user or str(options.get("user") or getpass.getuser()),
        known_hosts=_known_hosts(address, options),
        connect_timeout=address.connect_timeout,
        host_key_alias=options.get("hostkeyalias"),
        pinned=pinned,
        key_file=address.key_file,
        key_data=address.key_data,
        identity_files=() if explicit else _identity_files(options),
        identities_only=explicit or str(options.get("identitiesonly", "no")).lower() == "yes",
        proxy_command=str(command) if command and command.lower() != "none" else None,
        through=before.label if before else None,
    )


def _jumps(options: paramiko.SSHConfigDict, address: HostAddress) -> list[HostAddress]:
    value = str(options.get("proxyjump") or "none").strip()
    if value.lower() == "none":
        return []
    jumps = []
    for text in value.split(","):
        match = _HOP.fullmatch(text.strip())
        if match is None:
            raise ConfigError(
                f"The ProxyJump {text.strip()!r} of {address.host} is not [user@]host[:port].",
                next_step="Correct it in ~/.ssh/config.",
            )
        jumps.append(
            HostAddress(
                host=match["v6"] or match["host"],
                port=int(match["port"]) if match["port"] else None,
                user=match["user"],
                known_hosts=address.known_hosts,
                connect_timeout=address.connect_timeout,
            )
        )
    # `Host *` with a ProxyJump covers the jump host as well; it is its own way.
    return [] if jumps[0].host in {address.host, options["hostname"]} else jumps


def _lookup(alias: str, address: HostAddress) -> paramiko.SSHConfigDict:
    # The first value wins, so what settings say goes first and %p, %r see it too.
    lines = ["Host *"]
    if address.port is not None:
        lines.append(f"Port {address.port}")
    if address.user is not None:
        lines.append(f"User {address.user}")
    home = Path.home() / ".ssh"
    config = paramiko.SSHConfig()
    for text, origin in (
        ("\n".join(lines), "settings"),
        (_read(home / "config", home, 0), "~/.ssh/config"),
        (_read(SYSTEM_CONFIG, SYSTEM_CONFIG.parent, 0), str(SYSTEM_CONFIG)),
    ):
        try:
            config.parse(StringIO(text))
        except paramiko.ConfigParseError as error:
            raise ConfigError(
                f"{origin} can't be read: {error}.", next_step=f"ssh -G {alias} names the line."
            ) from error
    try:
        return config.lookup(alias)
    except (paramiko.SSHException, ValueError, KeyError) as error:
        raise ConfigError(
            f"~/.ssh/config gives no way to {alias}: {error}.", next_step=f"Try: ssh -G {alias}"
        ) from error


def _read(path: Path, directory: Path, depth: int) -> str:
    """The file with its Includes in place; empty when there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise ConfigError(
            f"{path} can't be read: {error.strerror}.", next_step=f"ls -l {path}"
        ) from error
    block = "Host *"
    lines: list[str] = []
    for line in text.splitlines():
        match = _KEYWORD.fullmatch(line)
        keyword = match[1].lower() if match else ""
        if match and keyword == "include" and depth < MAX_INCLUDES:
            for pattern in match[2].split():
                files = _glob(pattern.strip('"'), directory)
                lines.extend(_read(file, directory, depth + 1) for file in files)
            lines.append(block)  # an included file may have opened other blocks
        elif match and keyword in {"host", "match"}:
            block = _supported(line, keyword, match[2])
            lines.append(block)
        else:
            lines.append(line)
    return "\n".join(lines)


def _glob(pattern: str, directory: Path) -> list[Path]:
    path = Path(pattern).expanduser()
    if not path.is_absolute():
        path = directory / path
    return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def _supported(line: str, keyword: str, value: str) -> str:
    """The line, or one that never matches for a `Match` that paramiko can't judge."""
    if keyword == "host":
        return line
    words = [word.lower().lstrip("!") for word in value.split()]
    # `all`, `canonical` and `final` stand alone or first; the others have a value each.
    alone = words[:1] if words[:1] and words[0] in _ALONE else []
    criteria = {*alone, *words[len(alone) :: 2]}
    return line if criteria and criteria <= _MATCHES else "Host !*"


def _port(options: paramiko.SSHConfigDict) -> int:
    value = options.get("port", "22")
    if not str(value).isdigit() or not 0 < int(value) < 65536:
        raise ConfigError(
            f"The Port {value!r} in ~/.ssh/config is not a port.", next_step="Correct it there."
        )
    return int(value)


def _identity_files(options: paramiko.SSHConfigDict) -> tuple[Path, ...]:
    return tuple(
        Path(str(file)).expanduser()
        for file in options.get("identityfile", ())
        if str(file).lower() != "none"
    )


def _known_hosts(address: HostAddress, options: paramiko.SSHConfigDict) -> tuple[Path, ...]:
    if address.known_hosts is not None:
        return (address.known_hosts.expanduser(),)
    user = options.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")
    system = options.get("globalknownhostsfile")
    return (*_paths(user), *(SYSTEM_KNOWN_HOSTS if system is None else _paths(system)))


def _paths(value: str) -> tuple[Path, ...]:
    home = str(Path.home())
    return tuple(
        Path(name.strip('"').replace("%d", home)).expanduser()
        for name in value.split()
        if name.lower() != "none"
    )
