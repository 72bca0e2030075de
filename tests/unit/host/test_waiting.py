"""A long wait says what it waits for."""

import threading
import time

import pytest

from deployctl.host import waiting


def test_it_speaks_now_and_then_and_not_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PACE", 0.01)
    said: list[float] = []
    twice = threading.Event()

    def say(gone: float) -> None:
        said.append(gone)
        if len(said) > 1:
            twice.set()

    with waiting.reminded(say):
        assert twice.wait(10)
    seen = len(said)
    time.sleep(0.05)
    assert len(said) == seen
    assert said == sorted(said)


def test_a_short_one_says_nothing() -> None:
    said: list[float] = []
    with waiting.reminded(said.append):
        pass
    assert said == []
