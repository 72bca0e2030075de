"""A plan as a file: what is approved, and the request that makes it again.

`plan --out` writes it, `approve` shows and signs it, `hotfix --plan` carries out exactly it. It is
canonical JSON, so that the same plan file has one form, and its digest is that of its bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

import deployctl
from deployctl.config.fields import TARGET_NAME
from deployctl.errors import RefusedError, UsageError
from deployctl.events import PlanReady, utc_now
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.clean_events import cleaned
from deployctl.evidence.event_json import rfc3339
from deployctl.evidence.redact import Redactor
from deployctl.evidence.run_directory import write_private_file
from deployctl.result import Document
from deployctl.rollout.plan_document import Plan
from deployctl.rollout.request import Options

TYPE: Final = "deployctl.plan"
LARGEST_BYTES: Final = 16 * 1024 * 1024
DRAW_UP: Final = "deployctl plan --sha SHA --out plan.json"


class NotAPlanError(ValueError):
    """It is something else altogether, perhaps a seal."""


class PlanRequest(Document):
    """What was asked for, complete enough to ask for it again."""

    command: Literal["hotfix", "rollback"]
    sha: str | None = None
    """the commit of a hotfix, in full"""
    release: str | None = None
    """where a rollback goes, as its number"""
    rebuild: bool = False
    repair: bool = False
    advisory: dict[str, str] = Field(default_factory=dict)
    accept_drift: str | None = None
    playbook: str | None = None
    """the file that --playbook named; None: the one that deployctl brings"""


class Tool(Document):
    name: str = "deployctl"
    version: str = deployctl.__version__


class PlanFile(Document):
    """`plan` is without secrets, as everybody was shown it; `digest` is that of its decisions."""

    schema_version: Literal[1] = 1
    type: Literal["deployctl.plan"] = "deployctl.plan"
    tool: Tool = Field(default_factory=Tool)
    at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
    target: Annotated[str, Field(pattern=f"^{TARGET_NAME}$")]
    request: PlanRequest
    plan: Plan
    diff: str
    """of the Compose file"""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        decided, asked = self.plan.decisions, self.request
        if self.plan.digest != decided.digest:
            raise ValueError("its digest is not that of its decisions")
        commit = decided.commit.sha if decided.commit else None
        release = decided.release if decided.command == "rollback" else None
        of_plan = (decided.command, decided.target, commit, release)
        if of_plan != (asked.command, self.target, asked.sha, asked.release):
            raise ValueError("its request is for something else than its plan")
        if (decided.advisory, decided.accept_drift) != (asked.advisory, asked.accept_drift):
            raise ValueError("its request makes other exceptions than its plan")
        return self


@dataclass(frozen=True)
class Given:
    """A plan file as it was read."""

    path: Path
    data: bytes
    file: PlanFile

    @property
    def digest(self) -> str:
        """That of the file's bytes, so of all that can be shown of it."""
        return digest(self.data)

    @property
    def name(self) -> str:
        """How people tell plans apart: the first digits of the digest."""
        return self.file.plan.digest.removeprefix("sha256:")[:12]


def made(
    ready: PlanReady, plan: Plan, options: Options, playbook: str | None, redactor: Redactor
) -> PlanFile:
    """RefusedError where what is decided can't be shown without a secret."""
    shown = cleaned(redactor, ready.plan)
    if shown["decisions"] != ready.plan["decisions"]:
        raise RefusedError(
            "The plan can't be written to a file: what it decides has a secret in it.",
            next_step="Take the secret out of settings, playbook and --reason, and hand it over by "
            "a variable; or name what is no secret under `public:`.",
        )
    decided = plan.decisions
    return PlanFile(
        at=rfc3339(utc_now()),
        target=decided.target,
        request=PlanRequest(
            command=decided.command,
            sha=decided.commit.sha if decided.commit else None,
            release=decided.release if decided.command == "rollback" else None,
            rebuild=options.rebuild,
            repair=options.repair or decided.repair is not None,
            advisory=dict(options.advisory),
            accept_drift=options.accept_drift,
            playbook=playbook,
        ),
        plan=Plan.model_validate(shown),
        diff=redactor.text(ready.diff),
    )


def encode(file: PlanFile) -> bytes:
    return canonical_json(file.model_dump(mode="json", by_alias=True)) + b"\n"


def decode(data: bytes) -> PlanFile:
    """Raises ValueError, with a clause that begins with `it`, for anything but `encode`'s form, and
    NotAPlanError for what does not even say that it is a plan."""
    if len(data) > LARGEST_BYTES:
        raise ValueError(f"it has more than {LARGEST_BYTES} bytes")
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotAPlanError("it is no plan of deployctl's: it is no JSON") from error
    if not (isinstance(document, dict) and document.get("type") == TYPE):
        raise NotAPlanError("it is no plan of deployctl's")
    try:
        file = PlanFile.model_validate(document)
        same = encode(file) == data
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        told = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"it is no sound plan: {where}{': ' if where else ''}{told}") from error
    if not same:
        raise ValueError("it is not byte for byte as deployctl wrote it")
    return file


def read(path: Path) -> Given:
    """Raises UsageError."""
    data = bytes_of(path)
    try:
        return Given(path, data, decode(data))
    except ValueError as error:
        raise UsageError(
            f"{path} can't be used as a plan: {error}.", next_step=f"Make a new one: {DRAW_UP}"
        ) from error


def bytes_of(path: Path) -> bytes:
    """No more than it takes to see that it is too large. Raises UsageError."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path} can't be read: {reason}.", next_step="Check the path.") from error


def require_replaceable(path: Path) -> None:
    """Raises UsageError where something is there that is no plan of ours."""
    if (path.exists() or path.is_symlink()) and not _is_plan(path):
        raise UsageError(
            f"{path} is there already, and it is not a plan that may be replaced.",
            next_step="Name another file with --out.",
        )


def _is_plan(path: Path) -> bool:
    """Also one of another version, or one that somebody changed."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        document: Any = json.loads(bytes_of(path))
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("type") == TYPE


def write(path: Path, file: PlanFile) -> None:
    """As a whole or not at all, for its owner only (0600). Raises UsageError."""
    require_replaceable(path)
    try:
        write_private_file(path, encode(file))
    except OSError as error:
        raise UsageError(
            f"The plan can't be written to {path}: {error.strerror}.",
            next_step="Name another file with --out.",
        ) from error
