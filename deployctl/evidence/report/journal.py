"""What a report takes from `events.ndjson`. Lines that can't be read are counted. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from deployctl.evidence.people import put_back

_NEEDED: Final = (
    "switched",
    "approved",
    "note",
    "rollbackStarted",
    "rollbackEnded",
    "stageStarted",
    "stageEnded",
)

_FOREIGN_EDIT: Final = "foreign-edit"
"""how the host's note of it begins (host/programs/files.sh)"""


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str
    at: AwareDatetime
    by: str = ""
    how: str = ""
    digest: str = ""
    level: str = ""
    text: str = ""
    stage: str = ""
    state: str = ""


@dataclass(frozen=True)
class Approval:
    at: datetime
    by: str
    how: str
    digest: str


@dataclass(frozen=True)
class Journal:
    """`known` is false where the file is missing or is not the one that was sealed."""

    known: bool = False
    unread: int = 0
    approval: Approval | None = None
    switched: datetime | None = None
    """when the first new container was started"""
    rollback_began: datetime | None = None
    rollback_ended: datetime | None = None
    notes: tuple[str, ...] = ()
    """warnings and errors, in their order"""
    foreign_edit: bool = False
    """the host put back an image in a Compose file that somebody else had edited meanwhile"""
    order: tuple[str, ...] = ()
    """what came after what, whatever the clock did: `approved DIGEST`, `began STAGE`,
    `passed STAGE`, `switched`"""

    def first(self, *marks: str) -> int | None:
        """Where in the order the first of these stands."""
        return next((at for at, mark in enumerate(self.order) if mark in marks), None)


def read(text: str | None, names: Mapping[str, str]) -> Journal:
    """`text`: the file's, None where it can't be had. `names`: who its pseudonyms stand for."""
    if text is None:
        return Journal()
    lines = [_parsed(line, names) for line in text.split("\n") if line.strip()]
    wanted = [line for line in lines if isinstance(line, _Line)]
    approved = [Approval(x.at, x.by, x.how, x.digest) for x in wanted if x.type == "approved"]
    notes = [x.text for x in wanted if x.type == "note" and x.level in ("warning", "error")]
    return Journal(
        known=True,
        unread=lines.count(None),
        approval=approved[-1] if approved else None,
        switched=_first(wanted, "switched"),
        rollback_began=_first(wanted, "rollbackStarted"),
        rollback_ended=_first(wanted, "rollbackEnded"),
        notes=tuple(notes),
        foreign_edit=any(note.startswith(_FOREIGN_EDIT) for note in notes),
        order=tuple(filter(None, map(_mark, wanted))),
    )


def _mark(line: _Line) -> str:
    match line.type:
        case "approved":
            return f"approved {line.digest}"
        case "stageStarted":
            return f"began {line.stage}"
        case "stageEnded" if line.state == "passed":
            return f"passed {line.stage}"
        case "switched":
            return "switched"
        case _:
            return ""


def _first(lines: list[_Line], kind: str) -> datetime | None:
    return next((line.at for line in lines if line.type == kind), None)


def _parsed(line: str, names: Mapping[str, str]) -> _Line | dict[str, Any] | None:
    """The line where a report needs it; as it is where not; None where it can't be read."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    if value.get("type") not in _NEEDED:
        return value
    try:
        return _Line.model_validate(put_back(value, names))
    except ValidationError:
        return None
