"""Which renderer a stream gets, and that none can end a run."""

from pathlib import Path

import pytest

from deployctl.events import Event, Note
from deployctl.ui.choose import choose
from deployctl.ui.plain import Plain
from deployctl.ui.renderer import Guarded, Renderer

from .conftest import Stream
from .story import story

NOTE = Note(level="info", text="x")


def people(stderr: Stream, **env: str) -> str:
    (guard,) = choose("text", stdout=Stream(), stderr=stderr, env=env)
    assert isinstance(guard, Guarded)
    kind = type(guard._renderer).__name__
    guard.close()
    return kind


def test_a_terminal_gets_the_live_view_and_everything_else_plain_lines() -> None:
    assert people(Stream(tty=True), TERM="xterm-256color") == "Terminal"
    assert people(Stream(tty=True), TERM="dumb") == "Plain"
    assert people(Stream(tty=True)) == "Plain"
    assert people(Stream(), TERM="xterm") == "Plain"
    assert people(Stream(), FORCE_COLOR="1", CI="true") == "Plain"
    assert people(Stream(tty=True), TERM="xterm", GITHUB_ACTIONS="true") == "GitHub"


def test_the_log_file_comes_beside_the_others(tmp_path: Path) -> None:
    renderers = choose(
        "ndjson", stdout=Stream(), stderr=Stream(), env={}, log_file=tmp_path / "log"
    )
    for renderer in renderers:
        renderer(NOTE)
        renderer.close()
    assert "x" in (tmp_path / "log").read_text()
    assert len(renderers) == 3


class Broken(Plain):
    def __init__(self, error: Exception) -> None:
        super().__init__(Stream())
        self._error = error
        self.calls = 0

    def __call__(self, _event: Event) -> None:
        self.calls += 1
        raise self._error


def test_a_display_that_breaks_is_replaced_and_loses_no_event() -> None:
    said: list[str] = []
    stream = Stream()
    broken = Broken(ValueError("bad cell"))
    guard: Renderer = Guarded(broken, fallback=Plain(stream), report=said.append)
    for _, event in story("sealed"):
        guard(event)
    guard.close()
    assert broken.calls == 1
    assert "SEALED" in stream.getvalue()
    assert "hotfix on production" in stream.getvalue()
    assert said == ["Broken output failed (bad cell); the run goes on."]


def test_a_reader_that_went_away_is_no_matter() -> None:
    said: list[str] = []
    guard = Guarded(Broken(BrokenPipeError()), report=said.append)
    guard(NOTE)
    guard(NOTE)
    guard.close()
    with guard.suspended():
        assert said == []


def test_an_interrupt_is_not_swallowed() -> None:
    class Interrupted(Plain):
        def __call__(self, _event: Event) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guarded(Interrupted(Stream()))(NOTE)
