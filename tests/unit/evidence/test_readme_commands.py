"""The README's commands check a seal without deployctl, exactly as they stand there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import seal
from deployctl.result import Result
from tests.seals import allowed, new_key, signing
from tests.unit.evidence.test_seal import CIRCUMSTANCES, result

README = (Path(__file__).parents[3] / "README.md").read_text()
SHELLS = ("dash", "bash", "busybox")


def commands() -> list[str]:
    _, _, text = README.partition("\n## Evidence that anyone can check\n")
    block = text.partition("```console\n")[2].partition("```")[0]
    return re.findall(r"^\$ (.+)$", block, re.MULTILINE)


def run_all(folder: Path, run: Path, shell: str) -> "subprocess.CompletedProcess[str]":
    """One after another, until one fails."""
    program = shutil.which(shell)
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip(f"no {shell} or no ssh-keygen here")
    words = [program, "sh"] if shell == "busybox" else [program]
    script = f"set -e\nrun='{run}'\n" + "\n".join(commands())
    return subprocess.run(
        [*words, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = RunDirectory(tmp_path, "production", "a run")
    for name in ("build.log", "events.ndjson", "gates/health.after.1.txt"):
        directory.write_bytes(name, name.encode())
    key = new_key(tmp_path)
    allowed(tmp_path / "allowed_signers", key)
    told: Result = result('a "quoted" reason, {"name":"x","sha256":"y","sizeBytes":7}')
    seal(directory, told, {"a": "é"}, {}, CIRCUMSTANCES, signing(key))
    return directory.path


@pytest.mark.parametrize("shell", SHELLS)
def test_they_show_that_a_seal_is_good(tmp_path: Path, run: Path, shell: str) -> None:
    done = run_all(tmp_path, run, shell)
    assert done.returncode == 0, done.stderr
    assert 'Good "seal@deployctl" signature for ana@example.com with ED25519 key' in done.stdout
    for name in ("build.log", "events.ndjson", "gates/health.after.1.txt"):
        assert f"{name}: OK" in done.stdout


def test_they_fail_for_an_artefact_that_was_changed(tmp_path: Path, run: Path) -> None:
    (run / "build.log").write_text("another")
    done = run_all(tmp_path, run, "dash")
    assert done.returncode != 0
    assert "build.log: FAILED" in done.stdout


def test_they_fail_for_a_seal_that_was_changed(tmp_path: Path, run: Path) -> None:
    file = run / "seal.json"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert run_all(tmp_path, run, "dash").returncode != 0


def test_they_fail_for_a_signer_who_is_not_listed(tmp_path: Path, run: Path) -> None:
    allowed(tmp_path / "allowed_signers", new_key(tmp_path, "other"))
    assert run_all(tmp_path, run, "dash").returncode != 0


def test_they_need_no_more_than_standard_tools() -> None:
    text = " ".join(commands())
    assert len(commands()) == 7
    for absent in ("jq", "python", "perl", "deployctl verify"):
        assert absent not in text
