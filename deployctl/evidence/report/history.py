"""The runs of one target on one host of which this machine has evidence, as their own seals tell
them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from deployctl.evidence import seal
from deployctl.evidence.names import with_names
from deployctl.evidence.people import same_host
from deployctl.evidence.report.results import read_result
from deployctl.evidence.statement import read_seal
from deployctl.result import Result

LENGTH: Final = 12
_PROJECT: Final = ("plan", "document", "decisions", "project")
_LOOKED_AT: Final = 60
"""directories at most: some have no seal, or are another host's"""


@dataclass(frozen=True)
class PastRun:
    run_id: str
    this: bool
    result: Result
    host: str
    project: str

    @property
    def started_at(self) -> datetime:
        return self.result.started_at

    def may_be_with(self, other: "PastRun") -> bool:
        """It is of the same target on the same host, and of no other project. A run that ended
        early doesn't know its project."""
        return (
            self.result.target == other.result.target
            and _same_place(self.host, other.host)
            and (not (self.project and other.project) or self.project == other.project)
        )


def read(directory: Path) -> tuple[PastRun, ...]:
    """Up to and including the run of this directory, newest first. IDs of runs sort by time.

    What can't be read, or is another's (two hosts' runs may lie under one target's name), is left
    out: it is no part of this run's seal.
    """
    place = directory.absolute()
    this = _past(place, this=True)
    if this is None:
        return ()
    try:
        names = sorted((each.name for each in place.parent.iterdir()), reverse=True)
    except OSError:
        names = []
    found = [this]
    for name in [each for each in names if each < place.name][:_LOOKED_AT]:
        past = _past(place.parent / name, this=False)
        if past is not None and past.may_be_with(this):
            found.append(past)
        if len(found) == LENGTH:
            break
    return tuple(found)


def _past(directory: Path, *, this: bool) -> PastRun | None:
    if directory.is_symlink():
        return None
    try:
        sealed = read_seal(directory / seal.NAME)
        shown = with_names(directory, sealed.predicate)
        result = read_result(shown.get("result"))
    except (OSError, ValueError, OverflowError):
        return None
    host, project = _text(shown, "context", "host"), _text(shown, *_PROJECT)
    return PastRun(directory.name, this, result, host, project)


def _same_place(one: str, other: str) -> bool:
    """Either's user may be a pseudonym; a run that never reached its host knows its name alone."""
    return (
        same_host(one, other)
        or same_host(other, one)
        or one == _name_in(other)
        or other == _name_in(one)
    )


def _name_in(label: str) -> str:
    """Of `user@host:port`; empty of anything else."""
    _, at, place = label.rpartition("@")
    return place.rpartition(":")[0].strip("[]") if at else ""


def _text(document: Any, *names: str) -> str:
    """The text under those names; empty where there is none."""
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if isinstance(document, str) else ""
