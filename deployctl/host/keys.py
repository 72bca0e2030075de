"""Which private keys to offer, and authenticating with them.

One explicit key is the only one offered. Otherwise: the agent's, then those of `~/.ssh/config`, or
the default ones when it names none. Keys that need a passphrase come last, and only a person at a
terminal is asked. The agent is never forwarded.
"""

import getpass
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from deployctl.errors import ConfigError, UnreachableError
from deployctl.host.known_hosts import PublicKey, parse_key
from deployctl.host.ssh_config import Endpoint

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
PASSPHRASE_ATTEMPTS = 3


class EncryptedKeyError(Exception):
    """The key needs a passphrase, and none (or a wrong one) was given."""


@dataclass(frozen=True)
class Offer:
    key: paramiko.PKey
    origin: str
    """where it comes from, for messages"""


def ask_passphrase(origin: str) -> str | None:
    """The passphrase a person types; None when nobody is there to be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return getpass.getpass(f"Passphrase for {origin}: ")


class Keyring:
    """The keys of one connection; a passphrase is asked once, also over reconnects."""

    def __init__(self, ask: Callable[[str], str | None] = ask_passphrase) -> None:
        self._ask = ask
        self._unlocked: dict[str, paramiko.PKey] = {}

    def offers(self, endpoint: Endpoint, notes: list[str]) -> Iterator[Offer]:
        """The keys to try, in order. `notes` gets why a key could not be tried.

        Raises ConfigError when the one explicit key can't be used.
        """
        if endpoint.key_data is not None:
            yield self._from_settings(endpoint.key_data)
        elif endpoint.key_file is not None:
            yield self._from_file(endpoint.key_file.expanduser())
        else:
            yield from self._usual(endpoint, notes)

    def _from_settings(self, text: str) -> Offer:
        origin = "the private key from the environment"
        try:
            return Offer(self._load(normalized(text), origin, prompt=True), origin)
        except EncryptedKeyError as error:
            raise ConfigError(
                f"{origin.capitalize()} needs a passphrase, and nobody is here to type it.",
                next_step="Use a key of its own for CI, without a passphrase.",
            ) from error
        except (ValueError, paramiko.SSHException) as error:
            raise ConfigError(
                f"{origin.capitalize()} can't be read: {error}.",
                next_step="Store the whole file, from -----BEGIN to -----END and the last newline.",
            ) from error

    def _from_file(self, file: Path) -> Offer:
        try:
            text = file.read_text(encoding="utf-8")
            agent = _in_agent(file)
            key = self._load(text, str(file), prompt=agent is None)
        except EncryptedKeyError as error:
            if agent is not None:
                return Offer(agent, f"{file} (agent)")
            raise ConfigError(
                f"The key {file} needs a passphrase, and nobody is here to type it.",
                next_step=f"Add it to the agent first: ssh-add {file}",
            ) from error
        except OSError as error:
            raise ConfigError(
                f"The key {file} can't be read: {error.strerror}.",
                next_step="Correct `host.key_file`, or its permissions.",
            ) from error
        except (ValueError, paramiko.SSHException) as error:
            raise ConfigError(
                f"{file} is not a private key that can be used: {error}.",
                next_step=f"Look at it: ssh-keygen -yf {file}",
            ) from error
        return Offer(_with_certificate(key, file), str(file))

    def _usual(self, endpoint: Endpoint, notes: list[str]) -> Iterator[Offer]:
        home = Path.home() / ".ssh"
        files = endpoint.identity_files or tuple(home / name for name in DEFAULT_KEYS)
        public = {file: half.blob for file in files if (half := public_half(file)) is not None}
        from_agent = [
            (key, comment)
            for key, comment in _agent_keys()
            if not endpoint.identities_only or key.asbytes() in public.values()
        ]
        held = {key.asbytes() for key, _ in from_agent}
        for key, comment in from_agent:
            yield Offer(key, f"agent key {comment}".rstrip())
        rest = [file for file in files if public.get(file) not in held]
        locked: list[Path] = []
        for file in rest:
            yield from self._optional(file, notes, locked)
        for file in locked:
            yield from self._optional(file, notes, None)

    def _optional(self, file: Path, notes: list[str], locked: list[Path] | None) -> Iterator[Offer]:
        """The key in `file`, if there is one; `locked` gets it when it needs a passphrase."""
        try:
            text = file.read_text(encoding="utf-8")
            key = self._load(text, str(file), prompt=locked is None)
        except FileNotFoundError:
            return
        except EncryptedKeyError:
            if locked is None:
                notes.append(f"{file} needs a passphrase (ssh-add {file})")
            else:
                locked.append(file)
        except (OSError, ValueError, paramiko.SSHException) as error:
            notes.append(f"{file} can't be used: {error}")
        else:
            yield Offer(_with_certificate(key, file), str(file))

    def _load(self, text: str, origin: str, *, prompt: bool) -> paramiko.PKey:
        """EncryptedKeyError, ValueError, SSHException."""
        if origin in self._unlocked:
            return self._unlocked[origin]
        try:
            return load_private_key(text, None)
        except EncryptedKeyError:
            if not prompt:
                raise
        for _ in range(PASSPHRASE_ATTEMPTS):
            passphrase = self._ask(origin)
            if not passphrase:
                break
            try:
                key = load_private_key(text, passphrase)
            except EncryptedKeyError:
                continue
            self._unlocked[origin] = key
            return key
        raise EncryptedKeyError(origin)


class KeyAuthentication:
    """What paramiko's client calls to authenticate, in place of its own search for keys."""

    def __init__(self, endpoint: Endpoint, keyring: Keyring) -> None:
        self._endpoint = endpoint
        self._keyring = keyring

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Returns when a key was accepted. Raises UnreachableError, ConfigError."""
        notes: list[str] = []
        refused: list[str] = []
        for offer in self._keyring.offers(self._endpoint, notes):
            try:
                further = transport.auth_publickey(self._endpoint.user, offer.key)
            except paramiko.BadAuthenticationType as error:
                raise self._refused(
                    [*refused, f"no keys at all, only {', '.join(error.allowed_types)}"], notes
                ) from error
            except (paramiko.SSHException, EOFError) as error:
                refused.append(offer.origin)
                if not transport.is_active():
                    notes.append("the host closed the connection (too many attempts?)")
                    raise self._refused(refused, notes) from error
                continue
            if further:
                raise self._refused(
                    [f"{offer.origin} alone: it also wants {', '.join(further)}"], notes
                )
            return
        raise self._refused(refused, notes)

    def _refused(self, refused: list[str], notes: list[str]) -> UnreachableError:
        endpoint = self._endpoint
        said = f"It refused: {'; '.join(refused)}." if refused else "There was no key to offer."
        more = f" Also: {'; '.join(notes)}." if notes else ""
        return UnreachableError(
            f"{endpoint.label} does not let us in as {endpoint.user}. {said}{more}",
            next_step=(
                f"Check the user and the key: ssh -v -p {endpoint.port} "
                f"{endpoint.user}@{endpoint.host} true; the public key belongs into "
                f"~{endpoint.user}/.ssh/authorized_keys on the host."
            ),
        )


def load_private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    """Raises EncryptedKeyError, ValueError (not a key), SSHException (a type we can't use)."""
    data = text.encode()
    password = passphrase.encode() if passphrase else None
    loader = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH" in data
        else serialization.load_pem_private_key
    )
    try:
        loaded = loader(data, password)
    except TypeError as error:  # cryptography's way to say that a password is missing
        raise EncryptedKeyError from error
    except ValueError as error:
        if passphrase is not None:
            raise EncryptedKeyError from error
        raise
    for kind, key_class in (
        (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
        (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
        (rsa.RSAPrivateKey, paramiko.RSAKey),
    ):
        if isinstance(loaded, kind):
            return key_class.from_private_key(io.StringIO(text), passphrase)
    raise ValueError("only Ed25519, ECDSA and RSA keys can be used")


def normalized(text: str) -> str:
    """A key as CI systems store it: newlines may be written out, doubled or missing at the end."""
    if "\n" not in text.strip():
        text = text.replace("\\n", "\n")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


def public_half(file: Path) -> PublicKey | None:
    """The public key beside a private one, without opening that."""
    try:
        return parse_key(file.with_name(f"{file.name}.pub").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _with_certificate(key: paramiko.PKey, file: Path) -> paramiko.PKey:
    certificate = file.with_name(f"{file.name}-cert.pub")
    if certificate.is_file():
        key.load_certificate(str(certificate))
    return key


def _agent_keys() -> list[tuple[paramiko.PKey, str]]:
    try:
        return [(key, key.comment) for key in paramiko.Agent().get_keys()]
    except (paramiko.SSHException, OSError):
        return []  # no agent is no fault


def _in_agent(file: Path) -> paramiko.PKey | None:
    public = public_half(file)
    if public is None:
        return None
    return next((key for key, _ in _agent_keys() if key.asbytes() == public.blob), None)
