"""From a host as settings name it to the way there, by the user's and the system's ssh_config."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deployctl.errors import ConfigError
from deployctl.host.address import HostAddress
from deployctl.host.ssh_lines import ConfigLineError
from deployctl.host.ssh_options import (
    Options,
    expand,
    expand_path,
    local_user,
    lookup,
    tokens,
)

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
SYSTEM_KNOWN_HOSTS = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))
MAX_HOPS = 8

_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>.+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:@/\[\]]+))(?::(?P<port>\d+))?/?"
)
_FAMILIES = {"inet": 4, "inet6": 6}
# What ssh would do with these and deployctl does not: named where it may be why we stay outside.
_NOT_DONE = {
    "knownhostscommand": "KnownHostsCommand",
    "pkcs11provider": "PKCS11Provider",
    "verifyhostkeydns": "VerifyHostKeyDNS",
}


@dataclass(frozen=True)
class Endpoint:
    """One SSH server on the way: how to reach it, whom to be, and which key it must show."""

    host: str
    port: int
    user: str
    known_hosts: tuple[Path, ...]
    connect_timeout: float
    asked: HostAddress
    """as the settings or a ProxyJump name it"""
    host_key_alias: str | None = None
    pinned: str | None = None
    key_file: Path | None = None
    key_data: str | None = field(default=None, repr=False)
    identity_files: tuple[Path, ...] | None = None
    """None: the usual ones"""
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    identity_agent: str | None = None
    """the agent's socket; empty: no agent; None: the environment's"""
    proxy_command: str | None = None
    through: str | None = None
    """the label of the hop before this one"""
    family: int | None = None
    """4 or 6: the only IP version to use"""
    bind_address: str | None = None
    revoked_keys: Path | None = None
    strict: str = "ask"
    """the StrictHostKeyChecking that ssh would follow; deployctl is always strict"""
    not_done: tuple[str, ...] = ()
    """options of ssh_config that ssh would follow here and deployctl does not"""

    @property
    def label(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"

    @property
    def trusted_name(self) -> str:
        """The name under which known_hosts has it."""
        return self.host_key_alias or self.host

    @property
    def ssh_words(self) -> str:
        """The arguments with which ssh goes the same way, for a person to try."""
        asked, words = self.asked, []
        if asked.key_file is not None:
            words += ["-i", str(asked.key_file), "-o", "IdentitiesOnly=yes"]
        if asked.known_hosts is not None:
            words += ["-o", f"UserKnownHostsFile={asked.known_hosts}"]
        if asked.port is not None:
            words += ["-p", str(asked.port)]
        host = asked.host.removeprefix("[").removesuffix("]")
        words += [f"{asked.user}@{host}" if asked.user else host, "true"]
        return shlex.join(words)


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
    address: HostAddress, options: Options, pinned: str | None, before: Endpoint | None
) -> Endpoint:
    explicit = address.key_file is not None or address.key_data is not None
    known = tokens(address.host, str(options.get("hostname")), options)
    command = _given(options, "proxycommand") if before is None else None
    if command is not None and options.yes("proxyusefdpass"):
        raise ConfigError(
            f"The ProxyCommand of {address.host} passes a socket (ProxyUseFdpass), which deployctl "
            "can't take.",
            next_step="Give the host a ProxyCommand that speaks on its standard input and output.",
        )
    return Endpoint(
        host=str(options.get("hostname")),
        port=_port(options),
        user=options.get("user") or local_user(),
        known_hosts=_known_hosts(address, options, known),
        connect_timeout=max(address.connect_timeout, _connect_timeout(options)),
        asked=address,
        host_key_alias=options.get("hostkeyalias"),
        pinned=pinned,
        key_file=address.key_file,
        key_data=address.key_data,
        identity_files=None if explicit else _paths(options, "identityfile", known),
        certificate_files=_paths(options, "certificatefile", known) or (),
        identities_only=explicit or options.yes("identitiesonly"),
        identity_agent=_agent(options, known),
        proxy_command=_command(command, known) if command else None,
        through=before.label if before else None,
        family=_FAMILIES.get((options.get("addressfamily") or "any").lower()),
        bind_address=options.get("bindaddress"),
        revoked_keys=next(iter(_paths(options, "revokedhostkeys", known) or ()), None),
        strict=(options.get("stricthostkeychecking") or "ask").lower(),
        not_done=tuple(
            name
            for keyword, name in _NOT_DONE.items()
            if (options.get(keyword) or "no").lower() not in {"no", "false", "none"}
        ),
    )


def _jumps(options: Options, address: HostAddress) -> list[HostAddress]:
    value = _given(options, "proxyjump")
    if value is None:
        return []
    jumps = []
    for text in value.partition("#")[0].split(","):
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
    return [] if _is_itself(jumps[0], address, options) else jumps


def _is_itself(jump: HostAddress, address: HostAddress, options: Options) -> bool:
    """`Host *` with a ProxyJump covers the jump host as well, which is then its own way.

    As for ssh, another port or another user makes it another server.
    """
    if jump.host not in {address.host, options.get("hostname")}:
        return False
    if jump.user not in {None, options.get("user") or local_user()}:
        return False
    return _port(_lookup(jump.host, jump)) == _port(options)


def _lookup(alias: str, address: HostAddress) -> Options:
    given = {}
    if address.port is not None:
        given["port"] = str(address.port)
    if address.user is not None:
        given["user"] = address.user
    try:
        return lookup(alias, given, (Path.home() / ".ssh" / "config", SYSTEM_CONFIG))
    except OSError as error:
        raise ConfigError(
            f"{error.filename} can't be read: {error.strerror}.",
            next_step=f"ls -l {shlex.quote(str(error.filename))}",
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"The SSH configuration gives no way to {alias}: {error}.",
            next_step=f"Try: ssh -G {shlex.quote(alias)}",
        ) from error


def _command(text: str, known: dict[str, str]) -> str:
    try:
        return expand(text, known)
    except ConfigLineError as error:
        raise ConfigError(
            f"The ProxyCommand can't be used: {error}.", next_step="Correct it in ~/.ssh/config."
        ) from error


def _given(options: Options, keyword: str) -> str | None:
    """Its value, unless that is the word for nothing."""
    value = (options.get(keyword) or "none").strip()
    return None if value.lower() == "none" else value


def _port(options: Options) -> int:
    value = options.get("port") or "22"
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise ConfigError(
            f"The Port {value!r} in ~/.ssh/config is not a port.", next_step="Correct it there."
        )
    return int(value)


def _connect_timeout(options: Options) -> float:
    value = options.get("connecttimeout") or "0"
    return float(value) if value.isdigit() else 0.0


def _paths(options: Options, keyword: str, known: dict[str, str]) -> tuple[Path, ...] | None:
    """The files, without `none`; None when nothing was said."""
    words = options.all(keyword)
    if not words:
        return None
    return tuple(_path(word, known) for word in words if word.lower() != "none")


def _path(word: str, known: dict[str, str]) -> Path:
    try:
        return expand_path(word, known)
    except ConfigLineError as error:
        raise ConfigError(
            f"A path in the SSH configuration can't be used: {error}.",
            next_step="Correct it in ~/.ssh/config.",
        ) from error


def _agent(options: Options, known: dict[str, str]) -> str | None:
    """The agent's socket; empty for none, None for that of the environment."""
    value = options.get("identityagent")
    if value is None or value == "SSH_AUTH_SOCK":
        return None
    if value.lower() == "none":
        return ""
    return str(_path(f"${{{value[1:]}}}" if re.fullmatch(r"\$\w+", value) else value, known))


def _known_hosts(address: HostAddress, options: Options, known: dict[str, str]) -> tuple[Path, ...]:
    if address.known_hosts is not None:
        return (address.known_hosts.expanduser(),)
    user = _paths(options, "userknownhostsfile", known)
    system = _paths(options, "globalknownhostsfile", known)
    if user is None:
        user = tuple(Path.home() / ".ssh" / name for name in ("known_hosts", "known_hosts2"))
    return (*user, *(SYSTEM_KNOWN_HOSTS if system is None else system))
