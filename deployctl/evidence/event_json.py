"""An event as the JSON object that journal and NDJSON stream share."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from deployctl.events import Event, RunEnded


def event_document(event: Event) -> dict[str, Any]:
    """`{"type": "stageStarted", "at": "…Z", camelCase…}`; the last event is the result itself."""
    if isinstance(event, RunEnded):
        return {"type": "result", **event.result}
    document: dict[str, Any] = {
        "type": lower_first(type(event).__name__),
        "at": rfc3339(event.at),
    }
    for item in fields(event):
        if item.name != "at":
            document[camel(item.name)] = getattr(event, item.name)
    return document


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
