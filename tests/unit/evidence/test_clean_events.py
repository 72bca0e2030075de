"""No reader of the events gets a secret: not the screen, the JSON, the log nor the evidence."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployctl.events import Event, Events, GateAttempt, LogLine, Note, PlanReady, RunEnded
from deployctl.evidence.clean_events import EventCleaner
from deployctl.evidence.event_json import event_document
from deployctl.evidence.redact import MARK, Redactor
from tests.unit.ui.story import story

SECRET = "hunter2-hunter2"


def heard(*events: Event, secrets: dict[str, str] | None = None) -> list[Any]:
    stream, told = Events(), list[Event]()
    stream.clean_by(EventCleaner(Redactor({"X": SECRET} if secrets is None else secrets)))
    stream.subscribe(told.append)
    for event in events:
        stream.emit(event)
    return told


def with_secret(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value} {SECRET}"
    if isinstance(value, dict):
        return {key: with_secret(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_secret(item) for item in value]
    return value


def test_whatever_field_of_whatever_event_it_stands_in() -> None:
    """But for those that hold deployctl's own words, which readers compare."""
    kept = set()
    for _, event in story("rolled-back"):
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        [shown] = heard(type(event)(**{name: with_secret(value) for name, value in values.items()}))
        kept |= {name for name in values if SECRET in str(getattr(shown, name))}
    assert kept <= {
        "run_id", "command", "target", "stage", "state", "source", "level", "digest", "how",
        "gate", "when", "service", "plan", "result",
    }  # fmt: skip


def test_in_documents_as_well() -> None:
    plan = {"facts": {"warnings": [f"it is {SECRET}"]}, "decisions": {"gates": [{"name": "g"}]}}
    result = {"result": "sealed", "reason": SECRET, "gates": [{"observed": SECRET, "state": "x"}]}
    ready, ended = heard(
        PlanReady(digest="d", plan=plan, diff=f"-{SECRET}"), RunEnded(result=result)
    )
    assert ready.plan["facts"]["warnings"] == [f"it is {MARK}"]
    assert ready.diff == f"-{MARK}"
    assert ended.result["gates"] == [{"observed": MARK, "state": "x"}]
    assert ended.result["result"] == "sealed"


def test_a_private_key_disappears_across_lines_of_one_source() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIE", "-----END PRIVATE KEY-----", "ok"]
    events = [LogLine(source=source, text=text) for text in lines for source in ("a", "b")]
    assert [event.text for event in heard(*events)] == [MARK] * 6 + ["ok"] * 2


@pytest.mark.parametrize("password", ["fail", "after", "api", "health"])
def test_a_password_that_is_a_word_of_ours_breaks_no_reader(password: str) -> None:
    event = GateAttempt(
        gate="health", when="after", attempt=1, state="fail", observed="api fail after health",
        threshold="200", reason="",
    )  # fmt: skip
    [shown] = heard(event, secrets={"DB_PASSWORD": password})
    assert (shown.gate, shown.when, shown.state) == ("health", "after", "fail")
    assert password not in shown.observed


def test_without_secrets_events_stay_as_they_are() -> None:
    event = Note(level="info", text="a plain sentence")
    assert heard(event, secrets={}) == [event]


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_whatever_is_said_can_be_written(text: str) -> None:
    said = (LogLine(source="x", text=text), RunEnded(result={text: [text, {"a": text}]}))
    for event in heard(*said):
        json.dumps(event_document(event), ensure_ascii=False).encode()
