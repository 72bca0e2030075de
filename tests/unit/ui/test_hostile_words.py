"""Every word of every event may be another's: a terminal, a CI runner and a page obey none."""

import io
import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from deployctl.events import Event
from deployctl.ui.github import GitHub
from deployctl.ui.plain import LogFile, Plain
from deployctl.ui.summary import markdown
from deployctl.ui.terminal import Terminal

from .conftest import Stream
from .story import result, story
from .test_github import obeyed

SHOUT = (
    "\x1b]0;owned\x07\x1b[2J\x9b5m\u202e\r\n::error::owned\n##[error]owned\r"
    "<img src=x onerror=owned>[a](javascript:owned)`$(touch owned)`|\n# owned"
)
OURS = frozenset(
    {"state", "when", "level", "mode", "guard", "result", "status", "stage", "digest", "strategy"}
)
"""words of deployctl's own, which it looks up or compares"""


def shouted(value: Any, name: str = "") -> Any:
    """The value with something hostile behind every text in it."""
    if isinstance(value, str) and name not in OURS:
        return value + SHOUT
    if isinstance(value, dict):
        return {key: shouted(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [shouted(item, name) for item in value]
    return value


def hostile(event: Event) -> Event:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return replace(
        event,
        **{
            name: shouted(value, name)
            for name, value in values.items()
            if not isinstance(value, datetime)
        },
    )


def events() -> list[Event]:
    return [hostile(event) for _, event in story("rolled-back")]


def plain(_: Path) -> str:
    stream = Stream()
    renderer = Plain(stream)
    for event in events():
        renderer(event)
    return stream.getvalue()


def log_file(folder: Path) -> str:
    renderer = LogFile(folder / "log")
    for event in events():
        renderer(event)
    renderer.close()
    return (folder / "log").read_text()


def github(_: Path) -> str:
    stream = Stream()
    renderer = GitHub(stream, {})
    for event in events():
        renderer(event)
    renderer.close()
    for command in obeyed(stream.getvalue().split("\n")):
        assert re.match("::(?:group::stage |endgroup::$|error title=gate )", command), command
    return stream.getvalue()


@pytest.mark.parametrize("show", [plain, log_file, github])
def test_lines_hold_nothing_that_is_obeyed(show: Callable[[Path], str], tmp_path: Path) -> None:
    text = show(tmp_path)
    assert "owned" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_a_terminal_gets_only_what_the_live_view_draws_with() -> None:
    raw = io.StringIO()
    console = Console(file=raw, force_terminal=True, width=100, height=40, color_system="standard")
    terminal = Terminal(raw, console=console)
    for event in events():
        terminal(event)
    terminal.close()
    drawn = raw.getvalue()
    assert "owned" in drawn
    for escape in re.findall("\x1b.?[^A-Za-z]*[A-Za-z]", drawn):
        assert re.fullmatch(r"\x1b\[(?:\?25[lh]|[0-9;]*m|1A|2K)", escape), escape
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e]", drawn)


def test_a_pages_summary_has_no_markup_of_others() -> None:
    document = shouted(result("rolled-back").model_dump(mode="json", by_alias=True))
    text = markdown(document, 1_000_000)
    assert "owned" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    unescaped = re.sub(r"\\[\\`*_{}\[\]<>#|~!]", "", text)
    assert not re.search(r"[<>`\[\]]", unescaped)
    # A heading, or a row of a table, where nobody put one.
    headings = [line for line in unescaped.split("\n") if line.startswith("#")]
    assert len(headings) == 1
