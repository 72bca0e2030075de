"""Foreign text is harmless on a terminal; numbers read well."""

import pytest

from deployctl.ui.text import clean, clean_lines, duration, size


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq payload\x1b\\x", "x"),
        ("\x9b31mred", "red"),
        ("\x1b", ""),
        ("\x1b[", ""),
        ("bell\x07 null\x00 del\x7f", "bell null del"),
        ("10 %\r50 %\r100 %", "100 %"),
        ("line\r\n", "line"),
        ("a\nb\tc", "a b c"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("\ud800", "\ufffd"),
        ("olá ✓ 日本", "olá ✓ 日本"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_left(foreign: str, shown: str) -> None:
    assert clean(foreign) == shown


def test_lines_stay_lines() -> None:
    assert clean_lines("a\r\n\tb\x1b[1m\n\nc\n") == ["a", "    b", "", "c"]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (1240, "1.2 s"),
        (59_960, "1 min"),
        (125_000, "2 min 5 s"),
        (3_600_000, "1 h"),
        (11_040_000, "3 h 4 min"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (38_000_000, "38.0 MB"), (999_999, "1.0 MB"), (10**13, "10.0 TB")],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text
