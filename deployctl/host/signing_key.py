"""The key that a person signs with: the same keys that log in, in ssh's own order."""

from pathlib import Path

import paramiko

from deployctl.errors import ConfigError, UsageError
from deployctl.host.address import HostAddress
from deployctl.host.keys import Ask, Keyring, Offer, ask_nobody
from deployctl.host.ssh_config import Endpoint

_CERTIFICATE = "-cert.pub"
HOW = "Name one with --key FILE, or add one to the agent: ssh-add FILE"


def signing_key(file: Path | None, ask: Ask = ask_nobody) -> Offer:
    """`file`'s key; without one the agent's first, else the first of ~/.ssh that can be used.

    A certificate signs only where `FILE-cert.pub` itself is named, since allowed signers name most
    keys without one. `ask` gets the passphrase. Raises UsageError.
    """
    certified = file is not None and file.name.endswith(_CERTIFICATE)
    named = file.with_name(file.name.removesuffix(_CERTIFICATE)) if file and certified else file
    if named is not None:
        _require_readable(named)
    notes: list[str] = []
    try:
        for offer in Keyring(ask).offers(_endpoint(named), notes):
            if _has_certificate(offer) == certified:
                return offer
    except ConfigError as error:
        # It speaks of settings, and here are none.
        raise UsageError(error.what, next_step=HOW) from error
    if certified:
        raise UsageError(
            f"{file} is not a certificate of the key beside it.", next_step=f"ssh-keygen -Lf {file}"
        )
    raise UsageError("There is no key to sign with.", detail="\n".join(notes), next_step=HOW)


def _require_readable(file: Path) -> None:
    """A public key alone will do where the agent has its other half."""
    try:
        file.expanduser().read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The key {file} can't be read: {reason}.", next_step=HOW) from error


def _has_certificate(offer: Offer) -> bool:
    return offer.key.public_blob is not None or "-cert-v01@" in offer.key.get_name()


def _endpoint(file: Path | None) -> Endpoint:
    """Nothing is reached: only which keys to try is read from it."""
    return Endpoint(
        host="", port=0, user="", known_hosts=(), connect_timeout=0.0,
        asked=HostAddress(host=""), key_file=file,
    )  # fmt: skip


SIGNING_FAULTS = (paramiko.SSHException, OSError)
"""what a key may raise when it signs: an agent that has gone, or that said no"""
