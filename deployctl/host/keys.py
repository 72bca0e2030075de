"""Which private keys to offer, in which order.

One explicit key is the only one offered. Otherwise ssh's own order: the agent's keys that
`~/.ssh/config` (or the list of default keys) names, the agent's others, then files. Each key goes
with its certificates first. Keys that need a passphrase come last, and only a person at a terminal
is asked. The agent is never forwarded.
"""

import copy
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)
from paramiko.pkey import PublicBlob

from deployctl.errors import ConfigError
from deployctl.host.agent import AgentKey, agent_keys
from deployctl.host.known_hosts import PublicKey, parse_key
from deployctl.host.private_keys import (
    EncryptedKeyError,
    OpenToOthersError,
    load_private_key,
    normalized,
    public_half,
    read_key,
)
from deployctl.host.ssh_config import Endpoint

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")
PASSPHRASE_ATTEMPTS = 3

Ask = Callable[[str], str | None]
"""Asks a person for the passphrase of the key named; None when nobody is there to be asked, and
empty when nobody wants to type it."""


def ask_nobody(origin: str) -> None:
    del origin


@dataclass(frozen=True)
class Offer:
    key: paramiko.PKey
    origin: str
    """where it comes from, for messages"""


class NotUnlockedError(EncryptedKeyError):
    """`why` says what came of asking for the passphrase: `nobody is here to type it`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Keyring:
    """The keys of one connection; a passphrase is asked once, also over reconnects."""

    def __init__(self, ask: Ask = ask_nobody) -> None:
        self._ask = ask
        self._unlocked: dict[str, paramiko.PKey] = {}
        self._not_unlocked: dict[str, NotUnlockedError] = {}
        self.asked = 0
        """how often a person was asked, which may take longer than a host waits"""

    def offers(self, endpoint: Endpoint, notes: list[str]) -> Iterator[Offer]:
        """The keys to try, in order. `notes` gets why a key could not be tried.

        Raises ConfigError when the one explicit key can't be used.
        """
        if endpoint.key_data is not None:
            yield self._from_settings(endpoint.key_data)
        elif endpoint.key_file is not None:
            file = endpoint.key_file.expanduser()
            offer = self._from_file(file, endpoint)
            yield from _certified(offer, [*endpoint.certificate_files, _beside(file)])
            yield offer
        else:
            yield from self._usual(endpoint, notes)

    def _from_settings(self, text: str) -> Offer:
        origin = "the private key from the environment"
        try:
            return Offer(self._load(normalized(text), origin, prompt=True), origin)
        except NotUnlockedError as error:
            raise ConfigError(
                f"The private key from the environment needs a passphrase, and {error.why}.",
                next_step="Use a key of its own for CI, without a passphrase.",
            ) from error
        except (ValueError, paramiko.SSHException) as error:
            raise ConfigError(
                f"The private key from the environment can't be read: {error}.",
                next_step="Store the whole file, from -----BEGIN to -----END and the last newline.",
            ) from error

    def _from_file(self, file: Path, endpoint: Endpoint) -> Offer:
        public = public_half(file)
        agent = next((k for k in agent_keys(endpoint.identity_agent) if k.public == public), None)
        try:
            text = read_key(file)
            key = self._load(text, str(file), prompt=agent is None)
        except NotUnlockedError as error:
            raise ConfigError(
                f"The key {file} needs a passphrase, and {error.why}.",
                next_step=f"Add it to the agent first: ssh-add {file}",
            ) from error
        except EncryptedKeyError:
            if agent is None:
                raise
            return Offer(agent, f"{file} (agent)")
        except OSError as error:
            raise ConfigError(
                f"The key {file} can't be read: {error.strerror}.",
                next_step="Correct `host.key_file`, or its permissions.",
            ) from error
        except (ValueError, paramiko.SSHException) as error:
            if agent is not None:
                return Offer(agent, f"{file} (agent)")
            raise ConfigError(
                f"{file} is not a private key that can be used: {error}.",
                next_step=_cure(file, public, error),
            ) from error
        return Offer(key, str(file))

    def _usual(self, endpoint: Endpoint, notes: list[str]) -> Iterator[Offer]:
        home = Path.home() / ".ssh"
        named = endpoint.identity_files
        files = tuple(home / name for name in DEFAULT_KEYS) if named is None else named
        public = {file: half for file in files if (half := public_half(file)) is not None}
        certificates = [*endpoint.certificate_files, *map(_beside, files)]
        held = {key.public: key for key in agent_keys(endpoint.identity_agent)}
        for key in _in_order(held, list(public.values()), only=endpoint.identities_only):
            offer = Offer(key, f"agent key {key.comment}".rstrip())
            yield from _certified(offer, certificates)
            yield offer
        rest = [file for file in files if public.get(file) not in held]
        locked: list[Path] = []
        for file in rest:
            yield from self._optional(file, notes, locked, certificates)
        for file in locked:
            yield from self._optional(file, notes, None, certificates)

    def _optional(
        self, file: Path, notes: list[str], locked: list[Path] | None, certificates: list[Path]
    ) -> Iterator[Offer]:
        """The key in `file`, if there is one; `locked` gets it when it needs a passphrase."""
        try:
            text = read_key(file)
            if parse_key(text) is not None:
                notes.append(f"{file} is a public key, and the agent does not have its other half")
                return
            key = self._load(text, str(file), prompt=locked is None)
        except FileNotFoundError:
            return
        except NotUnlockedError as error:
            notes.append(f"{file} needs a passphrase, and {error.why} (ssh-add {file})")
        except EncryptedKeyError:
            if locked is not None:
                locked.append(file)
        except (OSError, ValueError, paramiko.SSHException) as error:
            notes.append(f"{file} can't be used: {error} ({_cure(file, public_half(file), error)})")
        else:
            offer = Offer(key, str(file))
            yield from _certified(offer, certificates)
            yield offer

    def _load(self, text: str, origin: str, *, prompt: bool) -> paramiko.PKey:
        """ValueError, SSHException; EncryptedKeyError, and with `prompt` NotUnlockedError."""
        if origin in self._unlocked:
            return self._unlocked[origin]
        try:
            return load_private_key(text, None)
        except EncryptedKeyError:
            if not prompt:
                raise
        if origin not in self._not_unlocked:
            key = self._asked_for(text, origin)
            if isinstance(key, paramiko.PKey):
                self._unlocked[origin] = key
                return key
            self._not_unlocked[origin] = key
        raise self._not_unlocked[origin]

    def _asked_for(self, text: str, origin: str) -> paramiko.PKey | NotUnlockedError:
        """The key, unlocked by what a person types, or why it isn't."""
        why = "nobody is here to type it"
        for _ in range(PASSPHRASE_ATTEMPTS):
            self.asked += 1
            passphrase = self._ask(origin)
            if not passphrase:
                why = why if passphrase is None else "none was typed"
                break
            try:
                return load_private_key(text, passphrase)
            except EncryptedKeyError:
                why = "the one that was typed is wrong"
        return NotUnlockedError(why)


def _in_order(
    held: dict[PublicKey, AgentKey], named: list[PublicKey], *, only: bool
) -> list[AgentKey]:
    """The agent's keys that files name, in the files' order; then its others."""
    first = [public for public in dict.fromkeys(named) if public in held]
    others = [] if only else [public for public in held if public not in first]
    return [held[public] for public in (*first, *others)]


def _certified(offer: Offer, files: list[Path]) -> Iterator[Offer]:
    """The key with each certificate that is for it."""
    for file in dict.fromkeys(files):
        try:
            certificate = parse_key(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if certificate is None or _subject(certificate) != offer.key.asbytes():
            continue
        key = copy.copy(offer.key)
        key.public_blob = PublicBlob(certificate.type, certificate.blob)
        yield Offer(key, f"{offer.origin} with {file}")


def _subject(certificate: PublicKey) -> bytes | None:
    """The key that a certificate is for."""
    try:
        read = load_ssh_public_identity(certificate.line.encode())
        if not isinstance(read, SSHCertificate):
            return None
        text = read.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    except (ValueError, InvalidSignature, NotImplementedError):
        return None
    key = parse_key(text)
    return key.blob if key else None


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name.removesuffix('.pub')}-cert.pub")


def _cure(file: Path, public: PublicKey | None, error: Exception) -> str:
    if isinstance(error, OpenToOthersError):
        return f"chmod 600 {shlex.quote(str(file))}"
    if public is not None and public.type.startswith("sk-"):
        return f"Add it to the agent, which asks for the touch: ssh-add {file}"
    return f"Look at it: ssh-keygen -yf {file}"
