"""The host's journal: lines of JSON, each with the digest of the line before (programs/chain.sh).

The chain shows an edit, a deletion and a reordering. It can't show that its end is missing, nor
that all of it was written anew: that shows against a head which somebody has remembered. Pure.
"""

import hashlib
import json
import re
from collections.abc import Sequence
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
    try:
        found = json.loads(line)
        entry = Entry(
            found["seq"], found["prev"], found["event"], found["run"], found.get("seal", "")
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if type(entry.seq) is not int or entry.seq < 1 or not isinstance(entry.prev, str):
        return None
    if not isinstance(entry.event, str) or not isinstance(entry.run, str):
        return None
    if not _HEX.fullmatch(entry.prev):
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


def follow(data: bytes) -> Chain:
    """Follows the chain from the first line to the last, or to the first that doesn't fit."""
    lines = data.split(b"\n")
    torn = lines.pop()
    entries: list[Entry] = []
    digests: list[str] = []
    before = NO_ENTRY
    for number, line in enumerate(lines, 1):
        entry = read(line)
        if entry is None or entry.seq != number or entry.prev != before:
            broken = _break(lines, number, entry)
            return Chain(tuple(entries), tuple(digests), broken)
        before = line_digest(line)
        entries.append(entry)
        digests.append(before)
    if torn:
        number = len(lines) + 1
        broken = Break(number, "unreadable", f"line {number} ends in the middle")
        return Chain(tuple(entries), tuple(digests), broken)
    return Chain(tuple(entries), tuple(digests))


def _break(lines: Sequence[bytes], number: int, entry: Entry | None) -> Break:
    """What is wrong at this line, the first that doesn't follow from the one before."""
    if entry is None:
        return Break(number, "unreadable", f"line {number} is no entry of a journal")
    if entry.seq == number:
        if number == 1:
            return Break(1, "edited", "line 1 names an entry before it")
        return Break(
            number - 1,
            "edited",
            f"line {number - 1} was edited, or written anew: line {number} names another in its "
            "place",
        )
    later = any(other is not None and other.seq == number for other in map(read, lines[number:]))
    if later:
        return Break(
            number, "moved", f"line {number} holds entry {entry.seq}; entry {number} stands later"
        )
    if entry.seq < number:
        return Break(number, "moved", f"line {number} holds entry {entry.seq} once more")
    count = entry.seq - number
    gone = f"entry {number} is" if count == 1 else f"entries {number} to {entry.seq - 1} are"
    return Break(number, "missing", f"{gone} missing before line {number}")
