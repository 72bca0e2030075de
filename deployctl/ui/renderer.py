"""What every renderer is, and the guard that keeps a broken display from ending a rollout."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from deployctl.events import Event


class Renderer(Protocol):
    """A reader of the event stream. `close` puts the terminal back; it may be called twice."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None: ...

    def suspended(self) -> AbstractContextManager[object]:
        """Keeps the display still, so that a person can be asked something."""
        return nullcontext()


class Guarded:
    """Detaches a renderer that fails, for a reader that went away or a bug in a display.

    A closed pipe (`| head`) between swap and gates must not look like a failed rollout.
    """

    def __init__(self, renderer: Renderer, report: Callable[[str], None]) -> None:
        self._renderer = renderer
        self._report = report
        self.failed: Exception | None = None

    def __call__(self, event: Event) -> None:
        self._attempt(lambda: self._renderer(event))

    def close(self) -> None:
        self._attempt(self._renderer.close)

    def suspended(self) -> AbstractContextManager[object]:
        return nullcontext() if self.failed else self._renderer.suspended()

    def _attempt(self, action: Callable[[], None]) -> None:
        if self.failed is not None:
            return
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, production comes first
            self.failed = error
            if not isinstance(error, BrokenPipeError):
                name = type(self._renderer).__name__.lower()
                self._report(f"The {name} display failed ({error}); the run goes on without it.")
