"""Everything that the stages of one run share."""

import secrets
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from deployctl.config.settings import Settings
from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job import Job
from deployctl.engines.compose.repair import Reconstruction
from deployctl.engines.compose.survey import Survey
from deployctl.engines.releases import ReleaseRecord
from deployctl.engines.retention import Inventory
from deployctl.errors import RefusedError
from deployctl.events import Events, Note, PlanReady
from deployctl.evidence.known_journal import NOTHING as NOTHING_KNOWN
from deployctl.evidence.known_journal import Known
from deployctl.evidence.marks import Marks
from deployctl.evidence.run_directory import RunDirectory
from deployctl.gates.availability import Availability
from deployctl.gates.base import AnyGate, Need, Observation
from deployctl.host.connection import Host
from deployctl.host.link import Link
from deployctl.result import GateResult
from deployctl.rollout.loss import Patience
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.plan_document import Plan
from deployctl.rollout.playbook import Playbook
from deployctl.rollout.recorder import Recorder
from deployctl.rollout.request import Approver, Options
from deployctl.rollout.steps import RunStep
from deployctl.source import Commit, Package

T = TypeVar("T")


@dataclass
class Session:
    """Grows stage by stage. What a stage needs from an earlier one it asks for by `need`."""

    command: Literal["hotfix", "rollback", "confirm"]
    settings: Settings
    options: Options
    playbook: Playbook
    events: Events
    approve: Approver
    recorder: Recorder
    evidence: RunDirectory
    run_id: str
    wanted: str | None
    """the revision of a hotfix, the release that a rollback, or the run that a confirmation was
    asked for"""
    scratch: tempfile.TemporaryDirectory[str]
    reaching: "Future[Link]"
    """the connection that `link` will be"""
    ending: str | None = None
    """the run that a rollback is to end, where it is about one"""
    dry: bool = False
    """only look and plan: nothing on the host is touched"""
    cancelled: threading.Event = field(default_factory=threading.Event)
    hurried: threading.Event = field(default_factory=threading.Event)
    """somebody asked to end while the run is brought to its end"""
    marks: Marks = field(default_factory=Marks)
    """of what is secret on the host"""

    commit: Commit | None = None
    package: Package | None = None
    build_digest: str = ""
    link: Link | None = None
    survey: Survey | None = None
    current: ReleaseRecord | None = None
    found: ReleaseRecord | None = None
    """what runs, where no record says what it is"""
    goal: ReleaseRecord | None = None
    """the record that will be live; its image IDs are known after the build"""
    images: dict[str, str] = field(default_factory=dict)
    """service -> the reference that will stand in the Compose file"""
    image_ids: dict[str, str] = field(default_factory=dict)
    """service -> the image ID that must run"""
    edits: tuple[Edit, ...] = ()
    repair: Reconstruction | None = None
    """what takes the place of a broken Compose file"""
    gates: tuple[AnyGate, ...] = ()
    before: tuple[GateResult, ...] = ()
    baseline: Mapping[str, Observation] = field(default_factory=dict)
    needs: Mapping[str, Need] = field(default_factory=dict)
    """required gate -> the time that its proof takes, where the baseline tells it"""
    plan: Plan | None = None
    ready: PlanReady | None = None
    """the plan as it is shown and approved"""
    approved_by: str = ""
    approvals: tuple[Mapping[str, str], ...] = ()
    """the signatures that the run was approved by"""
    approved_how: str = ""
    known_journal: Known = NOTHING_KNOWN
    """how far this machine knew the host's journal when the run began"""
    job: Job | None = None
    jobs: int = 0
    """how many the host was asked to start: another one where the one before gave up"""
    patience: Patience = field(default_factory=Patience)
    locked: "Future[None] | None" = None
    """the host's job is started, and holds the lock"""
    waited: bool = False
    """for another rollout, whose lock it was"""
    prepared: "Future[None] | None" = None
    """what a rollback needs is on the host"""
    fresh: "Future[Host] | None" = None
    """a second connection, made after the switch, over which the run is confirmed"""
    inventory: "Future[Inventory] | None" = None
    """what the host holds of earlier releases"""
    availability: Availability | None = None
    armed: bool = False
    """from here on what fails is rolled back"""
    switching: bool = False
    """the switch was ordered: the host may have begun it, whether or not we hear of it"""
    confirming: bool = False
    """the confirmation was sent: the host may have accepted it, whether or not we hear of it"""
    confirmed: bool = False
    """the release stays, whatever happens to the rest of the run"""
    outcome: Outcome | None = None
    """how the run ends, once that is known"""
    engine_restarted: bool = False
    """Docker was restarted on the host since the run was armed"""
    unsafe_step: str = ""
    """a step after arming that no rollback can undo, once it has begun"""
    undo_steps: list[RunStep] = field(default_factory=list)
    """steps that have begun and have a command that undoes them"""

    @property
    def hostlink(self) -> Link:
        return need(self.link, "a connection")

    @property
    def facts(self) -> Survey:
        return need(self.survey, "the survey")

    def clean(self, text: str) -> str:
        """Text without secrets, for what leaves this process in another way than by events."""
        return self.evidence.redactor.text(text)

    def note(self, level: Literal["info", "warning", "error"], text: str) -> None:
        self.events.emit(Note(level=level, text=text))


def need(value: T | None, what: str) -> T:
    if value is None:
        raise RefusedError(f"The playbook runs a stage before it has {what}.")
    return value


def new_run_id(command: str) -> str:
    """`20260103T073200Z-hotfix-1f2e3d`: sorts by time, unique, safe in a path."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{stamp}-{command}-{secrets.token_hex(3)}"


def scratch_directory() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="deployctl-", ignore_cleanup_errors=True)


def scratch_path(session: Session) -> Path:
    return Path(session.scratch.name)
