"""The host's journal: lines of JSON, each with the digest of the line before (programs/chain.sh).

The chain shows an edit, a deletion and a reordering. It can't show that its end is missing, nor
that all of it was written anew: that shows against a head which somebody has remembered. Pure.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

NAME = "journal.jsonl"
NO_ENTRY = "0" * 64
"""in the place of a digest before the first entry"""
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

How = Literal["edited", "missing", "moved", "cut off", "rewritten", "unreadable"]


@dataclass(frozen=True)
class Entry:
    """A line, as far as it was understood."""

    seq: int
    prev: str
    event: str
    run: str
    seal: str = ""
    """the digest that a `seal` entry notes (`sha256:…`)"""


@dataclass(frozen=True)
class Head:
    """An entry by which the journal up to there is known."""

    journal: str
    """which journal: the digest of its first line"""
    seq: int
    digest: str
    """64 hex digits, as `prev` of the next entry"""


@dataclass(frozen=True)
class Break:
    """The first place where a journal is not what it was. Lines count from 1."""

    line: int
    how: How
    told: str
    suspects: tuple[tuple[int, str], ...] = ()
    """two neighbours (line, digest) that don't fit together: one of them was edited. A copy can
    tell which; `line` is what the journal itself says."""


def line_digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def head(first: bytes, last: bytes) -> Head | None:
    """Of a journal with these lines; None for one without any."""
    if not first or not last:
        return None
    entry = read(last)
    return Head(line_digest(first), entry.seq if entry else 0, line_digest(last))


def read(line: bytes) -> Entry | None:
    """None for a line that is no entry."""
    if line[:1] != b"{" or line[-1:] != b"}":
        return None  # JSON would let spaces, a carriage return, another encoding pass
    try:
        found = json.loads(line)
        entry = Entry(
            found["seq"], found["prev"], found["event"], found["run"], found.get("seal", "")
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if type(entry.seq) is not int or entry.seq < 1:
        return None
    texts = all(isinstance(each, str) for each in (entry.prev, entry.event, entry.run))
    if not texts or not _HEX.fullmatch(entry.prev):
        return None
    if entry.event == "seal" and not (
        isinstance(entry.seal, str) and _DIGEST.fullmatch(entry.seal)
    ):
        return None
    return entry


@dataclass(frozen=True)
class Chain:
    """A whole journal. `entries` and `digests` end where the first break is."""

    entries: tuple[Entry, ...]
    digests: tuple[str, ...]
    broken: Break | None = None

    @property
    def journal(self) -> str:
        return self.digests[0] if self.digests else ""

    @property
    def head(self) -> str:
        return self.digests[-1] if self.digests else NO_ENTRY


def lines_of(data: bytes, first: int = 1) -> Iterator[bytes]:
    """The whole lines, from the one of that number on. One at a time: a file may have millions."""
    number, start = 1, 0
    while (end := data.find(b"\n", start)) >= 0:
        if number >= first:
            yield data[start:end]
        number, start = number + 1, end + 1


def follow(data: bytes) -> Chain:
    """Follows the chain from the first line to the last, or to the first that doesn't fit."""
    entries: list[Entry] = []
    digests: list[str] = []
    before = NO_ENTRY
    for number, line in enumerate(lines_of(data), 1):
        entry = read(line)
        if entry is None or entry.seq != number or entry.prev != before:
            broken = _break(data, number, line, before)
            return Chain(tuple(entries), tuple(digests), broken)
        before = line_digest(line)
        entries.append(entry)
        digests.append(before)
    if data and not data.endswith(b"\n"):
        number = len(entries) + 1
        broken = Break(number, "unreadable", f"line {number} ends in the middle")
        return Chain(tuple(entries), tuple(digests), broken)
    return Chain(tuple(entries), tuple(digests))


def _break(data: bytes, number: int, line: bytes, before: str) -> Break:
    """What is wrong at this line, the first that doesn't follow from the one before."""
    entry = read(line)
    if entry is None:
        return _no_entry(number, line)
    if entry.seq == number:
        return _neighbours(data, number, line, before)
    if entry.prev == before:
        told = f"line {number} was edited: it counts itself as entry {entry.seq}"
        return Break(number, "edited", told)
    after = (read(other) for other in lines_of(data, number + 1))
    if any(other is not None and other.seq == number for other in after):
        return Break(
            number, "moved", f"line {number} holds entry {entry.seq}; entry {number} stands later"
        )
    if entry.seq < number:
        return Break(number, "moved", f"line {number} holds entry {entry.seq} once more")
    count = entry.seq - number
    gone = f"entry {number} is" if count == 1 else f"entries {number} to {entry.seq - 1} are"
    return Break(number, "missing", f"{gone} missing before line {number}")


def _no_entry(number: int, line: bytes) -> Break:
    if read(line.strip()) is None:
        return Break(number, "unreadable", f"line {number} is no entry of a journal")
    more = "a carriage return (CRLF)" if line.endswith(b"\r") else "spaces"
    return Break(number, "edited", f"line {number} was edited: it has {more} that no entry has")


def _neighbours(data: bytes, number: int, line: bytes, before: str) -> Break:
    """The line names another before it than the one that is there: which of the two was edited?

    The line after it knows this one, unless somebody wrote that anew as well.
    """
    if number == 1:
        return Break(1, "edited", "line 1 was edited: it names an entry before it")
    suspects = ((number - 1, before), (number, line_digest(line)))
    after = next(lines_of(data, number + 1), None)
    follower = read(after) if after is not None else None
    if follower is None:
        told = f"line {number - 1} or {number} was edited: they don't fit together"
        return Break(number - 1, "edited", told, suspects)
    if follower.prev == suspects[1][1]:
        told = (
            f"line {number - 1} was edited: line {number} names another in its place (unless "
            f"everything from line {number} on was written anew)"
        )
        return Break(number - 1, "edited", told, suspects)
    told = f"line {number} was edited: neither neighbour fits it"
    return Break(number, "edited", told, suspects)
