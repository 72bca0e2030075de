"""Whether a host is the one it says: the strict policy in place of fabric's AutoAddPolicy.

Nothing is ever added to known_hosts by deployctl. An unknown key is refused with its fingerprint
and the command by which a person accepts it; a changed one with both fingerprints.
"""

import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path

import paramiko

from deployctl.errors import ConfigError, UnreachableError
from deployctl.host.certificates import read_certificate
from deployctl.host.known_hosts import SSH_PORT, Entry, PublicKey, about, host_name, load, parse_key
from deployctl.host.revoked import read_revoked, revokes
from deployctl.host.ssh_config import Endpoint

# Key type in files -> what to offer when negotiating, best first.
_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
ALL_TYPES = tuple(name for names in _ALGORITHMS.values() for name in names)
_CERTIFICATE_TYPES = tuple(f"{name}-cert-v01@openssh.com" for name in ALL_TYPES)

_LENIENT = frozenset({"no", "off", "false", "accept-new"})


@dataclass(frozen=True)
class ShownKey:
    """What the host showed: its key, and the certificate around it if there is one."""

    key: PublicKey
    certificate: PublicKey | None = None


@dataclass(frozen=True)
class Trust:
    """What is known of one host. Empty `known` and `authorities`: nothing."""

    endpoint: Endpoint
    known: tuple[Entry, ...]
    authorities: tuple[Entry, ...]
    revoked: tuple[Entry, ...]
    revocation_list: Path | None = None
    """OpenSSH's binary kind (a KRL), which only ssh-keygen reads"""
    elsewhere: tuple[Entry, ...] = ()
    """entries for the host without its port, which ssh takes as well when the key is the same"""

    def key_types(self) -> tuple[str, ...]:
        """The host key types to offer. All, to see a fingerprint, when nothing is known."""
        certificates = _CERTIFICATE_TYPES if self.authorities else ()
        held = {entry.key.type for entry in self.known}
        plain = tuple(name for kind, names in _ALGORITHMS.items() if kind in held for name in names)
        return (*certificates, *plain) or ALL_TYPES

    def check(self, shown: ShownKey, now: float) -> None:
        """Returns when the host is the known one. Raises UnreachableError."""
        for entry in self.revoked:
            if entry.key in {shown.key, shown.certificate and _authority(shown.certificate)}:
                raise self._revoked(shown, entry.source)
        if self.revocation_list is not None and any(
            revokes(self.revocation_list, key) for key in (shown.certificate, shown.key) if key
        ):
            raise self._revoked(shown, str(self.revocation_list))
        fault = self._certificate_fault(shown, now)
        proven = fault is None or any(entry.key == shown.key for entry in self.known)
        if proven or (not self.known and any(entry.key == shown.key for entry in self.elsewhere)):
            return
        raise self._changed(shown) if self.known else self._unknown(shown, fault)

    def _certificate_fault(self, shown: ShownKey, now: float) -> str | None:
        """Why no certificate proves the host; None when one does."""
        if shown.certificate is None:
            return "it shows no certificate" if self.authorities else ""
        certificate = read_certificate(shown.certificate.type, shown.certificate.blob)
        if certificate is None:
            return "its certificate is not signed as it should be"
        if all(entry.key != certificate.authority for entry in self.authorities):
            return f"its certificate is signed by {certificate.authority.fingerprint}, unknown here"
        fault = certificate.fault(self.endpoint.trusted_name, now)
        return f"its certificate is signed by a known authority, but {fault}" if fault else None

    # -- the refusals ---------------------------------------------------------------------------

    def _unknown(self, shown: ShownKey, fault: str | None) -> UnreachableError:
        because = f", and {fault}" if fault else ""
        return UnreachableError(
            f"The host key of {self._name} is not known{because}. It shows "
            f"{_kind(shown.key)} {shown.key.fingerprint}.",
            next_step=(
                f"{self._lenient()}Compare that fingerprint with the host's own (on its console: "
                f"ssh-keygen -lf /etc/ssh/ssh_host_{_kind(shown.key).lower()}_key.pub), then "
                f"accept it: {self._accept(shown.key)}"
            ),
        )

    def _changed(self, shown: ShownKey) -> UnreachableError:
        same_type = [entry for entry in self.known if entry.key.type == shown.key.type]
        entry = (same_type or list(self.known))[0]
        if self.endpoint.pinned is not None:
            cure = "put the new key into `host.host_key` once you have compared it"
        else:
            file = entry.source.rpartition(":")[0]
            cure = (
                f"remove the old one: ssh-keygen -R {shlex.quote(self._name)} -f "
                f"{shlex.quote(file)}; then accept the new one: {self._accept(shown.key)}"
            )
        return UnreachableError(
            f"The host key of {self._name} has changed, or somebody is in between. Known "
            f"({entry.source}): {_kind(entry.key)} {entry.key.fingerprint}. Shown: "
            f"{_kind(shown.key)} {shown.key.fingerprint}.",
            next_step=f"Find out why. Only if the host was set up anew, {cure}",
        )

    def _revoked(self, shown: ShownKey, source: str) -> UnreachableError:
        return UnreachableError(
            f"{self._name} shows the {_kind(shown.key)} key {shown.key.fingerprint}, which is "
            f"revoked ({source}).",
            next_step="Give the host a new key, or find out who answers in its place.",
        )

    def _lenient(self) -> str:
        """For who is used to an ssh that asks less."""
        endpoint = self.endpoint
        told = [f"StrictHostKeyChecking {endpoint.strict}"] if endpoint.strict in _LENIENT else []
        told += [name for name in endpoint.not_done if "HostKey" in name or "KnownHosts" in name]
        return f"{', '.join(told)} of ~/.ssh/config is not followed. " if told else ""

    @property
    def _name(self) -> str:
        return host_name(self.endpoint.trusted_name, self.endpoint.port)

    def _accept(self, key: PublicKey) -> str:
        endpoint = self.endpoint
        file = shlex.quote(str(endpoint.known_hosts[0] if endpoint.known_hosts else "known_hosts"))
        if endpoint.through or endpoint.proxy_command or endpoint.host_key_alias:
            # ssh-keyscan knows neither jumps nor aliases.
            return f"echo {shlex.quote(f'{self._name} {key.line}')} >> {file}"
        port = "" if endpoint.port == SSH_PORT else f"-p {endpoint.port} "
        return f"ssh-keyscan {port}-t {_kind(key).lower()} {shlex.quote(endpoint.host)} >> {file}"


def trust_for(endpoint: Endpoint) -> Trust:
    """What the files and the settings know of the endpoint. Raises ConfigError."""
    try:
        entries = load(endpoint.known_hosts)
    except OSError as error:
        raise ConfigError(
            f"{error.filename} can't be read: {error.strerror}.",
            next_step=f"ls -l {shlex.quote(str(error.filename))}",
        ) from error
    name, port = endpoint.trusted_name, endpoint.port
    if endpoint.host_key_alias:
        port = SSH_PORT  # an alias stands for the host, port and all
    here = about(entries, name, port)
    also_revoked, revocation_list = read_revoked(endpoint.revoked_keys)
    trust = Trust(
        endpoint=endpoint,
        known=tuple(entry for entry in here if not entry.marker),
        authorities=tuple(entry for entry in here if entry.marker == "@cert-authority"),
        revoked=(*(entry for entry in here if entry.marker == "@revoked"), *also_revoked),
        revocation_list=revocation_list,
        elsewhere=tuple(entry for entry in about(entries, name, SSH_PORT) if not entry.marker),
    )
    if endpoint.pinned is None:
        return trust
    return replace(trust, known=_pinned(endpoint.pinned), authorities=(), elsewhere=())


class StrictPolicy(paramiko.MissingHostKeyPolicy):
    """Judges each host key by `Trust`; paramiko itself is given no known keys, so it asks us."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        del client, hostname  # what to look up is decided by the endpoint, not by paramiko
        self._trust.check(shown_key(key), time.time())


def shown_key(key: paramiko.PKey) -> ShownKey:
    plain = PublicKey(key.get_name(), key.asbytes())
    blob = key.public_blob
    if blob is None:
        return ShownKey(plain)
    return ShownKey(plain, PublicKey(blob.key_type, blob.key_blob))


def _pinned(text: str) -> tuple[Entry, ...]:
    entries = []
    for line in filter(None, map(str.strip, text.splitlines())):
        words = line.split()
        # A whole line of known_hosts is taken too: people paste what ssh-keyscan prints.
        key = parse_key(line) or parse_key(" ".join(words[1:]))
        if key is None or key.type not in _ALGORITHMS:
            raise ConfigError(
                f"`host.host_key` is not a public key: {line[:60]!r}.",
                next_step="Write it as in /etc/ssh/ssh_host_ed25519_key.pub: ssh-ed25519 AAAA…",
            )
        entries.append(Entry("", key, "", "host.host_key in the settings"))
    if not entries:
        raise ConfigError(
            "`host.host_key` is empty.",
            next_step="Write the key (ssh-ed25519 AAAA…), or leave the setting out.",
        )
    return tuple(entries)


def _authority(certificate: PublicKey) -> PublicKey | None:
    read = read_certificate(certificate.type, certificate.blob)
    return read.authority if read else None


def _kind(key: PublicKey) -> str:
    if key.type.startswith("ecdsa"):
        return "ECDSA"
    return key.type.removeprefix("ssh-").upper()
