"""`stats` and `history`: forms of the answer, and what can't be asked for."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from deployctl.errors import ExitCode
from tests.unit.evidence.stats.test_runs import predicate

from .conftest import Run


@pytest.fixture
def evidence(surroundings: Path) -> Path:
    """Where seals lie by default."""
    folder = surroundings.parent / "state/deployctl/evidence/production/one"
    folder.mkdir(parents=True)
    (folder / "seal.json").write_text(json.dumps(predicate()))
    return folder.parent.parent


def test_stats_reads_the_evidence_of_this_machine(run: Run, evidence: Path) -> None:
    done = run("stats", "--since", "2026-01-01")
    assert done.code == 0
    assert "production, project shop" in done.stdout


def test_stats_needs_no_settings_and_no_evidence(run: Run) -> None:
    done = run("stats")
    assert done.code == 0
    assert done.stdout.startswith("No evidence of runs since ")


@pytest.mark.parametrize("words", [("--format", "json"), ("--output", "json"), ("-o", "ndjson")])
def test_stats_is_a_document(run: Run, evidence: Path, words: tuple[str, ...]) -> None:
    document = run("stats", "--since", "2026-01-01", *words).document
    assert document["command"] == "stats"
    [service] = document["services"]
    assert {each["name"] for each in service["figures"]} > {"changeLeadTime", "rollbackTimeP90"}


def test_stats_of_other_directories(run: Run, evidence: Path, surroundings: Path) -> None:
    (surroundings / "ci").mkdir()
    done = run("stats", "--since", "2026-01-01", "--dir", "ci", "--dir", str(evidence))
    assert "1 run from" in done.stdout
    assert "No evidence" in run("stats", "--since", "2026-01-01", "--dir", "ci").stdout


def test_stats_as_csv(run: Run, evidence: Path) -> None:
    done = run("stats", "--since", "2026-01-01", "--format", "csv", "--target", "production")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert rows[0]["figure"] == "deploymentFrequency"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "soon"), "expected a time such as 90d"),
        (("--dir", "nowhere"), "There is no directory nowhere"),
        (("--format", "csv", "--output", "json"), "ask for two forms at once"),
        (("--format", "xml"), "--format"),
    ],
)
def test_what_stats_cannot_do_is_a_usage_error(run: Run, words: Any, told: str) -> None:
    done = run("stats", *words)
    assert done.code == ExitCode.USAGE
    assert told in done.stderr


def test_an_error_is_told_in_the_form_that_was_asked_for(run: Run) -> None:
    done = run("history", "--format", "json")
    assert done.document["result"] == "invalid"


def test_history_asks_for_one_form(run: Run, project: Path) -> None:
    done = run("history", "--format", "csv", "-o", "json")
    assert done.code == ExitCode.USAGE
