"""The README says what is so: its tables, commands, options, settings and paths."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deployctl.cli.docs import MEANINGS, TOPICS
from deployctl.cli.main import app
from deployctl.config import example
from deployctl.config.gates import GATE_TYPES
from deployctl.config.settings import RolloutSettings
from deployctl.errors import ExitCode
from deployctl.rollout.safety import ORDER
from tests.cases import markdown

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {
    name: (ROOT / name).read_text()
    for name in ("README.md", "CONTRIBUTING.md", "examples/ci/README.md")
}


def section(title: str) -> str:
    _, found, rest = README.partition(f"\n## {title}\n")
    assert found, f"the README has no section {title}"
    return rest.partition("\n## ")[0]


def first_column(text: str) -> list[str]:
    rows = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    return [row.strip("`") for row in rows[1:]]


def commands(text: str) -> Iterator[list[str]]:
    """The words of every deployctl command line in a code block or in a line's code."""
    shell = re.findall(r"^\$ (deployctl [^#|\n]+)", text, re.MULTILINE)
    inline = re.findall(r"`(deployctl [^`]+)`", text)
    for line in [*shell, *inline]:
        yield shlex.split(" ".join(line.split()))[1:]


def test_the_exit_codes_are_those_of_the_tool() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section("Exit codes"), re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == {
        int(code): MEANINGS[code] for code in ExitCode
    }


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_the_settings_are_the_essentials_of_the_example() -> None:
    assert f"```yaml\n{example.essentials().rstrip()}\n```" in section("Settings")


def test_the_gates_are_those_there_are() -> None:
    assert sorted(first_column(section("Gates"))) == sorted(GATE_TYPES)


def test_the_times_of_the_gates_are_the_defaults() -> None:
    assert RolloutSettings().min_healthy == 10
    assert "`min_healthy`\n(10 s)" in section("Gates")
    assert RolloutSettings().deadline == 120
    assert "`deadline` (2 min)" in section("Gates")


def test_the_stages_stand_in_the_order_of_the_playbook() -> None:
    assert ", ".join(ORDER) in " ".join(section("Playbooks").split())


@pytest.mark.parametrize(
    ("page", "words"), [(page, words) for page, text in PAGES.items() for words in commands(text)]
)
def test_every_command_and_option_exists(page: str, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    used = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert set(used) - {"--help", "-h"} <= options, f"{page}: {command.name}"
    if hasattr(command, "commands"):
        assert not [word for word in words if not word.startswith("-")], f"{page}: {words}"


@pytest.mark.parametrize("text", PAGES.values(), ids=PAGES)
def test_every_topic_that_is_named_exists(text: str) -> None:
    assert set(re.findall(r"deployctl docs ([a-z-]+)", text)) <= set(TOPICS)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[page])
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_script_that_is_named_exists(page: str) -> None:
    scripts = set(re.findall(r"\b(script/[a-z-]+|\.ci/run)", PAGES[page]))
    assert [name for name in scripts if not (ROOT / name).is_file()] == []


def test_the_table_of_rooms_names_every_room() -> None:
    named = set(re.findall(r"^\| `([a-z]+)/` \|", PAGES["CONTRIBUTING.md"], re.MULTILINE))
    rooms = {path.parent.name for path in (ROOT / "deployctl").glob("*/__init__.py")}
    assert named == rooms


def test_what_it_works_with_is_what_the_marks_of_the_tests_say() -> None:
    text = section("What it works with")
    _, found, rest = text.partition("<!-- works with: begin -->\n")
    assert found
    assert rest.partition("<!-- works with: end -->")[0] == markdown(), "script/works-with --write"
