"""Typed events: the one stream that terminal, JSON, journal, seal and report all read.

Stages emit events; readers subscribe. An event is a value: frozen, with an aware UTC time.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

StageState = Literal["passed", "failed", "skipped"]
Level = Literal["info", "warning", "error"]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Event:
    at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    run_id: str
    command: str
    target: str
    host: str
    operator: str


@dataclass(frozen=True, kw_only=True)
class StageStarted(Event):
    stage: str
    title: str


@dataclass(frozen=True, kw_only=True)
class StageEnded(Event):
    stage: str
    state: StageState
    duration_ms: int
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """Bytes done of a known total, for one stage."""

    stage: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, kw_only=True)
class LogLine(Event):
    """A line of raw output; `source` is `build`, `host`, `container` or a user step's name."""

    source: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Note(Event):
    """Something a person should read."""

    level: Level
    text: str


@dataclass(frozen=True, kw_only=True)
class PlanReady(Event):
    """The immutable plan, as its JSON document, and the diff of the compose file."""

    digest: str
    plan: dict[str, Any]
    diff: str


@dataclass(frozen=True, kw_only=True)
class Approved(Event):
    by: str
    how: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class GateAttempt(Event):
    """One look by one gate. `when` is `before`, `after` or `rollback`."""

    gate: str
    when: str
    attempt: int
    state: str
    observed: str
    threshold: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Switched(Event):
    """The new container was started; from here on a failure rolls back."""

    service: str
    container_id: str
    image_id: str


@dataclass(frozen=True, kw_only=True)
class AvailabilityTick(Event):
    """A running total of the availability probe, a few times a second at most."""

    probes: int
    failures: int
    downtime_ms: int
    unknown: int = 0


@dataclass(frozen=True, kw_only=True)
class RollbackStarted(Event):
    reason: str


@dataclass(frozen=True, kw_only=True)
class RollbackEnded(Event):
    state: str
    duration_ms: int
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """Last event of every run: the machine-readable result as its JSON document."""

    result: dict[str, Any]


Subscriber = Callable[[Event], None]


class Events:
    """Hands each event to every subscriber, one event at a time, whatever thread it came from."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._clean: Callable[[Event], Event] = lambda event: event
        self._lock = threading.RLock()

    def clean_by(self, clean: Callable[[Event], Event]) -> None:
        """Every event passes through `clean` from now on: what no reader may see goes here."""
        self._clean = clean

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        with self._lock:
            cleaned = self._clean(event)
            for subscriber in self._subscribers:
                subscriber(cleaned)
