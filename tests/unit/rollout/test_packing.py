"""A large tree takes minutes to pack: the run tells how far it is."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.events import Event, Events, Progress
from deployctl.rollout import checks


def test_it_is_told_how_far_the_packing_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told_twice = threading.Event()
    seen: list[Event] = []

    def pack(_: Any, __: Any, ___: Any, progress: Callable[[int, int], None]) -> str:
        progress(7, 10)
        assert told_twice.wait(30)
        return "a package"

    def subscriber(event: Event) -> None:
        seen.append(event)
        if len(seen) == 2:
            told_twice.set()

    events = Events()
    events.subscribe(subscriber)
    monkeypatch.setattr("deployctl.source.pack", pack)
    monkeypatch.setattr(checks, "PACKING_TOLD", 0.01)
    session: Any = SimpleNamespace(settings=SimpleNamespace(source=None), scratch=tmp_path)
    monkeypatch.setattr(checks, "scratch_path", lambda _: tmp_path)
    commit: Any = None
    assert checks._Packing(session, commit).result(events) == "a package"
    for event in seen:
        assert isinstance(event, Progress)
        assert (event.stage, event.done_bytes, event.total_bytes) == ("preflight", 7, 10)
