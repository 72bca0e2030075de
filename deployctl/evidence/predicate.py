"""What a seal says of a rollout: the predicate of its statement, typed.

Digests are `sha256:…`, but for artefacts, whose `sha256` is what `sha256sum` prints. People stand
in it by pseudonyms (people.py).
"""

from typing import Any

from pydantic import Field

from deployctl.result import Document

PREDICATE_TYPE = "urn:deployctl:rollout:1"
NAMESPACE = "seal@deployctl"
"""of the signature: one made for another purpose is none of a seal"""


class Tool(Document):
    name: str
    version: str


class SealedPlan(Document):
    digest: str
    """what an approval is bound to: of the plan's decisions"""
    document: dict[str, Any]
    redacted: bool
    """something of the document was a secret, and is not there"""


class Artefact(Document):
    name: str
    """its path in the run's directory"""
    sha256: str
    size_bytes: int
    media_type: str


class Erasable(Document):
    """A file with personal data, which may be removed without breaking anything."""

    name: str
    digest: str
    """of its bytes"""
    size_bytes: int


class Kept(Document):
    """An artefact that is pointed at."""

    name: str
    sha256: str


class Client(Document):
    """From where it was done."""

    host: str
    user: str
    system: str
    run: str | None = None
    """the CI job's address"""


class Signer(Document):
    """Its members say that the signature is written as deployctl writes it, with this key and, if
    it has one, this certificate: both ways are open where `certificate` isn't there at all."""

    keyid: str
    namespace: str
    certificate: str | None
    """the digest of the certificate that comes with the signature"""


class NamedDigest(Document):
    name: str
    digest: str


class Source(Document):
    commit: str
    digest: str
    """over the sorted (mode, path, content) of the tree"""
    build_digest: str


class ComposeFile(Document):
    path: str
    before_sha256: str
    """of the bytes on the host, as the plan has it"""
    after_sha256: str
    broken_sha256: str | None
    """of what lay there, where `before` is its reconstruction"""
    before: Kept | None
    after: Kept | None
    broken: Kept | None


class Compose(Document):
    files: tuple[ComposeFile, ...] = ()
    diff: str = ""


class Approval(Document):
    how: str
    by: str
    plan_digest: str | None


class JournalRef(Document):
    """Where the host's journal stood. The heads are digests of its lines."""

    id: str
    """which journal: the digest of its first line"""
    seq: int
    """the number of the last entry, whose digest `headAfter` is"""
    head_before: str
    """before the run's first entry"""
    head_after: str


class PreviousSeal(Document):
    digest: str


class GateEvidence(Document):
    """One look at a gate, with the raw answers that led to its verdict."""

    name: str
    service: str | None
    when: str
    state: str
    observed: str
    threshold: str
    responses: tuple[Kept, ...]


class Circumstances(Document):
    """What the seal gets to know beside plan, result and artefacts."""

    client: Client
    playbook: NamedDigest
    settings: Kept | None = None
    source: Source | None = None
    approval: Approval | None = None
    approvals: tuple[dict[str, Any], ...] = ()
    """envelopes in which people approved of the plan"""
    diff: str = ""
    journal: JournalRef | None = None
    previous_seal: PreviousSeal | None = None


class Predicate(Document):
    tool: Tool
    sealed_at: str
    plan: SealedPlan
    result: dict[str, Any]
    context: dict[str, Any]
    client: Client | None = None
    playbook: NamedDigest | None = None
    settings: Kept | None = None
    source: Source | None = None
    build_log: Kept | None = None
    compose: Compose = Field(default_factory=Compose)
    gates: tuple[GateEvidence, ...] = ()
    approval: Approval | None = None
    approvals: tuple[dict[str, Any], ...] = ()
    availability: Kept | None = None
    journal: JournalRef | None = None
    previous_seal: PreviousSeal | None = None
    signer: Signer | None = None
    unsigned_because: str | None = None
    artefacts: tuple[Artefact, ...] = ()
    erasable: tuple[Erasable, ...] = ()
    dropped: tuple[str, ...] = ()
    """artefacts that could not be cleaned of secrets, and were not kept"""
