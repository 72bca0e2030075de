"""Who signed a seal: each signature by OpenSSH, against the verifier's allowed signers."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from deployctl.evidence import plain_file, sshsig
from deployctl.evidence.allowed_signers import LARGEST_BYTES
from deployctl.evidence.checked import Check
from deployctl.evidence.dsse import Envelope, Signature
from deployctl.evidence.policy import MOST_SIGNATURES, Policy
from deployctl.evidence.predicate import NAMESPACE
from deployctl.evidence.quoted import quoted
from deployctl.evidence.statement import Sealed

_VALIDITY = re.compile(r',?\bvalid-(?:after|before)="?[0-9]{8,14}Z?"?', re.IGNORECASE)


def check(sealed: Sealed, policy: Policy, sealed_at: datetime) -> Iterator[Check]:
    """The checks `signature` and `signer`. Raises NoOpenSSHError, OSError."""
    envelope = sealed.envelope
    if envelope is None or not envelope.signatures:
        why = sealed.predicate.get("unsignedBecause")
        told = f"; it says: {quoted(why)}" if why else ", though it names a signer"
        yield Check("signature", "failed", f"it is not signed{told}")
        return
    faults = list(_forms(sealed, envelope.signatures))
    if faults:
        yield Check("signature", "failed", "; ".join(faults))
        return
    with tempfile.NamedTemporaryFile(prefix="deployctl.") as nobody:
        found = _ask(envelope, policy.allowed_signers or Path(nobody.name), sealed_at)
    if found.faults:
        yield Check("signature", "failed", "; ".join(found.faults))
        return
    keys = ", ".join(each.keyid for each in envelope.signatures)
    yield Check("signature", "proven", f"the signature holds ({keys})")
    yield _signer(found, policy, f"{sealed_at:%FT%TZ}")


@dataclass
class _Found:
    """What OpenSSH says of all signatures."""

    people: dict[str, str] = field(default_factory=dict)
    """by their names in small letters: nobody is two people by writing it otherwise"""
    nameless: list[str] = field(default_factory=list)
    """keys that are allowed to whoever fits a pattern"""
    unknown: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def _ask(envelope: Envelope, allowed: Path, at: datetime) -> _Found:
    found = _Found()
    for each in envelope.signatures:
        said = sshsig.verify(envelope.pae, each.sig, NAMESPACE, allowed, at)
        if said.state == "bad":
            why = said.detail.replace(str(allowed), "allowed signers")
            found.faults.append(f"the signature by {each.keyid} does not hold: {why}")
        elif not _in_time(each, at):
            found.outdated.append(f"the certificate of {each.keyid}")
        elif said.state == "good" and said.names_somebody:
            found.people.setdefault(said.principal.casefold(), said.principal)
        elif said.state == "good":
            found.nameless.append(f"{each.keyid} as {quoted(said.principal)}, which is no name")
        elif _once(envelope.pae, each, allowed):
            found.outdated.append(each.keyid)
        else:
            found.unknown.append(each.keyid)
    return found


def _signer(found: _Found, policy: Policy, when: str) -> Check:
    signed = ", ".join(map(quoted, sorted(found.people.values())))
    unknown = ", ".join(found.unknown)
    if found.outdated:
        keys = ", ".join(found.outdated)
        return Check(
            "signer", "failed", f"{keys} is not valid at {when}: expired, or not valid yet"
        )
    if unknown and (signed or found.nameless):
        told = f"{unknown} has signed it, too, and is not among the allowed signers"
        return Check("signer", "failed", told)
    if len(found.people) >= policy.signers:
        return Check(
            "signer", "proven", f"signed by {signed} at {when}", brief=f"signed by {signed}"
        )
    if signed or found.nameless:
        by = signed or "nobody who has a name"
        names = f" (the allowed signers list {', '.join(found.nameless)})" if found.nameless else ""
        required = "1 is" if policy.signers == 1 else f"{policy.signers} are"
        return Check("signer", "failed", f"signed only by {by}{names}; {required} required")
    if policy.allowed_signers is None:
        why = f"no allowed signers were given to know {unknown}"
    else:
        why = f"{unknown} is not among the allowed signers"
    return Check("signer", "not-proven", f"who signed ({why})", brief="who signed")


def _in_time(signature: Signature, at: datetime) -> bool:
    valid = sshsig.read(signature.sig).valid
    return valid is None or valid[0] <= at.timestamp() < valid[1]


def _once(message: bytes, signature: Signature, allowed: Path) -> bool:
    """Whether the key is listed, but for another time than when it signed."""
    text = plain_file.read(allowed, LARGEST_BYTES).decode("utf-8", "surrogateescape")
    with tempfile.NamedTemporaryFile(prefix="deployctl.") as always:
        always.write(_VALIDITY.sub("", text).encode("utf-8", "surrogateescape"))
        always.flush()
        found = sshsig.verify(message, signature.sig, NAMESPACE, Path(always.name))
    return found.state == "good"


# -- their form, before anybody asks whose they are --------------------------------------------


def _forms(sealed: Sealed, signatures: Sequence[Signature]) -> Iterator[str]:
    if len(signatures) > MOST_SIGNATURES:
        yield f"it has {len(signatures)} signatures; no seal has more than {MOST_SIGNATURES}"
        return
    claims = []
    for each in signatures:
        try:
            claims.append(sshsig.read(each.sig))
        except ValueError as error:
            yield f"a signature can't be read: {error}"
            return
    for each, said in zip(signatures, claims, strict=True):
        if said.namespace != NAMESPACE:
            yield f"it was signed as {quoted(said.namespace)}, not as {NAMESPACE}"
        if each.keyid not in said.keyids:
            yield f"a signature is said to be by {quoted(each.keyid)}, and is by another key"
    if len({said.keyid for said in claims}) != len(claims):
        yield "a key has signed it twice"
    yield from _other_than_named(sealed.predicate.get("signer"), signatures[0].keyid, claims[0])


def _other_than_named(named: object, keyid: str, said: sshsig.Claims) -> Iterator[str]:
    """The statement says by what it is signed, so that nobody can put another in its place."""
    if not isinstance(named, Mapping) or named.get("keyid") != keyid:
        yield f"it was to be signed by another key than {quoted(keyid)}"
    elif named.get("namespace") != NAMESPACE:
        yield f"it was to be signed as {quoted(named.get('namespace'))}"
    elif "certificate" not in named:
        return  # of before it did
    elif named["certificate"] != said.certificate:
        yield f"the certificate of {keyid} is not the one that it was signed with"
    elif not said.lower:
        yield f"the signature by {keyid} was written anew"
