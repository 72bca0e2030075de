"""`deployctl history`: what it reads of the host's record of runs."""

import json
from typing import Any

import pytest

from deployctl.rollout.history import parse_runs
from deployctl.rollout.steps import RunStep
from deployctl.rollout.undone_steps import noted


def run(number: int, **changes: Any) -> str:
    about = {"runId": f"run-{number}", "command": "hotfix", "revision": "d73cfb1", "by": "ann"}
    return json.dumps({"run": about, "state": "confirmed", "epoch": 1767425520 + number, **changes})


def test_runs_are_told_newest_first() -> None:
    assert [entry.run_id for entry in parse_runs([run(1), run(2)])] == ["run-2", "run-1"]


def test_a_run_ends_in_one_word() -> None:
    [entry] = parse_runs([run(1, state="rolled_back gate health failed")])
    assert entry.result == "rolled-back"
    assert entry.reason == "gate health failed"
    assert entry.at.isoformat() == "2026-01-03T07:32:01+00:00"


def test_a_step_that_was_not_undone_leaves_its_trace() -> None:
    kept = noted("undo of x failed; health: 500", [RunStep(name="migrate", command="x")])
    [entry] = parse_runs([run(1, state=f"rolled_back {kept}")])
    assert entry.result == "rolled-back, undo of migrate failed"


@pytest.mark.parametrize(
    "line",
    ["", "torn {", "[]", "null", "{}", '{"run": {}}', '{"run": 1, "state": "x", "epoch": 1}'],
)
def test_a_line_that_cannot_be_read_is_left_out(line: str) -> None:
    assert [entry.run_id for entry in parse_runs([run(1), line, run(2)])] == ["run-2", "run-1"]


def test_a_run_without_a_revision() -> None:
    about = {"runId": "x", "command": "rollback", "revision": None, "by": "ann"}
    assert parse_runs([run(1, run=about)])[0].revision == ""
