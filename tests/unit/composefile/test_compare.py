"""The diff that plans show."""

from deployctl.composefile import diff


def test_equal_bytes_have_no_diff() -> None:
    assert diff(b"a\n", b"a\n", "f") == ""


def test_a_changed_line() -> None:
    assert diff(b"a\nb\n", b"a\nc\n", "f.yml").splitlines() == [
        "--- a/f.yml",
        "+++ b/f.yml",
        "@@ -1,2 +1,2 @@",
        " a",
        "-b",
        "+c",
    ]


def test_a_missing_last_break_bytes_and_carriage_returns_are_shown() -> None:
    text = diff(b"\xff\r\n", b"a", "f")
    assert "-\\xff^M\n" in text
    assert text.endswith("+a\n\\ No newline at end of file\n")
