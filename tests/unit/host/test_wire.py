"""Records: cut anywhere, refused when they make no sense."""

import pytest

from deployctl.host.wire import Answer, MalformedStreamError, Record, RecordReader, start_marker


def started(**limits: int) -> RecordReader:
    reader = RecordReader("n", **limits)
    reader.feed(start_marker("n"))
    return reader


def test_noise_before_the_start_is_kept_for_messages() -> None:
    reader = RecordReader("n")
    reader.feed(b"Welcome!\na 1\nx\n")
    assert reader.next() is None
    reader.feed(b"and " + start_marker("n")[:5])
    reader.feed(start_marker("n")[5:] + b"a 1\ny\n")
    assert reader.next() == Record("a", b"y")
    assert reader.noise == b"Welcome!\na 1\nx\nand "


def test_another_runs_marker_does_not_start_it() -> None:
    reader = RecordReader("n")
    reader.feed(start_marker("m") + b"a 1\nx\n")
    assert reader.next() is None


def test_endless_noise_is_refused() -> None:
    reader = RecordReader("n", max_noise=1000)
    with pytest.raises(MalformedStreamError, match="before the program ran"):
        reader.feed(b"noise " * 1000)


@pytest.mark.parametrize(
    "data",
    [b"no length\n", b"a -1\n", b"a 1 1\n", b"a  1\n", b" 1\n", b"a 1x\n", b"\xff 1\n", b"1a 1\n",
     b"a 99999999999\n", b"x" * 200, b"a 1\nxy\n"],
)  # fmt: skip
def test_what_is_no_record_is_refused(data: bytes) -> None:
    reader = started()
    reader.feed(data)
    with pytest.raises(MalformedStreamError):
        reader.next()


def test_a_record_above_the_limit_is_refused_before_it_comes() -> None:
    reader = started(max_record=10)
    reader.feed(b"a 10\n0123456789\nb 11\n")
    assert reader.next() == Record("a", b"0123456789")
    with pytest.raises(MalformedStreamError, match="at most 10"):
        reader.next()


def test_text_is_utf8_and_never_raises() -> None:
    assert Record("a", "ä".encode()).text == "ä"
    assert Record("a", b"\xff").text == "\N{REPLACEMENT CHARACTER}"
    assert Answer([Record("a", b"\xff")]).text("a") == "\N{REPLACEMENT CHARACTER}"
