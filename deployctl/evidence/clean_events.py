"""Secrets are taken out of events before any reader gets them: screen, JSON, log, evidence.

What is left can be written in any encoding.
"""

from dataclasses import fields, replace
from typing import Any, Final

from deployctl.events import Event, LogLine
from deployctl.evidence.canonical import writable, writable_value
from deployctl.evidence.redact import LineRedactor, Redactor

OURS: Final = frozenset(
    {
        "at", "command", "digest", "gate", "guard", "how", "level", "mode", "name", "result",
        "runId", "run_id", "service", "source", "stage", "state", "strategy", "target", "when",
    }
)  # fmt: skip
"""Fields with words of ours, by which readers go: a secret that is called alike alters none."""


class EventCleaner:
    """`Events.clean_by` it. Of raw output it remembers where a private key began."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._lines: dict[str, LineRedactor] = {}

    def __call__(self, event: Event) -> Event:
        if isinstance(event, LogLine):
            lines = self._lines.setdefault(event.source, LineRedactor(self._redactor))
            return replace(event, text=writable(lines.line(event.text)))
        changes: dict[str, Any] = {}
        for field in fields(event):
            value = getattr(event, field.name)
            if isinstance(value, str | dict) and (
                field.name not in OURS or isinstance(value, dict)
            ):
                changes[field.name] = cleaned(self._redactor, value)
        return replace(event, **changes)


def cleaned(redactor: Redactor, value: Any) -> Any:
    """The same for a JSON value."""
    return writable_value(redactor.value(value, OURS))
