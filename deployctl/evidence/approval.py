"""A person's signed word: on a plan, before it is carried out; on a seal, after the run.

Each is a DSSE envelope of its own around an in-toto statement, signed with the person's SSH key.
It says who claims to have signed. Who did, only an allowed signers file can say.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployctl.evidence import sshsig
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature, decode

NAMESPACE: Final = "approval@deployctl"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PLAN_TYPE: Final = "urn:deployctl:approval:1"
SEAL_TYPE: Final = "urn:deployctl:validation:1"
LARGEST_BYTES: Final = 256 * 1024
"""an approval has about two thousand"""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Named = Annotated[str, Field(min_length=1, max_length=500)]


class _Word(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OfPlan(_Word):
    """`planDigest` is what is approved: the plan's decisions. `fileDigest` is that of the file's
    bytes, so of all that the person was shown."""

    planDigest: Digest  # noqa: N815 - as it is written
    fileDigest: Digest  # noqa: N815
    target: Named
    by: Named
    at: Moment


class OfSeal(_Word):
    """`sealDigest` is that of the bytes of seal.json."""

    sealDigest: Digest  # noqa: N815 - as it is written
    target: Named
    runId: Named  # noqa: N815
    by: Named
    at: Moment
    statement: Literal["validated"] = "validated"


Word = OfPlan | OfSeal
_MODELS: Final[dict[str, type[OfPlan] | type[OfSeal]]] = {PLAN_TYPE: OfPlan, SEAL_TYPE: OfSeal}


@dataclass(frozen=True)
class Approval:
    """One envelope with one signature."""

    word: Word
    envelope: Envelope

    @property
    def fingerprint(self) -> str:
        """`SHA256:…` of the key that the signature names."""
        return self.envelope.signatures[0].keyid

    @property
    def data(self) -> bytes:
        return self.envelope.encode()

    @property
    def record(self) -> dict[str, str]:
        """What a seal tells of it. `digest` is that of the envelope's bytes."""
        return {
            "by": self.word.by,
            "fingerprint": self.fingerprint,
            "digest": digest(self.data),
            "at": self.word.at,
        }


def sign(word: Word, key: sshsig.Key) -> Approval:
    """Raises what the key raises: paramiko.SSHException, OSError where an agent has gone."""
    envelope = Envelope(IN_TOTO, _payload(word))
    signature = sshsig.sign(envelope.pae, NAMESPACE, key)
    return Approval(word, envelope.signed(Signature(sshsig.read(signature).keyid, signature)))


def read(data: bytes) -> Approval:
    """Raises ValueError, with a clause that begins with `it`, for anything that `sign` has not
    written. It checks the form, not the signature."""
    if len(data) > LARGEST_BYTES:
        raise ValueError(f"it has {len(data)} bytes, too many for an approval")
    envelope = decode(data)
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"it holds {envelope.payload_type[:80]!r}, not an approval")
    word = _word(envelope.payload)
    if len(envelope.signatures) != 1:
        raise ValueError(f"it has {len(envelope.signatures)} signatures; an approval has one")
    (only,) = envelope.signatures
    if sshsig.read(only.sig).keyid != only.keyid:
        raise ValueError("it names another key than the one that its signature is of")
    return Approval(word, envelope)


def check(approval: Approval, allowed_signers: Path, at: datetime | None = None) -> sshsig.Verified:
    """Who signed it, by the allowed signers; `at` is when the key had to be valid, by default now.

    A line of that file which names nobody (`*`) counts for nobody: people are counted by name.
    Raises NoOpenSSHError.
    """
    signature = approval.envelope.signatures[0].sig
    found = sshsig.verify(approval.envelope.pae, signature, NAMESPACE, allowed_signers, at)
    if found.state == "good" and not found.names_somebody:
        told = f"the allowed signers name nobody for this key, only {found.principal!r}"
        return sshsig.Verified("unknown", detail=told)
    return found


def file_name(fingerprint: str) -> str:
    """A key's fingerprint as part of a file's name: two people's files never have the same."""
    return fingerprint.removeprefix("SHA256:").replace("/", "_").replace("+", "-")


def _payload(word: Word) -> bytes:
    of_plan = isinstance(word, OfPlan)
    subject = word.planDigest if isinstance(word, OfPlan) else word.sealDigest
    return canonical_json(
        {
            "_type": STATEMENT,
            "subject": [
                {
                    "name": "plan" if of_plan else "seal.json",
                    "digest": {"sha256": subject.removeprefix("sha256:")},
                }
            ],
            "predicateType": PLAN_TYPE if of_plan else SEAL_TYPE,
            "predicate": word.model_dump(mode="json"),
        }
    )


def _word(payload: bytes) -> Word:
    try:
        statement: Any = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no approval: its statement is no JSON") from error
    kind = statement.get("predicateType") if isinstance(statement, Mapping) else None
    model = _MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise ValueError("it is no approval: its statement is of another type")
    try:
        word = model.model_validate(statement.get("predicate"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"it is no approval: {where}: {first['msg']}") from error
    if _payload(word) != payload:
        raise ValueError("its statement is not written as deployctl writes one")
    return word
