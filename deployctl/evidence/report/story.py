"""A run as its seal and the files beside it tell it: one value, from which both views are made.

Nothing else is asked: what isn't there is told as not there. A file that isn't byte for byte the
one that was sealed is named as such, and its content is not used.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployctl.evidence import names, seal
from deployctl.evidence.people import put_back
from deployctl.evidence.report import history, journal, series, validations
from deployctl.evidence.report.artefacts import Artefact, Artefacts
from deployctl.evidence.report.plan import Part, Plan
from deployctl.evidence.report.results import read_result
from deployctl.evidence.run_directory import safe_name
from deployctl.evidence.statement import Sealed, read_seal
from deployctl.result import GateResult, Result

CONFIRMED: Final = frozenset({"sealed", "seal-failed"})
"""results with which the new release stays"""
WHENS: Final = ("before", "after", "rollback")
_ANSWERS: Final = 16
"""of one gate at one time, at most"""
_GREATEST: Final = 2**53
"""beyond it a number is not the same to every reader of JSON"""


class SignedApproval(Part):
    """A person's signed word on the plan; nobody has checked it here."""

    by: str = ""
    fingerprint: str = ""


class CiReview(Part):
    """One person's word on a deployment, as the CI tells it."""

    state: str = ""
    by: str = ""
    environments: tuple[str, ...] = ()


class CiReviews(Part):
    reviews: tuple[CiReview, ...] = ()
    not_told: str = ""


class Context(Part):
    """Who and where."""

    asked: str = ""
    """what was typed, as far as it says what to do"""
    commit: str = ""
    """the SHA that this came to, where it came to one"""
    operator: str = ""
    host: str = ""
    approved_by: str = ""
    docker_version: str = ""
    compose_version: str = ""
    ci_reviews: CiReviews | None = None
    approvals: tuple[SignedApproval, ...] = ()


class Journal(Part):
    """Where the host's own journal stood."""

    seq: int = 0
    head_before: str = ""
    head_after: str = ""


class Previous(Part):
    digest: str = ""


class Asked(BaseModel):
    """Where a raw answer came from, and how."""

    model_config = ConfigDict(extra="ignore")

    asked: str = ""
    status: str = ""
    content_type: str = Field(alias="contentType", default="")
    kept: str = "all"
    size: int = Field(alias="sizeBytes", default=0)
    latency_ms: int = Field(alias="latencyMs", default=0)


@dataclass(frozen=True)
class Answer:
    """What was answered to a gate, as it was kept. `text` is None where that isn't to be had."""

    gate: str
    when: str
    artefact: str
    asked: Asked
    text: str | None


@dataclass(frozen=True, kw_only=True)
class Story:
    seal_path: Path
    seal_digest: str
    statement: bool
    """an in-toto statement in an envelope; else the plain form, without signatures"""
    keys: tuple[str, ...]
    """of the signatures, as the envelope calls them; nobody has checked them here"""
    tool: str
    sealed_at: str
    result: Result
    context: Context
    plan: Plan | None
    plan_digest: str
    plan_redacted: bool
    journal: journal.Journal
    series: series.Series | None
    answers: tuple[Answer, ...]
    diff: str
    artefacts: tuple[Artefact, ...]
    dropped: tuple[str, ...]
    unsigned_because: str
    host_journal: Journal | None
    previous_seal: Previous | None
    approvals: tuple[SignedApproval, ...]
    validations: tuple[validations.Validation, ...]
    """made after the seal, of which they are no part"""
    history: tuple[history.PastRun, ...]
    """the runs of this target on this host that this machine has evidence of, up to this one,
    newest first"""

    @property
    def started_at(self) -> datetime:
        return self.result.started_at

    @property
    def gates(self) -> tuple[str, ...]:
        """Every gate once, in order."""
        return tuple(dict.fromkeys(gate.name for gate in self.result.gates))

    @property
    def whens(self) -> tuple[str, ...]:
        """The times at which gates were asked."""
        return tuple(when for when in WHENS if any(g.when == when for g in self.result.gates))

    def gate(self, name: str, when: str) -> GateResult | None:
        found = (g for g in self.result.gates if g.name == name and g.when == when)
        return next(found, None)

    def threshold(self, name: str) -> str:
        return next((gate.threshold for gate in self.result.gates if gate.name == name), "")

    def answers_to(self, name: str, when: str | None = None) -> tuple[Answer, ...]:
        return tuple(a for a in self.answers if a.gate == name and when in (None, a.when))

    @property
    def swapped(self) -> bool:
        """A container was replaced, or the attempt was made."""
        stages = {stage.name for stage in self.result.stages if stage.state != "skipped"}
        return self.journal.switched is not None or "swap" in stages

    def seconds(self, moment: datetime) -> float:
        """Since the start of the run."""
        return (moment - self.started_at).total_seconds()


class _Predicate(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sealed_at: str = Field(alias="sealedAt", default="")
    tool: dict[str, Any] = Field(default_factory=dict)
    plan: dict[str, Any] = Field(default_factory=dict)
    result: dict[str, Any]
    context: Context = Context()
    artefacts: list[dict[str, Any]] = Field(default_factory=list)
    erasable: list[dict[str, Any]] = Field(default_factory=list)
    dropped: list[str] = Field(default_factory=list)
    unsigned_because: str | None = Field(alias="unsignedBecause", default=None)
    journal: Journal | None = None
    previous_seal: Previous | None = Field(alias="previousSeal", default=None)
    approvals: list[SignedApproval] = Field(default_factory=list)


def read_story(directory: Path) -> Story:
    """The story of the run whose evidence this directory is.

    Raises ValueError, with a sentence, where there is no seal in it that can be read.
    """
    path = directory / seal.NAME
    try:
        sealed = read_seal(path)
    except OSError as error:
        raise ValueError(f"{directory} has no seal to read ({error.strerror})") from error
    except ValueError as error:
        raise ValueError(f"{path} can't be read as a seal: {error}") from error
    try:
        return _story(directory, sealed)
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path} can't be read here: {where}: {first['msg']}") from error
    except OverflowError as error:
        raise ValueError(f"{path} has a time that no clock shows") from error


def _story(directory: Path, sealed: Sealed) -> Story:
    _require_numbers(sealed.predicate)
    named = names.read(directory, sealed.predicate)
    read = _Predicate.model_validate(put_back(sealed.predicate, named))
    artefacts = Artefacts(directory, read.artefacts, read.erasable)
    samples = series.read(artefacts.text("availability.json"))
    result = _with_its_end(read_result(read.result), samples)
    document = read.plan.get("document")
    return Story(
        seal_path=directory / seal.NAME,
        seal_digest=sealed.digest,
        statement=sealed.envelope is not None,
        keys=tuple(each.keyid for each in sealed.envelope.signatures) if sealed.envelope else (),
        tool=f"{read.tool.get('name', '')} {read.tool.get('version', '')}".strip(),
        sealed_at=read.sealed_at,
        result=result,
        context=read.context,
        plan=Plan.model_validate(document) if document else None,
        plan_digest=str(read.plan.get("digest") or "") if document else "",
        plan_redacted=bool(read.plan.get("redacted")),
        journal=journal.read(artefacts.text("events.ndjson"), named),
        series=samples,
        answers=tuple(_answers(result, artefacts)),
        diff=artefacts.text("compose.diff") or "",
        artefacts=artefacts.all,
        dropped=tuple(read.dropped),
        unsigned_because=read.unsigned_because or "",
        host_journal=read.journal,
        previous_seal=read.previous_seal,
        approvals=tuple(read.approvals) or read.context.approvals,
        validations=validations.read(directory, sealed.digest),
        history=history.read(directory),
    )


def _with_its_end(result: Result, samples: series.Series | None) -> Result:
    """An early result doesn't say whether its outage was over; its samples do."""
    seen = result.availability
    if seen is None or samples is None or not samples.still_down:
        return result
    still = seen.model_copy(update={"still_down": True})
    return result.model_copy(update={"availability": still})


def _require_numbers(value: Any) -> None:
    if isinstance(value, int | float) and not abs(value) <= _GREATEST:
        raise ValueError(f"the seal has a number that no reader of JSON keeps ({str(value)[:40]})")
    items = value.values() if isinstance(value, Mapping) else value
    if isinstance(items, list) or isinstance(value, Mapping):
        for item in items:
            _require_numbers(item)


def _answers(result: Result, artefacts: Artefacts) -> Iterator[Answer]:
    for gate in result.gates:
        for number in range(1, _ANSWERS + 1):
            name = f"gates/{safe_name(gate.name)}.{gate.when}.{number}"
            about = artefacts.text(f"{name}.json")
            if about is None and artefacts.get(f"{name}.txt") is None:
                break
            text = artefacts.text(f"{name}.txt")
            yield Answer(gate.name, gate.when, f"{name}.txt", _asked(about), text)


def _asked(text: str | None) -> Asked:
    try:
        return Asked.model_validate_json(text or "{}")
    except ValidationError:
        return Asked()
