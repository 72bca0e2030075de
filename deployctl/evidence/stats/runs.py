"""The runs that directories of evidence hold, as far as their figures need them.

No signature is checked here: `deployctl verify` does that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from deployctl.evidence.seal import NAME
from deployctl.evidence.statement import read_seal

_LONGEST_MS = 366 * 24 * 3600 * 1000
PUT_BACK = frozenset({"rolled-back", "inconclusive", "rollback-failed"})
"""results of a hotfix whose change did not stay, if it came as far as the switch"""


@dataclass(frozen=True)
class Run:
    """One sealed run. Times are aware; what it did not come to is None."""

    run_id: str
    command: str
    target: str
    project: str
    """the Compose project; empty where the run ended before it was known"""
    result: str
    started_at: datetime
    ended_at: datetime
    sha: str | None = None
    release: str | None = None
    previous: str | None = None
    committed_at: datetime | None = None
    switched_at: datetime | None = None
    """when the switch began, if it did"""
    live_at: datetime | None = None
    """when what was switched to was confirmed"""
    put_back: bool = False
    """a rollback was carried out within the run"""
    put_back_proven: bool = False
    put_back_ms: int | None = None
    put_back_at: datetime | None = None
    outage_ms: int | None = None
    """None also where it may have lasted longer than was measured"""
    resolution_ms: int | None = None

    @property
    def went_live(self) -> bool:
        """A change is live and stayed: by its own run, or by `confirm` after it lost its client."""
        made = self.command == "hotfix" and self.switched_at is not None
        return self.result == "sealed" and (made or self.command == "confirm")

    @property
    def went_back(self) -> bool:
        """`deployctl rollback` made an earlier release the live one."""
        made = self.switched_at is not None or self.put_back
        return self.command == "rollback" and self.result == "sealed" and made

    @property
    def failed_change(self) -> bool:
        """A change came as far as the switch and did not stay there by its own run's judgement."""
        switched = self.put_back or self.result == "rollback-failed"
        return self.command == "hotfix" and self.result in PUT_BACK and switched

    @property
    def changed_at(self) -> datetime:
        return self.switched_at or self.started_at

    @property
    def good_at(self) -> datetime:
        return self.live_at or self.ended_at


@dataclass(frozen=True)
class Unread:
    path: Path
    reason: str


def read_runs(directories: Iterable[Path]) -> tuple[list[Run], list[Unread]]:
    """Every run with a seal below the directories, oldest first, and what could not be read.

    A run that lies in several of them counts once. Directories that are not there hold nothing.
    """
    runs: dict[str, tuple[Run, str]] = {}
    unread: list[Unread] = []
    for path in _seals(directories):
        try:
            sealed = read_seal(path)
            run = run_of(sealed.predicate)
        except OSError as error:
            unread.append(Unread(path, error.strerror or "it can't be read"))
        except ValueError as error:
            unread.append(Unread(path, _sentence(error)))
        else:
            known = runs.setdefault(run.run_id, (run, sealed.digest))
            if known[1] != sealed.digest:
                why = f"another seal of the run {run.run_id} was read before; they differ"
                unread.append(Unread(path, why))
    return sorted((run for run, _ in runs.values()), key=_by_time), unread


def run_of(predicate: Mapping[str, Any]) -> Run:
    """Raises ValueError for a predicate that tells of no run."""
    read = _Predicate.model_validate(predicate)
    result, decided = read.result, read.plan.document.decisions
    stages = {stage.name: stage for stage in result.stages if stage.state != "skipped"}
    swap, confirm, rollback = map(stages.get, ("swap", "confirm", "rollback"))
    probed = result.availability
    return Run(
        run_id=result.run_id,
        command=result.command,
        target=result.target,
        project=decided.project,
        result=result.result,
        started_at=result.started_at,
        ended_at=_after(result.started_at, result.duration_ms),
        sha=result.release.sha if result.release else None,
        release=result.release.number if result.release else None,
        previous=result.previous.number if result.previous else None,
        committed_at=read.plan.document.facts.committed_at,
        switched_at=swap.started_at if swap else None,
        live_at=confirm.ended_at if confirm else None,
        put_back=result.rollback.performed,
        put_back_proven=result.rollback.performed and result.rollback.state == "proven",
        put_back_ms=result.rollback.duration_ms,
        put_back_at=rollback.ended_at if rollback else None,
        outage_ms=probed.downtime_ms if probed and probed.whole else None,
        resolution_ms=probed.resolution_ms if probed else None,
    )


def _by_time(run: Run) -> tuple[datetime, str]:
    return run.started_at, run.run_id


def _seals(directories: Iterable[Path]) -> list[Path]:
    found = {path.absolute() for each in directories for path in each.rglob(NAME)}
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _sentence(error: ValueError) -> str:
    """Pydantic's are long, and may repeat what stands in the file."""
    found = getattr(error, "errors", None)
    if found is None:
        return str(error)
    where = ".".join(map(str, found()[0]["loc"]))
    return f"it tells of no run: {where}"


def _after(moment: datetime, milliseconds: int) -> datetime:
    try:
        return moment.astimezone(UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return moment


Milliseconds = Annotated[int, Field(ge=0, le=_LONGEST_MS)]


class _Model(BaseModel):
    """Takes what the figures need; a later version's seals may say more."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class _Stage(_Model):
    name: str
    state: str
    started_at: AwareDatetime
    duration_ms: Milliseconds

    @property
    def ended_at(self) -> datetime:
        return _after(self.started_at, self.duration_ms)


class _Release(_Model):
    number: str | None = None
    sha: str | None = None


class _Availability(_Model):
    downtime_ms: Milliseconds | None
    unknown: int = 0
    still_down: bool = False
    resolution_ms: Milliseconds

    @property
    def whole(self) -> bool:
        """All of the outage was measured."""
        return not (self.unknown or self.still_down)


class _Rollback(_Model):
    performed: bool = False
    state: str = "none"
    duration_ms: Milliseconds | None = None


class _Result(_Model):
    run_id: str
    command: str
    target: str
    result: str
    started_at: AwareDatetime
    duration_ms: Milliseconds
    release: _Release | None = None
    previous: _Release | None = None
    stages: tuple[_Stage, ...] = ()
    availability: _Availability | None = None
    rollback: _Rollback = _Rollback()


class _Decisions(_Model):
    project: str = ""


class _Facts(_Model):
    committed_at: AwareDatetime | None = None


class _Document(_Model):
    decisions: _Decisions = _Decisions()
    facts: _Facts = _Facts()


class _Plan(_Model):
    document: _Document = _Document()


class _Predicate(_Model):
    result: _Result
    plan: _Plan = _Plan()
