"""Runs to compute figures from, each a few days after the last."""

from datetime import UTC, datetime, timedelta
from typing import Any

from deployctl.evidence.stats.runs import Run

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(days: float = 0, minutes: float = 0) -> datetime:
    return START + timedelta(days=days, minutes=minutes)


def run(result: str, day: float, **values: Any) -> Run:
    """A hotfix by default, of ten minutes: the switch after five, live after eight."""
    made: dict[str, Any] = {
        "run_id": f"{day}",
        "command": "hotfix",
        "target": "production",
        "project": "shop",
        "result": result,
        "started_at": at(day),
        "ended_at": at(day, 10),
    }
    if result in {"sealed", "rolled-back", "inconclusive", "rollback-failed"}:
        made["switched_at"] = at(day, 5)
    if result == "sealed":
        made["live_at"] = at(day, 8)
    if result in {"rolled-back", "inconclusive"}:
        made |= {"put_back": True, "put_back_proven": True, "put_back_ms": 4000}
        made["put_back_at"] = at(day, 7)
    return Run(**{**made, **values})


def back(day: float, left: str, **values: Any) -> Run:
    """`deployctl rollback` that left a release."""
    return run("sealed", day, command="rollback", previous=left, **values)
