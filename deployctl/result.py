"""The machine-readable result: one document a run, camelCase, versioned.

Times are RFC 3339 in UTC, durations milliseconds (`…Ms`), sizes bytes (`…Bytes`). The JSON Schema
that ships with the package is generated from these models.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

SCHEMA_VERSION = 1


class Document(BaseModel):
    """Base of everything that is written as JSON for others to read."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        defer_build=True,  # a command uses a few of them
    )


class Release(Document):
    number: str | None = None
    sha: str | None = None
    image: str | None = None
    image_id: str | None = None
    source_digest: str | None = None


class StageResult(Document):
    name: str
    state: Literal["passed", "failed", "skipped"]
    started_at: datetime
    duration_ms: int
    detail: str = ""


class GateResult(Document):
    name: str
    service: str | None = None
    when: Literal["before", "after", "rollback"]
    state: Literal["pass", "fail", "inconclusive", "error"]
    mode: Literal["required", "advisory"] = "required"
    observed: str
    threshold: str
    attempts: int
    reason: str


class Untouched(Document):
    service: str
    container_id: str
    same: bool
    """the same container; not started anew either, but for a restart of Docker or of the host"""
    restarted: bool = False
    """it was started again since it was looked at before the switch"""


class ServiceResult(Document):
    name: str
    container_id: str | None = None
    image_id: str | None = None


class Availability(Document):
    """What the probe saw. `None` for a run without an endpoint to probe."""

    probes: int
    failures: int
    unknown: int
    """probes that say nothing of the service: no way to it could be had"""
    unknown_ms: int = 0
    """for how long nothing is known; `downtime_ms` is of the rest"""
    downtime_ms: int | None
    """None where no probe could tell"""
    still_down: bool = False
    """the last probe that could tell was not served: it was down for that long until then"""
    resolution_ms: int


class Rollback(Document):
    performed: bool = False
    state: Literal["none", "proven", "failed", "unproven"] = "none"
    duration_ms: int | None = None
    reason: str = ""


class SealRef(Document):
    path: str
    digest: str


class Result(Document):
    schema_version: int = SCHEMA_VERSION
    command: str
    result: Literal[
        "sealed",
        "unchanged",
        "planned",
        "untouched",
        "rolled-back",
        "rollback-failed",
        "refused",
        "inconclusive",
        "unreachable",
        "seal-failed",
        "locked",
        "not-approved",
        "invalid",
        "interrupted",
        "usage",
        "bug",
    ]
    exit_code: int
    reason: str
    production: str = ""
    next_step: str = ""
    run_id: str | None = None
    target: str | None = None
    started_at: datetime
    duration_ms: int
    """until its evidence was written, so that the seal says the same"""
    release: Release | None = None
    previous: Release | None = None
    services: list[ServiceResult] = Field(default_factory=list)
    stages: list[StageResult] = Field(default_factory=list)
    gates: list[GateResult] = Field(default_factory=list)
    untouched: list[Untouched] = Field(default_factory=list)
    shipped_bytes: int = 0
    plan_digest: str | None = None
    availability: Availability | None = None
    rollback: Rollback = Field(default_factory=Rollback)
    seal: SealRef | None = None
