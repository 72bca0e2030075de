"""GitHub Actions: annotations and outputs that no foreign text can forge."""

import re
from pathlib import Path

import pytest

from deployctl.events import Event, GateAttempt, LogLine, Note, RunEnded, StageStarted
from deployctl.result import GateResult
from deployctl.ui.github import GitHub, escape_data, escape_property, outputs
from deployctl.ui.summary import markdown

from .conftest import Stream
from .story import HOSTILE, result, story


def play(*events: Event, env: dict[str, str] | None = None) -> list[str]:
    stream = Stream()
    github = GitHub(stream, env or {})
    for event in events:
        github(event)
    github.close()
    return stream.getvalue().splitlines()


def whole(ending: str, env: dict[str, str] | None = None) -> list[str]:
    return play(*(event for _, event in story(ending)), env=env)


def obeyed(lines: list[str]) -> list[str]:
    """The workflow commands that the runner would carry out."""
    commands, token = [], None
    for line in lines:
        if token:
            token = None if line == f"::{token}::" else token
        elif found := re.fullmatch(r"::stop-commands::(\w+)", line):
            token = found[1]
        elif line.lstrip().startswith("::") or "##[" in line:
            commands.append(line)
    assert token is None, "commands are still stopped at the end"
    return commands


def test_a_stage_is_a_group() -> None:
    commands = obeyed(whole("sealed"))
    groups = [command for command in commands if "group::" in command]
    assert groups[::2] == [command for command in groups if command.startswith("::group::stage ")]
    assert set(groups[1::2]) == {"::endgroup::"}


def test_each_failed_gate_is_one_error_and_nothing_else_is() -> None:
    errors = [line for line in obeyed(whole("rolled-back")) if line.startswith("::error")]
    assert len(errors) == 1
    assert errors[0].startswith(
        "::error title=gate metrics fail::metrics of api (after): fail: saw"
    )


def test_an_advisory_gate_is_a_warning() -> None:
    base = result("rolled-back")
    gates = [GateResult(**{**gate.model_dump(), "mode": "advisory"}) for gate in base.gates]
    ended = base.model_copy(update={"gates": gates}).model_dump(mode="json", by_alias=True)
    commands = obeyed(play(RunEnded(result=ended)))
    assert [command.partition(" ")[0] for command in commands] == ["::warning", "::error"]


def test_a_failure_without_a_gate_is_one_error() -> None:
    ended = result("rolled-back").model_copy(update={"gates": [], "reason": "no\nhost 100%"})
    commands = obeyed(play(RunEnded(result=ended.model_dump(mode="json", by_alias=True))))
    assert commands == ["::error title=ROLLED BACK (exit 21)::no%0Ahost 100%25"]


@pytest.mark.parametrize("text", [HOSTILE, "::set-env name=A::b", "  ::error::x", "##[error]x"])
def test_foreign_text_can_not_give_commands(text: str) -> None:
    event = GateAttempt(
        gate="g", when="after", attempt=1, state="fail", observed=text, threshold=text, reason=text
    )
    lines = play(
        StageStarted(stage="build", title=text),
        LogLine(source="build", text=text),
        LogLine(source="::error", text=text),
        event,
        Note(level="info", text=text),
    )
    assert [line[:9] for line in obeyed(lines)] == ["::group::", "::endgrou"]


def test_every_stop_has_a_token_of_its_own() -> None:
    lines = play(
        LogLine(source="build", text="a"),
        Note(level="info", text="b"),
        LogLine(source="build", text="c"),
    )
    tokens = re.findall(r"::stop-commands::(\w{32})", "\n".join(lines))
    assert len(set(tokens)) == 2


def test_escaping() -> None:
    assert escape_data("100%\r\n::x") == "100%25%0D%0A::x"
    assert escape_property("a:b,c%") == "a%3Ab%2Cc%25"


def test_outputs_can_not_be_forged() -> None:
    ended = {
        **result("sealed").model_dump(mode="json", by_alias=True),
        "reason": "x\nEOF\nresult=y",
    }
    text = outputs(ended)
    delimiters = re.findall(r"<<(deployctl-\w{32})\n", text)
    assert len(delimiters) == len(set(delimiters)) == 6
    assert "exit-code<<" in text


def test_summary_and_outputs_are_appended(tmp_path: Path) -> None:
    summary, output = tmp_path / "summary", tmp_path / "output"
    summary.write_text("before\n")
    whole("rolled-back", {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)})
    assert summary.read_text().startswith("before\n## ❌ hotfix: ROLLED BACK (exit 21)")
    assert "rolled-back" in output.read_text()


def test_the_summary_shows_thresholds_and_no_markup_of_others() -> None:
    base = result("rolled-back")
    hostile = base.gates[0].model_copy(update={"observed": "<img src=x> | **b**\n# h"})
    ended = base.model_copy(update={"gates": [hostile]}).model_dump(mode="json", by_alias=True)
    text = markdown(ended, 10**6)
    assert (
        "| health | before | required | pass | \\<img src=x\\> \\| \\*\\*b\\*\\* \\# h | 200 |"
        in text
    )


def test_the_summary_says_of_a_gate_that_failed_whether_it_had_to_pass() -> None:
    """A rollback may be sealed although a gate that its release never knew has failed."""
    base = result("sealed")
    advisory = base.gates[0].model_copy(
        update={"when": "after", "mode": "advisory", "state": "fail", "observed": "404"}
    )
    ended = base.model_copy(update={"gates": [advisory]}).model_dump(mode="json", by_alias=True)
    text = markdown(ended, 10**6)
    assert "| gate | when | mode | state | saw | needs | attempts |" in text
    assert "| health | after | advisory | fail | 404 | 200 |" in text


def test_the_summary_stays_below_the_limit() -> None:
    base = result("rolled-back")
    many = [base.gates[0].model_copy(update={"observed": "é" * 1000})] * 2000
    ended = base.model_copy(update={"gates": many}).model_dump(mode="json", by_alias=True)
    text = markdown(ended, 1024 * 1024)
    assert len(text.encode()) <= 1024 * 1024
    assert "cut" in text[-100:]
