"""hotfix, rollback and plan hand over exactly what was asked, and end with what came back."""

from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployctl.data import data_path
from deployctl.errors import ExitCode, RefusedError
from deployctl.events import Events, LogLine, PlanReady, RunEnded, RunStarted, StageStarted
from deployctl.result import Result
from deployctl.rollout import hotfix as hotfix_module
from deployctl.rollout import plan as plan_module
from deployctl.rollout import reach as reach_module
from deployctl.rollout import rollback as rollback_module
from deployctl.rollout.request import Options

from .conftest import Run


def ended(code: ExitCode = ExitCode.SEALED, **values: Any) -> Result:
    return Result(
        **{
            "command": "hotfix",
            "result": "sealed" if code == ExitCode.SEALED else "rolled-back",
            "exit_code": int(code),
            "reason": "Done.",
            "started_at": datetime.now(UTC),
            "duration_ms": 1,
            **values,
        }
    )


@pytest.fixture(autouse=True)
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here is about the host; nobody waits for this answer."""
    monkeypatch.setattr(reach_module, "reach", lambda *_: Future())


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, project: Path) -> list[tuple[Any, ...]]:
    made: list[tuple[Any, ...]] = []

    def record(*arguments: Any) -> Result:
        made.append(arguments)
        return ended()

    monkeypatch.setattr(hotfix_module, "hotfix", record)
    monkeypatch.setattr(rollback_module, "rollback", record)
    monkeypatch.setattr(rollback_module, "end_run", lambda *given: record("end", *given))
    monkeypatch.setattr(plan_module, "plan", record)
    return made


def test_hotfix_hands_over_settings_revision_and_options(run: Run, calls: list[Any]) -> None:
    done = run(
        "hotfix", "--sha", "d73cfb1", "--yes", "--rebuild", "--lock-wait", "5m",
        "--evidence-dir", "ev", "--advisory", "prometheus", "--reason", "it is down",
        "--accept-drift", "--reason", "known",
    )  # fmt: skip
    assert done.code == 0
    ((settings, revision, options, playbook, _events, _approve, _reaching),) = calls
    assert (settings.target, revision, playbook.name) == ("lab", "d73cfb1", "hotfix")
    assert options == Options(
        yes=True,
        rebuild=True,
        lock_wait=300.0,
        advisory={"prometheus": "it is down"},
        accept_drift="known",
        evidence_dir=Path("ev"),
        operator=options.operator,
    )
    assert options.operator


def test_rollback_and_plan(run: Run, calls: list[Any]) -> None:
    assert run("rollback", "--to", "r3", "--target", "lab").code == 0
    assert run("plan", "--sha", "main").code == 0
    assert calls[0][1] == "r3"
    assert calls[0][3].name == "rollback"
    assert calls[1][1] == "main"


def test_rollback_of_a_run_names_it(run: Run, calls: list[Any]) -> None:
    assert run("rollback", "--run", "20260103T073200Z-hotfix-1f2e3d").code == 0
    assert (calls[0][0], calls[0][2]) == ("end", "20260103T073200Z-hotfix-1f2e3d")


@pytest.mark.parametrize("other", [("--to", "r1"), ("--plan", "p.json")])
def test_a_run_and_another_goal_are_two_wishes(
    run: Run, calls: list[Any], other: tuple[str, str]
) -> None:
    done = run("rollback", "--run", "x", *other, "--output", "json")
    assert done.code == ExitCode.USAGE
    assert f"--run and {other[0]}" in done.document["reason"]
    assert calls == []


def test_a_playbook_of_ones_own(run: Run, calls: list[Any], project: Path) -> None:
    done = run("hotfix", "--sha", "x", "--playbook", "missing.yml", "-o", "json")
    assert done.code == ExitCode.CONFIG
    assert "missing.yml" in done.document["reason"]
    assert calls == []


def test_the_exit_code_is_the_results(run: Run, project: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(hotfix_module, "hotfix", lambda *_: ended(ExitCode.ROLLED_BACK))
    done = run("hotfix", "--sha", "x", "--output", "json")
    assert done.code == 21
    assert done.document["exitCode"] == 21


def test_a_result_that_was_told_is_not_told_again(
    run: Run, project: Path, monkeypatch: Any
) -> None:
    def emit(*arguments: Any) -> Result:
        result = ended()
        arguments[4].emit(RunEnded(result=result.model_dump(mode="json", by_alias=True)))
        return result

    monkeypatch.setattr(hotfix_module, "hotfix", emit)
    done = run("hotfix", "--sha", "x", "--output", "ndjson")
    assert done.stdout.count('"type": "result"') == 1
    assert done.stderr.count("SEALED") == 1


def failing(error: BaseException, *stages: str) -> Any:
    def act(*arguments: Any) -> Result:
        events: Events = arguments[4]
        events.emit(
            RunStarted(run_id="r-1", command="hotfix", target="lab", host="h", operator="ana")
        )
        for stage in stages:
            events.emit(StageStarted(stage=stage, title=stage))
        raise error

    return act


def test_an_error_in_a_run_ends_its_stream(run: Run, project: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(hotfix_module, "hotfix", failing(RefusedError("No."), "preflight"))
    done = run("hotfix", "--sha", "x", "--output", "ndjson", "--log-file", "run.log")
    assert done.code == 23
    assert done.document["type"] == "result"
    assert (done.document["runId"], done.document["target"]) == ("r-1", "lab")
    assert "REFUSED (exit 23)" in (project / "run.log").read_text()


@pytest.mark.parametrize(
    ("stage", "production"), [("build", "Production was not touched."), ("swap", "Not known")]
)
def test_a_bug_claims_nothing_about_production_that_it_can_not_know(
    run: Run, project: Path, monkeypatch: Any, stage: str, production: str
) -> None:
    monkeypatch.setattr(hotfix_module, "hotfix", failing(ZeroDivisionError(), stage))
    done = run("hotfix", "--sha", "x", "--output", "json")
    assert done.code == 1
    assert done.document["production"].startswith(production)
    assert ("status --target lab" in done.document["nextStep"]) is (stage == "swap")


def test_without_a_terminal_approval_needs_yes(run: Run, project: Path, monkeypatch: Any) -> None:
    def ask(*arguments: Any) -> Result:
        arguments[5](PlanReady(digest="sha256:0", plan={}, diff=""))
        raise AssertionError

    monkeypatch.setattr(hotfix_module, "hotfix", ask)
    done = run("hotfix", "--sha", "x", "--output", "json")
    assert done.code == 77
    assert done.document["result"] == "not-approved"


def test_under_github_actions_raw_output_is_fenced_and_stdout_stays_json(
    run: Run, project: Path, monkeypatch: Any
) -> None:
    def build(*arguments: Any) -> Result:
        arguments[4].emit(LogLine(source="build", text="::set-output name=x::y"))
        return ended()

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(hotfix_module, "hotfix", build)
    done = run("hotfix", "--sha", "x", "--output", "json")
    assert "::stop-commands::" in done.stderr
    assert done.document["exitCode"] == 0


@pytest.mark.parametrize("time", ["soon", "-1s", "5 parsecs", "25h"])
def test_a_lock_wait_that_is_no_duration(run: Run, calls: list[Any], time: str) -> None:
    done = run("hotfix", "--sha", "x", f"--lock-wait={time}")
    assert done.code == 2
    assert "--lock-wait" in done.stderr
    assert calls == []


def test_a_log_file_that_can_not_be_written(run: Run, calls: list[Any]) -> None:
    done = run("hotfix", "--sha", "x", "--log-file", "/nowhere/run.log", "-o", "json")
    assert done.code == 2
    assert "/nowhere/run.log" in done.document["reason"]
    assert calls == []


@pytest.mark.parametrize(("command", "kind"), [("hotfix", "rollback"), ("rollback", "hotfix")])
def test_a_playbook_of_the_other_kind_is_refused(
    run: Run, calls: list[Any], command: str, kind: str
) -> None:
    words = ["--sha", "d73cfb1"] if command == "hotfix" else []
    file = str(data_path("playbooks", f"{kind}.yml"))
    done = run(command, *words, "--yes", "--playbook", file)
    assert done.code == ExitCode.CONFIG
    assert f"a playbook for `deployctl {kind}`" in done.stderr
    assert not calls
