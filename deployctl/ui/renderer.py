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
    """Puts `fallback` (or nothing) in the place of a renderer that fails.

    `report` hears of it; `lost` when nothing is left, unless the reader had closed the stream.

    A closed pipe (`| head`) or a bug in a display, between swap and gates, must not look like a
    failed rollout.
    """

    def __init__(
        self,
        renderer: Renderer,
        *,
        fallback: Renderer | None = None,
        report: Callable[[str], None] = lambda _: None,
        lost: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._renderer: Renderer | None = renderer
        self._fallback = fallback
        self._report = report
        self._lost = lost

    def __call__(self, event: Event) -> None:
        failed = self._attempt(lambda renderer: renderer(event))
        if failed and self._renderer is not None:
            self._attempt(lambda renderer: renderer(event))

    def close(self) -> None:
        self._attempt(lambda renderer: renderer.close())

    def suspended(self) -> AbstractContextManager[object]:
        return self._renderer.suspended() if self._renderer is not None else nullcontext()

    def _attempt(self, action: Callable[[Renderer], None]) -> bool:
        """True if the renderer failed and was replaced."""
        if self._renderer is None:
            return False
        try:
            action(self._renderer)
        except Exception as error:  # noqa: BLE001 - whatever it is, production comes first
            name = type(self._renderer).__name__
            self._renderer, self._fallback = self._fallback, None
            if not isinstance(error, BrokenPipeError):
                if self._renderer is None:
                    self._lost(error)
                self._report(f"{name} output failed ({error}); the run goes on.")
            return True
        return False
