"""Real git repositories in a temporary directory, made without the developer's own settings."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from deployctl.errors import DeployctlError
from tests.cases import Case

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ana",
    "GIT_AUTHOR_EMAIL": "ana@example.org",
    "GIT_AUTHOR_DATE": "2026-01-03T07:32:00Z",
    "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@example.org",
    "GIT_COMMITTER_DATE": "2026-01-03T07:32:00Z",
}


class Clone:
    """A repository to arrange: write files, run git, commit."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        options = ["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]
        done = subprocess.run(
            ["git", *options, "-C", str(self.path), *words],
            input=stdin,
            capture_output=True,
            check=False,
            env=env or {"PATH": os.environ["PATH"], "HOME": str(self.path), **ENVIRONMENT},
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(errors="surrogateescape").strip()

    def write(self, name: str | bytes, content: str | bytes = "x\n", *, mode: int = 0o644) -> None:
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.path), os.fsencode(name))))  # noqa: PTH118
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)

    def commit(self, message: str = "work", **files: str) -> str:
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, to: Path, *words: str) -> "Clone":
        self.git("clone", "-q", *words, f"file://{self.path}", str(to))
        return Clone(to)


def assert_refuses(error: DeployctlError, refusal: Case) -> None:
    """The error is the one that the case's mark tells of."""
    assert error.code == refusal.code
    assert refusal.sentence in f"{error.what} {error.next_step}"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Clone]:
    """Makes an empty repository of a given name, with options of `git init`."""

    def make(name: str, *options: str) -> Clone:
        clone = Clone(tmp_path / name)
        clone.path.mkdir(parents=True)
        clone.git("init", "-q", *options)
        return clone

    return make


@pytest.fixture
def repo(make: Callable[..., Clone]) -> Clone:
    """A repository with one commit that has a Dockerfile."""
    repo = make("repo")
    repo.commit("first", Dockerfile="FROM scratch\n")
    return repo


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
