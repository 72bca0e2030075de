"""Which key signs this run's seal, and that there is one where the target requires it."""

import os
from functools import partial

from deployctl.errors import ConfigError, RefusedError
from deployctl.evidence import sshsig
from deployctl.evidence.predicate import NAMESPACE
from deployctl.evidence.seal import CannotSignError, SigningKey
from deployctl.host import seal_key
from deployctl.host.keys import Offer
from deployctl.rollout.session import Session


def signing_offer(session: Session) -> Offer | None:
    """The key of the settings, or the one that the host took. Raises ConfigError."""
    settings = session.settings.signing
    if settings.key_env is not None:
        return seal_key.from_text(os.environ.get(settings.key_env, ""), settings.key_env)
    if settings.key_file is not None:
        return seal_key.from_file(settings.key_file)
    if settings.agent is not None:
        return seal_key.from_agent(settings.agent)
    return session.link.host.identity if session.link is not None else None


def check_signing(session: Session) -> None:
    """Before anything is done: a run that must be signed and can't be is none.

    Raises ConfigError (78) for a key that can't be used, RefusedError (23) where there is none.
    """
    settings = session.settings.signing
    try:
        offer = signing_offer(session)
    except ConfigError as error:
        if settings.required:
            raise
        session.note("warning", f"The evidence will not be signed: {error.what}")
        return
    if offer is None and settings.required:
        raise RefusedError(
            f"The target {session.settings.target} requires signed evidence, and there is no key "
            "to sign with: the host asked for none to log in.",
            next_step="Name one in `signing:` (key_file, key_env or agent).",
        )


def key_for_seal(session: Session) -> SigningKey | CannotSignError:
    try:
        offer = signing_offer(session)
    except ConfigError as error:
        return CannotSignError(error.what.rstrip("."))
    if offer is None:
        return CannotSignError("no key let us in to the host, and `signing:` names none")
    key = offer.key
    return SigningKey(sshsig.fingerprint(key), partial(_sign, offer), sshsig.certificate(key))


def _sign(offer: Offer, message: bytes) -> bytes:
    """Whatever an agent or a token may say: a seal without a signature is better than none."""
    try:
        return sshsig.sign(message, NAMESPACE, offer.key)
    except Exception as error:
        told = str(error) or type(error).__name__
        raise CannotSignError(f"{offer.origin} did not sign: {told}") from error
