"""Ctrl-C while something is brought to its end."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.errors import LinkLostError
from deployctl.rollout import run
from deployctl.rollout.interrupts import TOLD, uninterrupted


def test_signals_are_answered_once_and_wait() -> None:
    notes: list[str] = []
    session = cast(
        "Any",
        SimpleNamespace(note=lambda _level, text: notes.append(text), hurried=threading.Event()),
    )
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted(session):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
    assert notes == [TOLD]
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_is_said_where_nobody_interrupts() -> None:
    notes: list[str] = []
    session = cast(
        "Any",
        SimpleNamespace(note=lambda _level, text: notes.append(text), hurried=threading.Event()),
    )
    with uninterrupted(session):
        pass
    assert notes == []


class TestTheEndOfTheStory:
    """A first signal in the instant before signals wait."""

    @pytest.fixture(autouse=True)
    def _it_comes_just_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = iter([True])

        @contextmanager
        def with_a_signal_first(session: Any) -> Iterator[None]:
            if next(times, False):
                signal.raise_signal(signal.SIGINT)
            with uninterrupted(session):
                yield

        monkeypatch.setattr(run, "uninterrupted", with_a_signal_first)

    @pytest.mark.parametrize("ended", ["its outcome", LinkLostError("lost"), KeyboardInterrupt()])
    def test_changes_nothing_of_how_it_ended(self, ended: Any) -> None:
        def story(_session: Any) -> Any:
            if isinstance(ended, BaseException):
                raise ended
            return ended

        notes: list[str] = []
        session = cast(
            "Any",
            SimpleNamespace(
                note=lambda _level, text: notes.append(text), hurried=threading.Event()
            ),
        )
        with ExitStack() as calm:
            assert run._ended(session, story, calm) is ended
            signal.raise_signal(signal.SIGTERM)
        assert notes == [TOLD], "what follows is brought to its end"
