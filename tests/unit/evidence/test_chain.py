"""The chain of a journal: whatever is done to one of its lines, the first place is named."""

import json

import pytest

from deployctl.evidence import chain
from deployctl.evidence.chain import follow, line_digest


def journal(count: int = 6, change: dict[str, object] | None = None) -> list[bytes]:
    lines: list[bytes] = []
    before = chain.NO_ENTRY
    for seq in range(1, count + 1):
        entry = {"seq": seq, "prev": before, "at": "2026-01-03T07:32:00Z", "event": "begin"}
        lines.append(json.dumps({**entry, "run": f"r-{seq}", **(change or {})}).encode())
        before = line_digest(lines[-1])
    return lines


def text(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def test_a_whole_one_is_followed_to_its_end() -> None:
    found = follow(text(journal()))
    assert found.broken is None
    assert [entry.seq for entry in found.entries] == [1, 2, 3, 4, 5, 6]
    assert found.journal == line_digest(journal()[0])
    assert found.head == line_digest(journal()[-1])


def test_an_empty_one_is_whole() -> None:
    assert follow(b"") == chain.Chain((), ())


@pytest.mark.parametrize("at", range(5))
def test_an_edited_line_is_named(at: int) -> None:
    lines = journal()
    lines[at] = lines[at].replace(b"r-", b"x-")
    broken = follow(text(lines)).broken
    assert broken is not None
    assert (broken.line, broken.how) == (at + 1, "edited")


@pytest.mark.parametrize("at", range(5))
def test_a_deleted_line_is_named(at: int) -> None:
    lines = journal()
    del lines[at]
    broken = follow(text(lines)).broken
    assert broken is not None
    assert (broken.line, broken.how) == (at + 1, "missing")
    assert f"entry {at + 1} is missing" in broken.told


@pytest.mark.parametrize("at", range(5))
def test_two_that_changed_places_are_named(at: int) -> None:
    lines = journal()
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    broken = follow(text(lines)).broken
    assert broken is not None
    assert (broken.line, broken.how) == (at + 1, "moved")


def test_a_line_that_is_there_twice_is_named() -> None:
    lines = journal()
    lines.insert(3, lines[2])
    broken = follow(text(lines)).broken
    assert broken is not None
    assert (broken.line, broken.how) == (4, "moved")


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"null", b'{"seq":true}', b"[" * 9999, b"\xff"]
)
def test_what_is_no_entry_is_named(line: bytes) -> None:
    lines = journal()
    lines[3] = line
    broken = follow(text(lines)).broken
    assert broken is not None
    assert (broken.line, broken.how) == (4, "unreadable")


def test_a_line_that_ends_in_the_middle_is_named() -> None:
    broken = follow(text(journal())[:-5]).broken
    assert broken is not None
    assert (broken.line, broken.how) == (6, "unreadable")


def test_every_byte_that_is_flipped_but_of_the_last_line_is_found() -> None:
    """Of the last line only a head that somebody has remembered can tell."""
    data = text(journal(3))
    end = len(data) - len(journal(3)[-1]) - 1
    for at in range(end):
        changed = bytearray(data)
        changed[at] ^= 1
        assert follow(bytes(changed)).broken is not None, at


def test_a_seal_that_notes_no_digest_is_no_entry() -> None:
    entry = {"seq": 1, "prev": chain.NO_ENTRY, "event": "seal", "run": "r"}
    assert chain.read(json.dumps({**entry, "seal": "sha256:" + "a" * 64}).encode()) is not None
    for seal in ("", "sha256:a", 7, None):
        assert chain.read(json.dumps({**entry, "seal": seal}).encode()) is None
