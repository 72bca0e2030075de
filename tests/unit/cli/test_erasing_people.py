"""The commands of `docs evidence` and of the README erase a run's names, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployctl.cli.docs import evidence as docs_evidence
from deployctl.events import Approved, RunStarted
from deployctl.evidence.journal import Journal
from deployctl.evidence.people import PSEUDONYM
from deployctl.evidence.predicate import Circumstances, Client, NamedDigest
from deployctl.evidence.report.views import write_views
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import seal
from deployctl.result import Result
from tests.seals import allowed, new_key, signing

from .conftest import Run

ROOT = Path(__file__).parents[3]
WHO = "Ana 'Lima' (GitLab CI)"


def commands(text: str) -> list[str]:
    return re.findall(
        r"^ *\$ (.*\$run.*people\.json.*|deployctl report \"\$run\")", text, re.MULTILINE
    )


@pytest.fixture
def sealed(surroundings: Path) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen here")
    directory = RunDirectory(surroundings / "evidence", "lab", "r-1")
    journal = Journal(directory)
    journal(RunStarted(run_id="r-1", command="hotfix", target="lab", host="vps", operator=WHO))
    journal(Approved(by=WHO, how="ci", digest="sha256:a"))
    journal.close()
    directory.write_bytes("approvals/SHA256-abc.json", WHO.encode())
    key = new_key(surroundings)
    allowed(surroundings / "allowed", key)
    told = Result(
        command="hotfix", result="refused", exit_code=23, reason=f"Not as {WHO}.", target="lab",
        run_id="r-1", started_at=datetime(2026, 1, 3, tzinfo=UTC), duration_ms=1,
    )  # fmt: skip
    circumstances = Circumstances(
        client=Client(host="laptop", user="ana", system="Linux"),
        playbook=NamedDigest(name="hotfix", digest="sha256:b"),
    )
    context = {"operator": WHO, "approvedBy": WHO}
    seal(directory, told, {}, context, circumstances, signing(key))
    write_views(directory.path)
    (directory.path / "validation-abc.json").write_text(WHO)
    return directory.path


def holding(run: Path) -> set[str]:
    """Files with the name, however it is written in them."""
    files = (path for path in run.rglob("*") if path.is_file())
    return {path.relative_to(run).as_posix() for path in files if "Lima" in path.read_text("utf-8")}


def test_both_texts_have_the_same_commands() -> None:
    readme = commands((ROOT / "README.md").read_text())
    assert len(readme) == 2
    assert commands(docs_evidence()) == readme


def test_until_then_the_views_tell_who_it_was_and_the_chain_does_not(sealed: Path) -> None:
    assert holding(sealed) == {
        "people.json", "approvals/SHA256-abc.json", "validation-abc.json", "seal.md", "seal.html"
    }  # fmt: skip


def test_after_it_no_file_names_anybody_and_the_seal_holds(
    run: Run, sealed: Path, surroundings: Path
) -> None:
    program = surroundings / "bin" / "deployctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m deployctl "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "run": str(sealed)}
    env["PATH"] = f"{program.parent}{os.pathsep}{env['PATH']}"
    script = "set -e\n" + "\n".join(commands(docs_evidence()))
    subprocess.run(["sh", "-c", script], env=env, check=True, capture_output=True)

    assert holding(sealed) == set()
    for view in ("seal.md", "seal.html"):
        assert PSEUDONYM.search((sealed / view).read_text())
        assert "erased" in (sealed / view).read_text()
    done = run("verify", str(sealed), "--allowed-signers", "allowed")
    assert done.code == 0, done.stdout
    first = done.stdout.splitlines()[0]
    assert first.startswith("Proven: ")
    assert "Not proven: " in first
    assert "who took part (erased)" in first
    assert "who took part (people.json was erased)" in done.stdout


def test_the_runs_that_name_somebody_are_found(sealed: Path) -> None:
    [command] = re.findall(r"^ *\$ (grep .*)$", docs_evidence(), re.MULTILINE)
    env = {**os.environ, "evidence": str(sealed.parents[1])}
    done = subprocess.run(
        ["sh", "-c", command], env=env, check=True, capture_output=True, text=True
    )
    assert done.stdout == f"{sealed / 'people.json'}\n"
