"""Plain lines: for pipes, CI and the log file."""

import os
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from deployctl.errors import UsageError
from deployctl.events import Event, GateAttempt, Note, Progress
from deployctl.ui.plain import LogFile, Plain
from deployctl.ui.verdict import facts, headline
from deployctl.ui.wording import wording

from .conftest import Stream
from .story import BEGAN, LONG, story


def told(*events: Event) -> list[str]:
    stream = Stream()
    plain = Plain(stream)
    for event in events:
        plain(event)
    return stream.getvalue().splitlines()


def whole(ending: str) -> str:
    return "\n".join(told(*(event for _, event in story(ending))))


def attempt(number: int, state: str = "fail", reason: str = "404") -> GateAttempt:
    return GateAttempt(
        gate="metrics",
        when="after",
        attempt=number,
        state=state,
        observed=f"404 at {number}",
        threshold="200",
        reason=reason,
    )


def subclasses(kind: type[Event]) -> list[type[Event]]:
    return [each for child in kind.__subclasses__() for each in (child, *subclasses(child))]


def test_every_kind_of_event_has_words() -> None:
    told_kinds = {type(event) for _, event in story("rolled-back")}
    assert told_kinds == set(subclasses(Event)), "the story leaves an event out"
    assert all(wording(event) for _, event in story("rolled-back"))


@pytest.mark.parametrize("ending", ["sealed", "rolled-back"])
def test_there_is_no_control_character(ending: str) -> None:
    assert not re.search(r"[^\n\x20-\x7e\u00a0-\U0010ffff]", whole(ending))


def test_nothing_is_cut_or_wrapped() -> None:
    assert LONG in whole("rolled-back")


def test_times_are_relative_to_the_first_event() -> None:
    lines = told(
        Note(at=BEGAN, level="info", text="a"),
        Note(at=BEGAN + timedelta(seconds=72.25), level="warning", text="b"),
    )
    assert lines == ["     0.0s  a", "    72.2s  warning: b"]


def test_a_gate_speaks_when_it_changes_its_mind() -> None:
    lines = told(
        attempt(1),
        attempt(2),
        attempt(3, reason="HTML"),
        attempt(4, state="pass", reason=""),
        attempt(5, state="pass", reason=""),
    )
    assert [line.rpartition("[attempt ")[2] for line in lines[1:]] == ["3]", "4]"]
    assert len(lines) == 3


def test_an_upload_speaks_in_tenths() -> None:
    steps = [Progress(stage="ship", done_bytes=n, total_bytes=1000) for n in range(0, 1001, 7)]
    assert len(told(*steps)) in (10, 11)


def test_an_empty_upload_is_no_division_by_zero() -> None:
    assert told(Progress(stage="ship", done_bytes=0, total_bytes=0)) != []


def test_a_failed_run_ends_with_gate_production_and_next_command() -> None:
    tail = whole("rolled-back").partition("ROLLED BACK (exit 21)")[2]
    assert "metrics" in tail
    assert "Production: Release r0 (techno-os-api:latest) serves again" in tail
    assert tail.strip().endswith("deployctl logs --target production --service api --lines 200")
    assert "780 ms ± 25 ms (1204 probes, 31 failed)" in tail


def test_what_a_restart_started_again_is_not_told_as_not_restarted() -> None:
    others = [
        {"service": "redis", "same": True},
        {"service": "postgres", "same": True, "restarted": True},
    ]
    ended = {"result": "sealed", "exitCode": 0, "durationMs": 1, "untouched": others}
    assert dict(facts(ended))["Untouched"] == (
        "redis (same containers, not restarted); postgres (same containers, started again after "
        "Docker or the host was restarted)"
    )


@pytest.mark.parametrize(("state", "told"), [("none", "NOT PROVEN"), ("failed", "ROLLBACK FAILED")])
def test_no_rollback_failed_where_none_was_begun(state: str, told: str) -> None:
    ended = {"result": "rollback-failed", "exitCode": 22, "rollback": {"state": state}}
    assert headline(ended) == f"{told}: A PERSON IS NEEDED (exit 22)"


@pytest.mark.parametrize(
    ("ending", "counts"),
    [("sealed", "2 of 2 passed"), ("rolled-back", "1 of 2 passed; 1 of 1 after the rollback")],
)
def test_gates_of_the_new_release_are_counted_apart_from_those_of_the_old(
    ending: str, counts: str
) -> None:
    assert f"Gates:      {counts}\n" in whole(ending)


def test_the_containers_last_lines_are_told() -> None:
    assert "container | INFO:     Started server process [1]" in whole("rolled-back")


def test_the_log_file_is_private_and_has_absolute_times(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text("before\n")
    log = LogFile(path)
    log(Note(at=BEGAN, level="error", text="x"))
    log.close()
    assert path.read_text() == "before\n2026-01-03T07:32:00.000Z  error: x\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_file_that_can_not_be_written_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run\.log"):
        LogFile(tmp_path / "missing" / "run.log")


def test_a_log_file_that_is_no_file_keeps_its_mode(tmp_path: Path) -> None:
    """As root, /dev/null would else be nobody's any more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o666)
    pipe.chmod(0o666)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    LogFile(pipe).close()
    os.close(reader)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o666
