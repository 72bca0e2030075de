"""`deployctl report`: views of a run, made anew from its evidence; no host is asked."""

import shutil
import webbrowser
from pathlib import Path

import pytest

from deployctl.errors import ExitCode
from tests.unit.evidence.report.support import make

from .conftest import SETTINGS, Run


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    base = tmp_path / "state" / "deployctl" / "evidence"
    make(base, run_id="20260101T000000Z-hotfix-aaaaaa")
    make(base, "refused", run_id="20260102T000000Z-hotfix-bbbbbb", target="lab")
    return base


def test_it_writes_both_views_of_the_last_run_and_says_where(run: Run, evidence: Path) -> None:
    done = run("report")
    page = evidence / "lab" / "20260102T000000Z-hotfix-bbbbbb" / "seal.html"
    assert (done.code, done.stdout) == (0, f"{page}\n")
    assert "Refused" in page.read_text()
    assert "Refused" in page.with_name("seal.md").read_text()


def test_an_older_run_is_named_by_a_part_of_its_id_or_by_its_target(
    run: Run, evidence: Path
) -> None:
    assert "aaaaaa" in run("report", "aaaaaa").stdout
    assert "aaaaaa" in run("report", "--target", "production").stdout


@pytest.mark.parametrize(("name", "begins"), [("md", "# Seal: "), ("html", "<!doctype html>")])
def test_it_prints_one_and_then_writes_nothing(
    run: Run, evidence: Path, name: str, begins: str
) -> None:
    assert run("report", "aaaaaa", "--format", name).stdout.startswith(begins)
    assert list(evidence.rglob("seal.html")) == []


def test_evidence_may_lie_elsewhere(run: Run, tmp_path: Path) -> None:
    made = make(tmp_path / "copies")
    assert run("report", "--dir", str(tmp_path / "copies")).stdout == f"{made / 'seal.html'}\n"
    assert run("report", str(made)).stdout == f"{made / 'seal.html'}\n"


def test_the_language_is_that_of_the_settings_or_of_the_option(
    run: Run, evidence: Path, project: Path
) -> None:
    assert run("report", "--format", "md").stdout.startswith("# Seal")
    (project / "deployctl.yml").write_text(f"{SETTINGS}language: pt-BR\n")
    assert run("report", "--format", "md").stdout.startswith("# Selo")
    assert run("report", "--format", "md", "--language", "en").stdout.startswith("# Seal")


def test_of_a_copy_the_settings_of_its_own_target_count(
    run: Run, evidence: Path, tmp_path: Path, project: Path
) -> None:
    copy = tmp_path / "downloads" / "artefact"
    shutil.copytree(evidence / "lab" / "20260102T000000Z-hotfix-bbbbbb", copy)
    config = project / "deployctl.yml"
    config.write_text(f"{SETTINGS.replace('production', 'lab')}language: pt-BR\n")
    done = run("report", str(copy), "--config", str(config), "--format", "md")
    assert done.stdout.startswith("# Selo"), done.stderr


def test_settings_that_can_not_be_read_are_in_the_way_only_where_they_were_named(
    run: Run, evidence: Path, project: Path
) -> None:
    (project / "deployctl.yml").write_text("nonsense: [")
    assert run("report").code == 0
    assert run("report", "--config", "deployctl.yml").code == ExitCode.CONFIG


def test_what_is_not_there_is_told(run: Run, evidence: Path) -> None:
    done = run("report", "zzzzzz")
    assert done.code == ExitCode.USAGE
    assert "no sealed run called zzzzzz" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("started", [True, False])
def test_open_shows_the_page_in_the_browser(
    run: Run, evidence: Path, monkeypatch: pytest.MonkeyPatch, started: bool
) -> None:
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return started

    monkeypatch.setattr(webbrowser, "open", browse)
    done = run("report", "--open")
    assert done.code == 0
    assert opened == [Path(done.stdout.strip()).as_uri()]
    assert ("No browser" in done.stderr) is not started
