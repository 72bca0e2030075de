"""The key that signs what this client seals: one that the settings name, or that of the login."""

from pathlib import Path

import paramiko

from deployctl.errors import ConfigError
from deployctl.evidence.sshsig import fingerprint
from deployctl.host.agent import AgentKey, agent_keys
from deployctl.host.keys import Offer
from deployctl.host.private_keys import (
    EncryptedKeyError,
    load_private_key,
    normalized,
    public_half,
    read_key,
)


def from_file(file: Path) -> Offer:
    """The key in a file, or the agent's of which that is the public half. Raises ConfigError."""
    file = file.expanduser()
    public = public_half(file)
    held = next((key for key in agent_keys(None) if key.public == public), None)
    if held is not None:
        return Offer(held, f"{file} (agent)")
    try:
        return Offer(load_private_key(read_key(file), None), str(file))
    except EncryptedKeyError as error:
        raise _unusable(
            f"The signing key {file} needs a passphrase.", f"Add it to the agent: ssh-add {file}"
        ) from error
    except (OSError, ValueError, paramiko.SSHException) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise _unusable(
            f"The signing key {file} can't be used: {told}.", "Correct `signing.key_file`."
        ) from error


def from_text(text: str, name: str) -> Offer:
    """The key that the environment variable `name` holds. Raises ConfigError."""
    if not text.strip():
        raise _unusable(
            f"The environment variable {name} is not set; it must hold the signing key's text.",
            "Set it (in CI: a secret), or correct `signing.key_env`.",
        )
    try:
        return Offer(load_private_key(normalized(text), None), f"the key in {name}")
    except (EncryptedKeyError, ValueError, paramiko.SSHException) as error:
        told = str(error) or "it needs a passphrase"
        raise _unusable(
            f"The signing key in {name} can't be used: {told}.",
            "Store the whole file of a key without a passphrase.",
        ) from error


def from_agent(wanted: str) -> Offer:
    """The agent's key with that fingerprint or comment. Raises ConfigError."""
    held = agent_keys(None)
    found = [key for key in held if wanted in (fingerprint(key), key.comment)]
    if not found:
        raise _unusable(
            f"The agent has no key {wanted!r}. {_listed(held)}",
            "Add it (ssh-add), or correct `signing.agent`.",
        )
    if len({key.public for key in found}) > 1:
        raise _unusable(
            f"The agent has several keys {wanted!r}. {_listed(held)}",
            "Name one by its fingerprint in `signing.agent`.",
        )
    return Offer(found[0], f"agent key {found[0].comment}".rstrip())


def _listed(held: list[AgentKey]) -> str:
    if not held:
        return "There is no agent, or it is empty."
    return f"It has: {'; '.join(f'{fingerprint(key)} {key.comment}' for key in held)}."


def _unusable(what: str, next_step: str) -> ConfigError:
    return ConfigError(what, next_step=next_step)
