"""Which events say something new to a reader of plain lines."""

from deployctl.events import AvailabilityTick, Event, GateAttempt, Progress

_STEP_PERCENT = 10


class News:
    """True for events worth a line: a gate's change of mind, tenths of an upload, the first outage.

    A gate that is asked four times a second for two minutes would otherwise bury its own answer.
    """

    def __init__(self) -> None:
        self._gates: dict[tuple[str, str], tuple[str, str]] = {}
        self._progress: dict[str, int] = {}
        self._failures = 0

    def __call__(self, event: Event) -> bool:
        if isinstance(event, GateAttempt):
            return self._gate(event)
        if isinstance(event, Progress):
            return self._step(event)
        if isinstance(event, AvailabilityTick):
            first = self._failures == 0 and event.failures > 0
            self._failures = event.failures
            return first
        return True

    def _gate(self, event: GateAttempt) -> bool:
        said = (event.state, event.reason)
        key = (event.gate, event.when)
        changed = self._gates.get(key) != said
        self._gates[key] = said
        return changed

    def _step(self, event: Progress) -> bool:
        step = 100 * event.done_bytes // max(event.total_bytes, 1) // _STEP_PERCENT
        known = self._progress.get(event.stage)
        self._progress[event.stage] = step
        return known is None or step != known
