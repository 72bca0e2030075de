"""The document that `compose diagnose` answers with."""

from typing import Literal

from pydantic import Field

from deployctl.composefile.faults import ComposeFault
from deployctl.result import SCHEMA_VERSION, Document


class Fault(Document):
    """`line` and `column` count from 1; `mend` says how to repair it, if that is known.

    A `note` is told, and is no problem.

    `file` is set where several files were looked at.
    """

    line: int
    column: int
    message: str
    mend: str = ""
    severity: Literal["fault", "note"] = "fault"
    file: str | None = None

    @classmethod
    def of(cls, found: ComposeFault, file: str | None = None) -> "Fault":
        return cls(
            line=found.line,
            column=found.column,
            message=found.message,
            mend=found.mend,
            severity=found.severity,
            file=file,
        )


class Diagnosis(Document):
    schema_version: int = SCHEMA_VERSION
    command: str
    file: str
    """the file that was asked for; on a host the project's files, with commas"""
    target: str | None = None
    result: Literal["ok", "faults"]
    exit_code: int
    faults: list[Fault] = Field(default_factory=list)
    notes: list[Fault] = Field(default_factory=list)
    """what is worth telling, and no fault"""
    drift: list[str] = Field(default_factory=list)
    """what `docker compose up` of the files would do to containers of any of their services"""
    differences: list[str] = Field(default_factory=list)
    """a line a service that differs, with the settings"""
    untold: str = ""
    """why it can't be told whether the files are what runs"""
    compose: str = ""
    """what Compose on the host says about the files, without secrets"""
    compose_asked: bool = True
    """whether Compose itself was asked, which knows more than can be seen in a file"""
    ask_compose: str = ""
    """the command that asks it, where it wasn't"""


def diagnosis(
    file: str,
    found: list[Fault],
    *,
    target: str | None = None,
    drift: list[str] | None = None,
    differences: list[str] | None = None,
    untold: str = "",
    compose: str = "",
    not_asked: str = "",
) -> Diagnosis:
    faults = [one for one in found if one.severity == "fault"]
    bad = bool(faults or drift or untold)
    return Diagnosis(
        command="compose diagnose",
        file=file,
        target=target,
        result="faults" if bad else "ok",
        exit_code=23 if bad else 0,
        faults=faults,
        notes=[one for one in found if one.severity == "note"],
        drift=drift or [],
        differences=differences or [],
        untold=untold,
        compose=compose,
        compose_asked=not not_asked,
        ask_compose=not_asked,
    )
