"""What has happened in a run so far, as far as an error message must know it."""

from deployctl.events import Event, RunEnded, RunStarted, StageStarted, Switched

_CHANGING_STAGES = frozenset({"backup", "arm", "swap", "gate", "confirm"})


class Watcher:
    """A subscriber. `changing`: the run had begun to change the host. `ended`: it was told."""

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.target: str | None = None
        self.changing = False
        self.ended = False

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.run_id, self.target = event.run_id, event.target
            case RunEnded():
                self.ended = True
            case Switched():
                self.changing = True
            case StageStarted():
                self.changing = self.changing or event.stage in _CHANGING_STAGES
