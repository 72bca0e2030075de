"""Running a command line in this process, and a project to run it in."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployctl.cli.boundary import run as run_boundary

SETTINGS = """version: 1
services: [api]
gates:
  health: {path: /health}
targets:
  lab: {host: deploy@127.0.0.1}
"""


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The result, from `--output json` or from the last line of `ndjson`."""
        try:
            parsed = json.loads(self.stdout)
        except json.JSONDecodeError:
            parsed = json.loads(self.stdout.splitlines()[-1])
        assert isinstance(parsed, dict)
        return parsed


Run = Callable[..., Ended]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working directory; no CI."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CI", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def project(surroundings: Path) -> Path:
    (surroundings / "deployctl.yml").write_text(SETTINGS)
    return surroundings


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def run(*argv: str) -> Ended:
        code = run_boundary(list(argv))
        sys.stdout.flush()
        captured = capfdbinary.readouterr()
        return Ended(code, captured.out.decode(), captured.err.decode())

    return run
