"""`deployctl history`: the releases that the host has recorded, and how each run ended."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from deployctl.config.settings import Settings
from deployctl.engines.compose import survey
from deployctl.engines.compose.job import UNPROVEN
from deployctl.engines.compose.refusals import refusing
from deployctl.engines.releases import ReleaseRecord, ordinal
from deployctl.engines.retention import Tag, reachable
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout import decide
from deployctl.rollout.address import host_address
from deployctl.rollout.undone_steps import not_undone

KEPT = "kept"
"""the result of a run that failed, and whose release stayed: there was no way back"""
RESULTS = {
    "released": "untouched",
    "rolled_back": "rolled-back",
    "rollback_failed": "rollback-failed",
}
"""the states of the host's job whose results have other words"""
LAST_EPOCH = 253402300799
"""the last second of the year 9999"""


class HistoryEntry(Document):
    release: str
    live: bool
    sha: str | None
    subject: str
    image: str
    on_host: bool
    """whether its image is still there under a name of its own; else there is no way back to it"""
    at: datetime
    by: str
    previous: str | None


class RunEntry(Document):
    run_id: str
    command: str
    revision: str
    result: str
    """how it ended: confirmed, unproven, untouched, rolled-back, rollback-failed, or `kept`"""
    reason: str
    """why, in the host's words"""
    at: datetime
    by: str


class HistoryDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "history"
    result: Literal["ok"] = "ok"
    exit_code: int = 0
    target: str
    releases: tuple[HistoryEntry, ...]
    runs: tuple[RunEntry, ...]


def history(settings: Settings, limit: int, ask: Ask = ask_nobody) -> HistoryDocument:
    """The releases, and the runs that ended, newest first."""
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        with refusing(link.host.label):
            answer = link.host.run(
                "history",
                {
                    "DOCKER": "\n".join(facts.docker),
                    "STATE_DIR": facts.state_dir,
                    "LINES": str(limit),
                },
                timeout=30.0,
            )
    finally:
        link.close()
    live = decide.current(facts, settings.services)
    tags = frozenset(_tags(answer.text("tags", "")))
    ordered = sorted(facts.releases, key=lambda record: ordinal(record.number), reverse=True)
    return HistoryDocument(
        target=settings.target,
        releases=tuple(
            _entry(record, live, reachable(record, tags, facts.project))
            for record in ordered[:limit]
        ),
        runs=parse_runs(answer.text("history", "").split("\n")),
    )


def _tags(text: str) -> Iterator[Tag]:
    for line in text.split("\n"):
        image, _, reference = line.partition(" ")
        yield Tag(image, reference)


def _entry(record: ReleaseRecord, live: ReleaseRecord | None, on_host: bool) -> HistoryEntry:
    return HistoryEntry(
        release=record.number,
        live=live is not None and live.number == record.number,
        sha=record.sha,
        subject=record.subject,
        image=", ".join(sorted({service.image for service in record.services.values()})),
        on_host=on_host,
        at=record.at,
        by=record.by,
        previous=record.previous,
    )


def parse_runs(lines: Sequence[str]) -> tuple[RunEntry, ...]:
    """The host's history, newest first; lines that can't be read are left out."""
    entries = [entry for line in lines if (entry := _run(line)) is not None]
    return tuple(reversed(entries))


class _Ran(BaseModel):
    """Who ran what, as the run wrote it."""

    run_id: str = Field(alias="runId")
    command: str
    revision: str | None = None
    by: str


class _Line(BaseModel):
    """One line of the host's history."""

    run: _Ran
    state: str
    epoch: int = Field(ge=0, le=LAST_EPOCH)


def _run(line: str) -> RunEntry | None:
    try:
        ended = _Line.model_validate_json(line)
    except ValueError:
        return None
    state, _, reason = ended.state.strip().partition(" ")
    stuck = not_undone(reason)
    result = "unproven" if ended.state == UNPROVEN else RESULTS.get(state, state)
    return RunEntry(
        run_id=ended.run.run_id,
        command=ended.run.command,
        revision=ended.run.revision or "",
        reason="" if ended.state == UNPROVEN else reason,
        result=f"{result}, undo of {stuck} failed" if stuck else result,
        at=datetime.fromtimestamp(ended.epoch, UTC),
        by=ended.run.by,
    )
