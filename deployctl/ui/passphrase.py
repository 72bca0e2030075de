"""Asking for a key's passphrase, from whichever thread opens the connection.

Typing is on the terminal itself, without echo. Ctrl-C reaches the main thread, which may not be the
one that asks: `give_up` ends the question from there and leaves the terminal as it was.
"""

import contextlib
import os
import select
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

TERMINAL = "/dev/tty"
LONGEST = 1024
PATIENCE = 1.0


class Passphrases:
    """Asks one question at a time; None when nobody is there, or they press Enter alone."""

    def __init__(
        self,
        stdin: TextIO,
        stderr: TextIO,
        suspended: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """`suspended` keeps the display still while a person types."""
        self._stdin = stdin
        self._stderr = stderr
        self._suspended = suspended
        self._one_at_a_time = threading.Lock()
        self._asking: threading.Thread | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._over = False
        self._wake_read, self._wake_write = os.pipe()

    def __call__(self, origin: str) -> str | None:
        if not (self._stdin.isatty() and self._stderr.isatty()):
            return None
        with self._one_at_a_time:
            if self._over:
                return None
            self._asking = threading.current_thread()
            self._idle.clear()
            try:
                with self._suspended(), _terminal() as terminal:
                    return self._ask(terminal, f"Passphrase for {origin}: ")
            except OSError:
                return None  # no terminal of its own: nobody to ask
            finally:
                self._asking = None
                self._idle.set()

    def give_up(self) -> None:
        """No more questions; one that is being asked ends, and the terminal is as before."""
        self._over = True
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"x")
        if self._asking is not threading.current_thread():
            self._idle.wait(PATIENCE)

    def close(self) -> None:
        self.give_up()
        for descriptor in (self._wake_read, self._wake_write):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _ask(self, terminal: int, prompt: str) -> str | None:
        with _without_echo(terminal):
            os.write(terminal, prompt.encode("utf-8", "replace"))
            try:
                ready, _, _ = select.select([terminal, self._wake_read], [], [])
                if self._wake_read in ready:
                    return None
                typed = os.read(terminal, LONGEST)
            finally:
                os.write(terminal, b"\n")
        return typed.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _terminal() -> Iterator[int]:
    descriptor = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    before = _attributes(terminal)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    try:
        # What was typed before the question is no answer to it.
        _set_attributes(terminal, quiet)
        yield
    finally:
        _set_attributes(terminal, before)


def _attributes(terminal: int) -> list[Any]:
    try:
        return termios.tcgetattr(terminal)
    except termios.error as error:
        raise OSError(*error.args) from error


def _set_attributes(terminal: int, attributes: list[Any]) -> None:
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, attributes)
    except termios.error as error:
        raise OSError(*error.args) from error
