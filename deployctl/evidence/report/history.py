"""The runs of one target of which this machine has evidence, as their own seals tell them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from deployctl.evidence import seal
from deployctl.evidence.names import with_names
from deployctl.evidence.report.results import read_result
from deployctl.evidence.statement import read_seal
from deployctl.result import Result

LENGTH: Final = 12
_LOOKED_AT: Final = 60
"""directories at most: some have no seal, or are another host's"""


@dataclass(frozen=True)
class PastRun:
    run_id: str
    this: bool
    result: Result
    host: str
    digest: str

    @property
    def started_at(self) -> datetime:
        return self.result.started_at


def read(directory: Path, target: str) -> tuple[PastRun, ...]:
    """Up to and including the run of this directory, newest first. IDs of runs sort by time.

    What can't be read, or is of another target, is left out: it is no part of this run's seal.
    """
    place = directory.absolute()
    try:
        names = sorted((each.name for each in place.parent.iterdir()), reverse=True)
    except OSError:
        names = [place.name]
    found: list[PastRun] = []
    for name in [each for each in names if each <= place.name][:_LOOKED_AT]:
        past = _past(place.parent / name, this=name == place.name)
        if past is not None and past.result.target == (target or None):
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
        result, context = read_result(shown.get("result")), shown.get("context")
    except (OSError, ValueError, OverflowError):
        return None
    host = context.get("host", "") if isinstance(context, dict) else ""
    return PastRun(directory.name, this, result, str(host), sealed.digest)
