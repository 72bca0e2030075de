"""For programs: one JSON document, or one JSON object a line with the same document last."""

import json
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

from deployctl.events import Event, RunEnded
from deployctl.evidence.event_json import event_document


def write_json(stream: TextIO, document: dict[str, Any]) -> None:
    stream.write(json.dumps(document, indent=2, ensure_ascii=True) + "\n")
    stream.flush()


def write_json_line(stream: TextIO, document: dict[str, Any]) -> None:
    stream.write(json.dumps(document, ensure_ascii=True) + "\n")
    stream.flush()


class Json:
    """Prints the final document and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunEnded):
            write_json(self._stream, event.result)

    def close(self) -> None:
        """The stream belongs to who opened it."""

    def suspended(self) -> AbstractContextManager[object]:
        return nullcontext()


class Ndjson:
    """Prints every event as it comes; the last line is `{"type": "result", …}`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            write_json_line(self._stream, event_document(event))

    def close(self) -> None:
        """The stream belongs to who opened it."""

    def suspended(self) -> AbstractContextManager[object]:
        return nullcontext()
