"""What one run did, collected as it happens, to become its result."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from deployctl.events import Events, StageEnded, StageStarted, StageState, utc_now
from deployctl.result import (
    Availability,
    GateResult,
    Release,
    Rollback,
    ServiceResult,
    StageResult,
    Untouched,
)

TITLES = {
    "preflight": "Check the commit and the host",
    "capture": "Record what runs now",
    "approve": "Approve the plan",
    "ship": "Ship the source",
    "build": "Build the image on the host",
    "backup": "Keep what a rollback needs",
    "arm": "Arm the rollback",
    "swap": "Swap the container",
    "gate": "Prove the new container",
    "confirm": "Confirm",
    "rollback": "Put back what held before",
    "seal": "Write the evidence",
}


class Recorder:
    """Mutable on purpose: the one place where a run's facts grow."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.started_at: datetime = utc_now()
        self._clock = time.monotonic()
        self._took: int | None = None
        self.stages: list[StageResult] = []
        self.gates: list[GateResult] = []
        self.services: list[ServiceResult] = []
        self.untouched: list[Untouched] = []
        self.release: Release | None = None
        self.previous: Release | None = None
        self.shipped_bytes = 0
        self.plan_digest: str | None = None
        self.availability: Availability | None = None
        self.rollback = Rollback()
        self.current = ""
        """the stage that goes on"""

    @property
    def elapsed_ms(self) -> int:
        """Until now, or until it was stopped."""
        if self._took is not None:
            return self._took
        return int((time.monotonic() - self._clock) * 1000)

    def stop(self) -> None:
        """How long the run took is settled: the seal can't tell how long its own writing takes, and
        nobody else may tell another figure."""
        self._took = self.elapsed_ms

    @contextmanager
    def stage(self, name: str, title: str | None = None) -> Iterator["StageNote"]:
        """Times a stage; one that raises has failed."""
        note, self.current = StageNote(), name
        started_at, began = utc_now(), time.monotonic()
        self.events.emit(StageStarted(stage=name, title=title or TITLES.get(name, name)))
        state: StageState = "failed"
        try:
            yield note
            state = note.state
        finally:
            duration = int((time.monotonic() - began) * 1000)
            self.stages.append(
                StageResult(
                    name=name,
                    state=state,
                    started_at=started_at,
                    duration_ms=duration,
                    detail=note.detail,
                )
            )
            self.events.emit(
                StageEnded(stage=name, state=state, duration_ms=duration, detail=note.detail)
            )


class StageNote:
    """What a stage wants said of itself in one line."""

    def __init__(self) -> None:
        self.detail = ""
        self.state: StageState = "passed"

    def skip(self, why: str) -> None:
        self.state, self.detail = "skipped", why

    def fail(self, why: str) -> None:
        """It did not do its work, but what that means for the run is told in another way."""
        self.state, self.detail = "failed", why
