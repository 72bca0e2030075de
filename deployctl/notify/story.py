"""What a run's end means to somebody who wasn't there. Pure: works on the result alone.

The result is the cleaned one: no secret is in it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from deployctl.config.notify import End
from deployctl.result import Release, Result, StageResult

Happened = Literal["deployed", "went-back", "put-back", "unknown", "nothing"]
"""What became of what serves. deployed: a new release serves and is proven. went-back: `deployctl
rollback` made an earlier one serve. put-back: after a switch, what was before serves again, proven.
unknown: a person is needed to say. nothing: no switch, or what was live already was checked."""

_REFUSED = frozenset(
    {"refused", "locked", "not-approved", "unreachable", "invalid", "usage", "planned"}
)


@dataclass(frozen=True)
class Where:
    """What the result doesn't name of the place."""

    project: str
    environment: str
    services: tuple[str, ...]


def end_of(result: Result) -> End:
    """Which of the ends that `on:` lists this is."""
    if result.result in {"sealed", "unchanged"}:
        return "success"
    if happened(result) == "put-back":
        return "rollback"
    if result.result == "interrupted" and happened(result) == "nothing":
        return "interrupted"
    return "refused" if result.result in _REFUSED else "failure"


def happened(result: Result) -> Happened:
    if result.result in {"sealed", "seal-failed"}:
        return _stayed(result)
    rollback = result.rollback
    if rollback.performed and rollback.state == "proven":
        return "put-back" if result.command == "hotfix" else "went-back"
    if result.result == "rollback-failed" or rollback.performed or rollback.state == "failed":
        return "unknown"
    return "nothing"


def _stayed(result: Result) -> Happened:
    if result.command == "rollback":
        return "went-back"
    swap = stage(result, "swap")
    switched = swap is not None and swap.state == "passed"
    return "deployed" if switched or result.command == "confirm" else "nothing"


def serving(result: Result) -> Release | None:
    """The release that serves after the run, where that is known."""
    match happened(result):
        case "deployed" | "went-back":
            return result.release
        case "put-back":
            return result.previous
        case "unknown":
            return None
        case _:
            return result.release if result.result == "unchanged" else result.previous


def stage(result: Result, name: str) -> StageResult | None:
    """The last one of that name."""
    return next((each for each in reversed(result.stages) if each.name == name), None)


def ended_at(result: Result) -> datetime:
    return result.started_at + timedelta(milliseconds=result.duration_ms)


def changed_at(result: Result) -> datetime:
    """When what serves was proven: the end of the confirmation, or of the rollback."""
    name = "rollback" if happened(result) == "put-back" else "confirm"
    found = stage(result, name) or stage(result, "rollback")
    return stage_end(found) if found else ended_at(result)


def switched_at(result: Result) -> datetime | None:
    """When the switch began, if one did and is told of."""
    swap = stage(result, "swap")
    if swap is None or swap.state == "skipped" or happened(result) == "nothing":
        return None
    return swap.started_at


def untouched(result: Result) -> bool:
    """No switch began, or the host says that it changed nothing."""
    swap = stage(result, "swap")
    began = swap is not None and swap.state != "skipped"
    return not began or result.rollback.duration_ms is not None


def stage_end(found: StageResult) -> datetime:
    return found.started_at + timedelta(milliseconds=found.duration_ms)


def named(release: Release | None) -> str:
    """`r7 (d73cfb1)`; `r0` where no commit is known; empty for none."""
    if release is None:
        return ""
    sha = f" ({release.sha[:7]})" if release.sha else ""
    return f"{release.number or release.image or 'a release'}{sha}"


def outage(result: Result) -> str:
    """`1.2 s ± 25 ms`, `at least …` of what may have lasted longer; empty where nothing was
    measured."""
    seen = result.availability
    if seen is None or seen.downtime_ms is None or switched_at(result) is None:
        return ""
    least = "at least " if seen.unknown or seen.still_down else ""
    told = f"{least}{_length(seen.downtime_ms)} ± {_length(seen.resolution_ms)}"
    return f"{told}, and not over when the measurement ended" if seen.still_down else told


def _length(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
