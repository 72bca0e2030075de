"""Whatever is in a text is seen."""

import pytest

from deployctl.evidence.report.plain_text import beginning, one_line, visible

from . import hostile


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("ação ✓ 日本", "ação ✓ 日本"),
        ("\x1b[31m", "␛[31m"),
        ("\x7f", "␡"),
        ("a\u202eb", "a[U+202E]b"),
        ("\ud800", "[U+D800]"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("\x85", "[U+0085]"),
    ],
)
def test_what_would_not_be_seen_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_of_a_hostile_text_stays_hidden() -> None:
    shown = visible(hostile.ALL + hostile.SURROGATE)
    assert not [char for char in hostile.INVISIBLE if char in shown]
    shown.encode()


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n\n b\tc ") == "a b c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", ("abc", True)),
        ("abc\n", ("abc\n", True)),
        ("a\nb\nc\nd", ("a\nb\nc", False)),
        ("x" * 20, ("x" * 10, False)),
        ("", ("", True)),
    ],
)
def test_a_beginning_says_whether_it_is_all(text: str, expected: tuple[str, bool]) -> None:
    assert beginning(text, 10, 3) == expected
