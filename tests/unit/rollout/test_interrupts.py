"""Ctrl-C while something is brought to its end."""

import os
import signal
from types import SimpleNamespace
from typing import Any, cast

from deployctl.rollout.interrupts import TOLD, uninterrupted


def test_signals_are_answered_once_and_wait() -> None:
    notes: list[str] = []
    session = cast("Any", SimpleNamespace(note=lambda _level, text: notes.append(text)))
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted(session):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
    assert notes == [TOLD]
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_is_said_where_nobody_interrupts() -> None:
    notes: list[str] = []
    session = cast("Any", SimpleNamespace(note=lambda _level, text: notes.append(text)))
    with uninterrupted(session):
        pass
    assert notes == []
