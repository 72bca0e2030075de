"""The journal holds every event, and never ends a run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployctl.events import Event, LogLine, Note, RunEnded, StageStarted
from deployctl.evidence.event_json import event_document
from deployctl.evidence.journal import Journal, OutputLog
from deployctl.evidence.redact import MARK, Redactor
from deployctl.evidence.run_directory import RunDirectory


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path, "lab", "r1", Redactor({"X": "hunter2hunter2"}))


def lines(directory: RunDirectory) -> list[dict[str, Any]]:
    text = (directory.path / "events.ndjson").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_each_event_is_one_camel_case_line_with_type_and_utc_time(directory: RunDirectory) -> None:
    journal = Journal(directory)
    journal(StageStarted(stage="ship", title="Ship\nit"))
    (line,) = lines(directory)
    assert line["type"] == "stageStarted"
    assert line["at"].endswith("Z")
    assert line["title"] == "Ship\nit"


def test_the_last_event_is_the_result_itself() -> None:
    assert event_document(RunEnded(result={"exitCode": 0})) == {"type": "result", "exitCode": 0}


def test_raw_output_is_kept_without_secrets_also_across_lines(directory: RunDirectory) -> None:
    output = OutputLog(directory)
    for text in ("-----BEGIN PRIVATE KEY-----", "MIIE", "-----END PRIVATE KEY-----", "ok"):
        output(LogLine(source="build", text=text))
    assert (directory.path / "build.log").read_text().split() == [MARK, MARK, MARK, "ok"]


def test_what_no_encoding_has_ends_no_run(directory: RunDirectory) -> None:
    journal, output = Journal(directory), OutputLog(directory)
    for reader in (journal, output):
        reader(LogLine(source="build", text="half \ud83d"))
    assert [line["type"] for line in lines(directory)] == ["logLine"]
    assert (directory.path / "build.log").read_text() == "half ?\n"
    assert directory.write_text("x.txt", "\udcff") is not None
    assert (journal.error, output.error) == (None, None)


def test_raw_output_has_a_file_for_each_source(directory: RunDirectory) -> None:
    output = OutputLog(directory)
    output(LogLine(source="build", text="one"))
    output(LogLine(source="my step/../x", text="two"))
    output.close()
    output(LogLine(source="build", text="late"))
    assert sorted(name for name, _ in directory.files()) == ["build.log", "my-step-..-x.log"]
    assert (directory.path / "build.log").read_text() == "one\n"


def test_after_close_it_does_not_grow(directory: RunDirectory) -> None:
    journal = Journal(directory)
    journal.close()
    journal(Note(level="info", text="late"))
    assert lines(directory) == []


@pytest.mark.parametrize("reader", [Journal, OutputLog])
def test_a_full_disk_is_remembered_not_raised(
    directory: RunDirectory, reader: Callable[[RunDirectory], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber = reader(directory)
    event: Event = LogLine(source="build", text="x")
    subscriber(event)

    class Full:
        closed = False

        def write(self, _: bytes) -> None:
            raise OSError(28, "No space left on device")

        def line(self, _: str) -> None:
            raise OSError(28, "No space left on device")

    if isinstance(subscriber, Journal):
        monkeypatch.setattr(subscriber, "_file", Full())
    else:
        monkeypatch.setitem(subscriber._streams, "build", Full())
    subscriber(event)
    subscriber(event)
    assert subscriber.error is not None
