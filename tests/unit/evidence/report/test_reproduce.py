"""Each validation can be repeated by a command, and what is printed to be typed is safe to type."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from deployctl.evidence.report.reproduce import commands, verification
from deployctl.evidence.report.words import words_in

from .support import NEEDS, NEW_IMAGE, make, story

EN = words_in("en")


def test_a_gate_is_asked_again_as_it_was_asked_last(tmp_path: Path) -> None:
    found = commands(story(tmp_path), EN)[0]
    assert found.about == "health of api"
    assert found.line == "curl -sS -i http://127.0.0.1:8000/health"
    assert found.expected == NEEDS["health"]
    assert (found.seen, found.when) == ("200, as it should", "after")


def test_the_container_and_the_file_are_looked_at_again(tmp_path: Path) -> None:
    _, container, file = commands(story(tmp_path), EN)
    assert container.line.startswith("docker inspect --format ")
    assert container.expected == f"{NEW_IMAGE} running"
    assert (file.line, file.expected) == ("sha256sum /opt/app/docker-compose.yml", "b" * 64)


def test_after_a_rollback_no_digest_is_claimed_of_a_file_that_others_may_have_edited(
    tmp_path: Path,
) -> None:
    assert not [c for c in commands(story(tmp_path, "rolled-back"), EN) if "sha256sum" in c.line]


def test_a_run_that_asked_nothing_has_nothing_to_repeat(tmp_path: Path) -> None:
    assert commands(story(tmp_path, "refused"), EN) == ()


@pytest.mark.parametrize("rest", ["'; rm -rf /; '", "$(id)", "`id`", "a\nrm -rf /", "\x1b[2J"])
def test_an_address_is_one_word_of_the_command(tmp_path: Path, rest: str) -> None:
    [line] = commands(story(tmp_path, asked=f"http://h/{rest}"), EN)[0].line.splitlines()
    words = shlex.split(line)
    assert words[:3] == ["curl", "-sS", "-i"]
    assert len(words) == 4


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_commands_that_verify_do(tmp_path: Path) -> None:
    directory = make(tmp_path)
    artefacts = verification(story(tmp_path), EN)[1]

    def typed() -> int:
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", artefacts.line],
            cwd=directory, capture_output=True, check=False,
        ).returncode  # fmt: skip

    assert typed() == 0
    (directory / "compose.diff").write_text("x")
    assert typed() != 0
