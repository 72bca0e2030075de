"""Subscribers that keep the run's events and raw output in its directory.

A laptop's full disk must not end a rollout between swap and gates: these never raise. What went
wrong is in `error`, and `seal` refuses to vouch for a journal that has one. Events come to them
without secrets (clean_events.py); names of people are taken out here, as it is sealed (people.py).
"""

import json
import os

from deployctl.events import Event, LogLine, RunEnded, StageEnded
from deployctl.evidence.event_json import event_document
from deployctl.evidence.run_directory import (
    AppendStream,
    RunDirectory,
    open_private_file,
    safe_name,
)

NAME = "events.ndjson"


class Journal:
    """Writes `events.ndjson`: each event is flushed, and synced where a stage or the run ends.

    `close` it before sealing: the seal holds the digest of the finished file, so events after
    that (the seal's own stage, the result) can't be in it; the result is in the seal itself.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.error: OSError | None = None
        self._directory = directory
        self._file = open_private_file(directory.path / NAME)

    def __call__(self, event: Event) -> None:
        if self._file.closed or self.error is not None:
            return
        document = self._directory.people.hidden(event_document(event))
        line = json.dumps(document, ensure_ascii=False)
        try:
            self._file.write(line.encode(errors="backslashreplace") + b"\n")
            self._file.flush()
            if isinstance(event, StageEnded | RunEnded):
                os.fsync(self._file.fileno())
            # Who they are is known also where no seal comes any more.
            self._directory.keep_people()
        except OSError as error:
            self.error = error

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error


class OutputLog:
    """Writes raw output to one file a source: `build.log`, `container.log`, a step's name."""

    def __init__(self, directory: RunDirectory) -> None:
        self.error: OSError | None = None
        self._directory = directory
        self._streams: dict[str, AppendStream] = {}
        self._closed = False

    def __call__(self, event: Event) -> None:
        if not isinstance(event, LogLine) or self._closed or self.error is not None:
            return
        try:
            if event.source not in self._streams:
                name = f"{safe_name(event.source)}.log"
                self._streams[event.source] = self._directory.append(name)
            self._streams[event.source].line(event.text)
        except OSError as error:
            self.error = error

    def close(self) -> None:
        self._closed = True
        for stream in self._streams.values():
            try:
                stream.close()
            except OSError as error:
                self.error = self.error or error
