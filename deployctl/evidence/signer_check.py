"""Who signed a seal: each signature by OpenSSH, against the verifier's allowed signers."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from deployctl.evidence import sshsig
from deployctl.evidence.dsse import Envelope, Signature
from deployctl.evidence.policy import Policy
from deployctl.evidence.predicate import NAMESPACE
from deployctl.evidence.statement import Sealed

Told = tuple[str, Literal["proven", "not-proven", "failed"], str]
_VALIDITY = re.compile(r',?\bvalid-(?:after|before)="?[0-9]{8,14}Z?"?')


def check(sealed: Sealed, policy: Policy, sealed_at: datetime) -> Iterator[Told]:
    """The checks `signature` and `signer`. Raises NoOpenSSHError, OSError."""
    envelope = sealed.envelope
    if envelope is None or not envelope.signatures:
        why = sealed.predicate.get("unsignedBecause")
        told = f"it is not signed ({why})" if why else "it is not signed, though it names a signer"
        yield "signature", "failed", told
        return
    with tempfile.NamedTemporaryFile(prefix="deployctl.") as nobody:
        allowed = policy.allowed_signers or Path(nobody.name)
        found = _ask(envelope, allowed, sealed_at)
        faults = list(filter(None, [*_forms(sealed, envelope.signatures), *found.faults]))
        if faults:
            yield "signature", "failed", "; ".join(faults)
            return
        yield "signature", "proven", f"the signature holds ({envelope.signatures[0].keyid})"
        yield _signer(found, policy, f"{sealed_at:%FT%TZ}")


@dataclass
class _Found:
    """What OpenSSH says of all signatures."""

    principals: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def _ask(envelope: Envelope, allowed: Path, at: datetime) -> _Found:
    found = _Found()
    for each in envelope.signatures:
        said = sshsig.verify(envelope.pae, each.sig, NAMESPACE, allowed, at)
        if said.state == "good":
            found.principals.add(said.principal)
        elif said.state == "bad":
            found.faults.append(f"the signature by {each.keyid} does not hold: {said.detail}")
        elif _once(envelope.pae, each, allowed):
            found.outdated.append(each.keyid)
        else:
            found.unknown.append(each.keyid)
    return found


def _signer(found: _Found, policy: Policy, when: str) -> Told:
    signed = ", ".join(sorted(found.principals))
    unknown = ", ".join(found.unknown)
    if found.outdated:
        keys = ", ".join(found.outdated)
        return "signer", "failed", f"{keys} is not valid at {when}: expired, or not valid yet"
    if len(found.principals) >= policy.signers:
        return "signer", "proven", f"signed by {signed} at {when}"
    if signed:
        return "signer", "failed", f"signed only by {signed}; {policy.signers} are required"
    if policy.allowed_signers is None:
        told = f"who signed (no allowed signers were given to know {unknown})"
        return "signer", "not-proven", told
    return "signer", "not-proven", f"who signed ({unknown} is not among the allowed signers)"


def _forms(sealed: Sealed, signatures: Sequence[Signature]) -> Iterator[str]:
    """What is wrong with the signatures before anybody asks whose they are."""
    yield from map(_fault_of, signatures)
    keyids = [each.keyid for each in signatures]
    named = sealed.predicate.get("signer")
    if not isinstance(named, dict) or named.get("keyid") != keyids[0]:
        yield f"it was to be signed by another key than {keyids[0]}"
    if len(set(keyids)) != len(keyids):
        yield "a key has signed it twice"


def _fault_of(signature: Signature) -> str:
    try:
        claims = sshsig.read(signature.sig)
    except ValueError as error:
        return f"a signature can't be read: {error}"
    if claims.namespace != NAMESPACE:
        return f"it was signed as {claims.namespace!r}, not as {NAMESPACE!r}"
    if signature.keyid not in claims.keyids:
        return f"a signature is said to be by {signature.keyid}, and is by another key"
    return ""


def _once(message: bytes, signature: Signature, allowed: Path) -> bool:
    """Whether the key is listed, but for another time than when it signed."""
    text = allowed.read_text(encoding="utf-8", errors="replace")
    with tempfile.NamedTemporaryFile("w", prefix="deployctl.") as always:
        always.write(_VALIDITY.sub("", text))
        always.flush()
        found = sshsig.verify(message, signature.sig, NAMESPACE, Path(always.name))
    return found.state == "good"
