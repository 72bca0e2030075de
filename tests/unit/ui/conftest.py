"""Streams that say they are a terminal, or don't."""

import io

import pytest


class Stream(io.StringIO):
    def __init__(self, *, tty: bool = False, text: str = "") -> None:
        super().__init__(text)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@pytest.fixture
def pipe() -> Stream:
    return Stream()


@pytest.fixture
def tty() -> Stream:
    return Stream(tty=True)
