"""What `compose diagnose` found in a file."""

from typing import Literal

from pydantic import Field

from deployctl.result import SCHEMA_VERSION, Document
from deployctl.ui.text import clean


class Fault(Document):
    """`line` and `column` count from 1; `mend` says how to repair it, if that is known."""

    line: int
    column: int
    message: str
    mend: str = ""


class Diagnosis(Document):
    schema_version: int = SCHEMA_VERSION
    command: str
    file: str
    result: Literal["ok", "faults"]
    exit_code: int
    faults: list[Fault] = Field(default_factory=list)


def diagnosis_text(found: Diagnosis) -> list[str]:
    """`FILE:LINE:COLUMN: message`, the form that editors jump to."""
    if not found.faults:
        return [f"{clean(found.file)}: no faults found."]
    lines = []
    for fault in found.faults:
        place = f"{clean(found.file)}:{fault.line}:{fault.column}"
        lines.append(f"{place}: {clean(fault.message)} {clean(fault.mend)}".rstrip())
    return lines
