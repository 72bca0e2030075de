"""The plan: request + what the host said, immutable, with a digest that an approval binds.

The digest covers decisions and identities, never timings, free bytes or observations
(`PlanFacts`). The image ID isn't known before the build and isn't in it.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from deployctl.evidence.canonical import canonical_json, digest
from deployctl.result import Document


class PlannedCommit(Document):
    sha: str
    short: str
    subject: str
    source_digest: str
    build_digest: str


class PlannedService(Document):
    name: str
    container_ids: tuple[str, ...]
    image_id: str | None
    image_ref: str | None
    config_hashes: tuple[str, ...]
    scale: int
    state: Literal["running", "stopped", "absent"]


class PlannedFile(Document):
    path: str
    before_sha256: str
    after_sha256: str


class PlannedRepair(Document):
    """A broken Compose file that is reconstructed; its `before` in the plan's files is that."""

    path: str
    broken_sha256: str
    source: str
    """what it was put together from"""


class PlannedGate(Document):
    name: str
    service: str
    mode: Literal["required", "advisory"]
    threshold: str


class PlannedRelease(Document):
    number: str
    sha: str | None
    image: str
    image_id: str | None


class Decisions(Document):
    """What is approved."""

    command: Literal["hotfix", "rollback"]
    target: str
    project: str
    strategy: str
    playbook: str
    playbook_digest: str
    commit: PlannedCommit | None
    image: str
    release: str
    previous: PlannedRelease | None
    services: tuple[PlannedService, ...]
    files: tuple[PlannedFile, ...]
    gates: tuple[PlannedGate, ...]
    min_healthy_ms: int
    deadline_ms: int
    swap: bool
    """False where the release is live already: gates run, nothing is swapped."""
    build: bool
    settings: dict[str, str] = Field(default_factory=dict)
    """section of the settings -> its digest: what was set otherwise is another plan"""
    advisory: dict[str, str] = Field(default_factory=dict)
    accept_drift: str | None = None
    repair: PlannedRepair | None = None
    guard: Literal["root-unit", "user-unit", "cron", "none"] = "none"
    """what on the host goes on with the run after a restart of the host"""

    @property
    def digest(self) -> str:
        return digest(canonical_json(self.model_dump(mode="json", by_alias=True)))


class ChangedFile(Document):
    status: str
    path: str


class PlannedLayer(Document):
    instruction: str
    cached: bool


class PlanFacts(Document):
    """What a person wants to know before saying yes, but what isn't part of the decision."""

    changed: tuple[ChangedFile, ...] | None
    """files that differ from the live commit; None where that commit isn't known here"""
    files: int
    archive_bytes: int
    layers: tuple[PlannedLayer, ...]
    before: tuple[str, ...]
    """what every gate says now"""
    rollback: str
    warnings: tuple[str, ...]
    compared: tuple[str, ...] = ()
    """what of a reconstructed file was compared with the containers, a line a service"""
    committed_at: datetime | None = None
    """when the commit was made, by its committer's clock"""


class Plan(Document):
    digest: str
    decisions: Decisions
    facts: PlanFacts
