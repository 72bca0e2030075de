"""One line an event: for pipes, CI and the log file. No ANSI, no wrapping, no truncation."""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TextIO

from deployctl.errors import UsageError
from deployctl.events import Event, RunEnded
from deployctl.evidence.event_json import rfc3339
from deployctl.ui.filters import News
from deployctl.ui.wording import wording


class Plain:
    """Writes lines to `stream`, each with the seconds since the first event before it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._news = News()
        self._first: datetime | None = None
        self._lock = threading.Lock()
        self._suspensions = 0
        self._held: list[str] = []

    def __call__(self, event: Event) -> None:
        with self._lock:
            if not self._news(event):
                return
            lines = wording(event)
            if isinstance(event, RunEnded):
                self._write([*([""] if self._first else []), *lines])
                return
            stamp = self._stamp(event)
            self._write([f"{stamp}  {line}" for line in lines])

    def close(self) -> None:
        """The stream belongs to who opened it."""

    def suspended(self) -> AbstractContextManager[object]:
        return self._suspended()

    @contextmanager
    def _suspended(self) -> Iterator[None]:
        with self._lock:
            self._suspensions += 1
        try:
            yield
        finally:
            with self._lock:
                self._suspensions -= 1
                if not self._suspensions:
                    held, self._held = self._held, []
                    self._write(held)

    def _stamp(self, event: Event) -> str:
        self._first = self._first or event.at
        return f"{(event.at - self._first).total_seconds():8.1f}s"

    def _write(self, lines: list[str]) -> None:
        if self._suspensions:
            self._held += lines
            return
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()


class LogFile(Plain):
    """The same lines with absolute times, in a file that only its owner reads (0600)."""

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):  # /dev/null stays everybody's
                os.fchmod(descriptor, 0o600)
        except OSError as error:
            raise UsageError(
                f"The log file {path} can't be written: {error.strerror}.",
                next_step="Name another one with --log-file.",
            ) from error
        self._file = os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")
        super().__init__(self._file)

    def close(self) -> None:
        self._file.close()

    def suspended(self) -> AbstractContextManager[object]:
        return nullcontext()  # nobody is asked in a file

    def _stamp(self, event: Event) -> str:
        return rfc3339(event.at)
