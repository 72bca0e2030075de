"""The live view: what stays on the screen, and that the terminal is given back."""

import io
import re

import pytest
from rich.console import Console

from deployctl.events import Event, LogLine, PlanReady, StageEnded, StageStarted
from deployctl.ui.terminal import Terminal

from .story import LONG, PLAN, story


class Screen:
    """A terminal renderer on a recorded console."""

    def __init__(self, width: int = 80, encoding: str = "utf-8") -> None:
        self.raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
        console = Console(
            file=self.raw, force_terminal=True, width=width, height=40, color_system="standard"
        )
        self.terminal = Terminal(self.raw, console=console)

    def play(self, *events: Event) -> str:
        for event in events:
            self.terminal(event)
        self.terminal.close()
        self.raw.flush()
        data = self.raw.buffer.getvalue()  # type: ignore[attr-defined]
        return str(data.decode(self.raw.encoding))


def whole(ending: str) -> list[Event]:
    return [event for _, event in story(ending)]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("ending", ["sealed", "rolled-back"])
def test_a_whole_run_fits_any_width_and_gives_the_cursor_back(ending: str, width: int) -> None:
    text = Screen(width).play(*whole(ending))
    assert text.count("\x1b[?25h") >= text.count("\x1b[?25l") > 0
    assert "owned" not in text
    assert "\x1b[5m" not in text


def test_the_next_command_can_be_copied_in_one_piece() -> None:
    text = Screen(50).play(*whole("rolled-back"))
    assert "deployctl logs --target production --service api --lines 200" in text


def test_a_failure_shows_what_the_gate_saw_and_the_containers_last_lines() -> None:
    text = Screen(400).play(*whole("rolled-back"))
    verdict = text.rpartition("ROLLED BACK")[2]
    assert LONG in verdict
    assert "Started server process" in verdict


def test_a_failed_stage_leaves_its_last_lines_and_a_passed_one_none() -> None:
    events = [
        StageStarted(stage="build", title="Build"),
        *(LogLine(source="build", text=f"line {number}") for number in range(50)),
    ]
    failed = Screen().play(*events, StageEnded(stage="build", state="failed", duration_ms=1))
    assert "line 49" in failed.rpartition("build")[2]
    assert "line 30" in failed.rpartition("build")[2]
    assert "line 29" not in failed.rpartition("build")[2]
    passed = Screen().play(*events, StageEnded(stage="build", state="passed", duration_ms=1))
    assert "line 30" not in passed.rpartition("build")[2]


def test_only_what_the_diff_takes_or_adds_has_a_colour() -> None:
    diff = (
        "--- a.yml\n+++ a.yml\n@@ -1,4 +1,4 @@\n     networks:\n       - techno-network\n"
        "-    image: techno-os-api:v1\n+    image: techno-os-api:d73cfb1\n     env_file:\n"
        "-      - a.env\n       - b.env"
    )
    shown = Screen().play(PlanReady(digest="sha256:d", plan=PLAN, diff=diff))
    coloured = {line.strip() for line in re.findall(r"\x1b\[3[12]m(.*?)\x1b\[0m", shown)}
    assert coloured == {
        "--- a.yml",
        "+++ a.yml",
        "-    image: techno-os-api:v1",
        "+    image: techno-os-api:d73cfb1",
        "-      - a.env",
    }


def test_a_terminal_without_utf8_gets_other_marks() -> None:
    ended = StageEnded(stage="ship", state="passed", duration_ms=1)
    assert "+ ship" in Screen(encoding="latin-1").play(ended)
    assert "✓ ship" in Screen().play(ended)


def test_a_question_finds_the_screen_still_and_the_display_comes_back() -> None:
    screen = Screen()
    screen.terminal(StageStarted(stage="approve", title="Approve"))
    with screen.terminal.suspended():
        assert screen.terminal._live is None
    assert screen.terminal._live is not None
    screen.terminal.close()
    screen.terminal.close()
    assert screen.terminal._live is None
