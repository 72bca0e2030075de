"""The plan, as far as a report tells of it. What is missing in an old or early one is empty."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """Keys that a later deployctl writes are passed over."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Commit(Part):
    sha: str = ""
    subject: str = ""
    source_digest: str = ""
    build_digest: str = ""


class File(Part):
    path: str = ""
    before_sha256: str = ""
    after_sha256: str = ""


class Repair(Part):
    path: str = ""
    broken_sha256: str = ""
    source: str = ""


class Gate(Part):
    name: str = ""
    service: str | None = None
    threshold: str = ""


class Decisions(Part):
    project: str = ""
    strategy: str = ""
    playbook: str = ""
    playbook_digest: str = ""
    commit: Commit | None = None
    image: str = ""
    release: str = ""
    files: tuple[File, ...] = ()
    gates: tuple[Gate, ...] = ()
    min_healthy_ms: int = 0
    deadline_ms: int = 0
    swap: bool = True
    build: bool = True
    advisory: dict[str, str] = Field(default_factory=dict)
    accept_drift: str | None = None
    repair: Repair | None = None
    guard: str = "none"


class Change(Part):
    status: str = ""
    path: str = ""


class Layer(Part):
    cached: bool = False


class Facts(Part):
    changed: tuple[Change, ...] | None = None
    files: int = 0
    archive_bytes: int = 0
    layers: tuple[Layer, ...] = ()
    rollback: str = ""
    warnings: tuple[str, ...] = ()


class Plan(Part):
    digest: str = ""
    decisions: Decisions = Decisions()
    facts: Facts = Facts()
