"""Whatever words a command line holds: a code of the contract and a sentence, never a bug."""

import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.cli.boundary import run
from deployctl.errors import ExitCode
from tests.cases import works

SETTINGS = """version: 1
services: [api]
targets:
  lab: {host: "deploy@127.0.0.1:9"}
"""
"""Nobody listens on that port: nothing here gets further than to a refused connection."""

COMMANDS = [
    ["hotfix"], ["rollback"], ["plan"], ["status"], ["history"], ["logs"], ["doctor"], ["init"],
    ["docs"], ["compose"], ["compose", "diagnose"], ["compose", "set-image"],
    ["compose", "render"], ["lab", "nothing"],
]  # fmt: skip
OPTIONS = [
    "--sha", "--target", "-t", "--config", "--playbook", "--yes", "-y", "--rebuild", "--advisory",
    "--accept-drift", "--reason", "--lock-wait", "--output", "-o", "--log-file", "--evidence-dir",
    "--to", "--limit", "-n", "--service", "--lines", "--host", "--health", "--metrics",
    "--prometheus", "--job", "--project", "--image", "--force", "--set", "--help", "--version",
    "--", "-", "--sideways", "--sha=", "--output=json", "-ojson", "--target=lab",
]  # fmt: skip
VALUES = [
    "", " ", "lab", "HEAD", "deployctl.yml", "compose.yml", ".", "/proc", "/dev/null", "/nowhere/x",
    "json", "ndjson", "text", "xml", "production", "api", "api:1", "a=b", "=", "0", "-1", "1e9",
    "9" * 40, "10s", "-5s", "r0", "../../etc/passwd", "$(id)", "`id`", "${HOME}", "%s%n", "\x1b[2J",
    "\udcff", "\ud800", "\u202e", "\n", "x" * 5000, "'", '"', "health", "1.2.3.4:22", "[::1]:22",
    "a@b@c", "--yes", "-o", "http://x", "\N{PILE OF POO}",
]  # fmt: skip
words = st.lists(
    st.sampled_from(OPTIONS)
    | st.sampled_from(VALUES)
    | st.text(st.characters(exclude_characters="/"), max_size=6),
    max_size=7,
)
CODES = {int(code) for code in ExitCode} - {ExitCode.BUG}


@contextmanager
def captured() -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = streams
    try:
        yield streams[0], streams[1]
    finally:
        sys.stdout, sys.stderr = before


def text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


@pytest.fixture(scope="module", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A project of nobody's, no CI, and nothing on standard input."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CI", "FORCE_COLOR", "SSH_AUTH_SOCK"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        yield


@contextmanager
def project() -> Iterator[Path]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "project"
        place.mkdir()
        (place / "deployctl.yml").write_text(SETTINGS)
        (place / "compose.yml").write_text("services:\n  api:\n    image: api:1\n")
        os.chdir(place)
        try:
            yield place
        finally:
            os.chdir(before)


@works("Hostile input", "a command line of any words and bytes")
@given(st.sampled_from(COMMANDS), words)
@settings(max_examples=150, deadline=None)
def test_any_words_end_with_a_code_and_a_sentence(command: list[str], more: list[str]) -> None:
    with project() as place, captured() as (out, err):
        code = run([*command, *more])
        kept = (place / "deployctl.yml").read_text()
    told = text(out) + text(err)
    assert code in CODES, told
    assert told.strip()
    assert "Traceback" not in told
    assert "\x1b" not in told.replace("\\x1b", "")
    assert kept == SETTINGS or "--force" in more
    if code and text(out).startswith("{"):
        # One document, or events and a document, a line each.
        pretty = text(out).startswith("{\n")
        assert json.loads(text(out) if pretty else text(out).splitlines()[-1])
