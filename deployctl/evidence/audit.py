"""Where copies of the evidence part: a journal, other copies of it, and the seals that it notes.

The first place is named. A journal that is whole in itself may still have been cut off or written
anew: seals, and what a machine remembers of it, were made when it stood elsewhere. Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import PurePath

from deployctl.evidence import audit_seals
from deployctl.evidence.audit_book import Book
from deployctl.evidence.audit_seals import Sorted
from deployctl.evidence.audited import Copy, Finding, SealCopy, Whose
from deployctl.evidence.chain import Break, follow, line_digest, lines_of, read
from deployctl.evidence.known_journal import Known


@dataclass(frozen=True)
class Audit:
    findings: tuple[Finding, ...]
    """the first is where the copies part"""
    entries: int
    seals: int
    """copies of seals that the journal notes"""
    notes: tuple[str, ...] = ()
    """what can't be told here"""
    compared: bool = True
    """with anything at all"""
    unvouched: bool = False
    """no copy, no seal and no memory knows its last line"""
    own: tuple[SealCopy, ...] = ()
    """the seals that are of this journal"""
    noted: int = 0
    """how many runs' seals the journal notes"""
    unseen: int = 0
    """of how many of those no seal is here"""


def audit(
    journal: Copy,
    others: Iterable[Copy],
    seals: Sequence[SealCopy],
    known: Sequence[Known] = (),
    *,
    meant: Whose = Whose(),  # noqa: B008 - it is frozen
    all_of_them: bool = True,
    folders: Collection[str] = (),
) -> Audit:
    """Compares everything with `journal`, mostly the host's.

    `meant`: whose seals they should be. `all_of_them` and `folders`: as in `missing`.
    """
    book = Book(journal.place, follow(journal.data))
    chain = book.chain
    given_up = {each for one in known for each in one.replaced} - {chain.journal}
    found = Sorted(book, [seal for seal in seals if seal.identity not in given_up], meant)
    witnesses = _Witnesses(chain.broken)
    told: list[Finding | str] = []
    compared = False
    for other in others:
        shared, same = _shared(journal, other)
        witnesses.copy(other)
        if same:
            book.vouch(shared, other.place)
            told += _copies(journal, other)
        else:
            told.append(_other_journal(book, other, found, known))
        compared |= same and bool(other.data)
    mine = [each for each in known if each.size and each.journal == chain.journal]
    for each in mine:
        witnesses.digest(each.seq, each.head)
        if book.fits(each.seq, each.head):
            book.vouch(each.seq, "this machine's memory")
    for seal in found.own:
        witnesses.digest(seal.seq, seal.head)
        if seal.identity == chain.journal and book.fits(seal.seq, seal.head):
            book.vouch(seal.seq, seal.place)
    if chain.broken is not None:
        broken = witnesses.settled(chain.broken)
        told.append(Finding(broken.line, f"{journal.place}: {broken.told}"))
    told += _remembered(book, known, mine)
    told += audit_seals.twice(book)
    unnoted = {pair for each in known for pair in each.unnoted}
    told += audit_seals.check(book, found, unnoted)
    here = {seal.run for seal in found.own}
    here |= {PurePath(seal.place).parent.name for seal in found.unreadable}
    told += audit_seals.missing(book, here, all_of_them=all_of_them, folders=folders)
    seen = {seal.run for seal in found.own if book.line_of(seal.run, seal.digest) is not None}
    findings = [each for each in told if isinstance(each, Finding)]
    return Audit(
        findings=tuple(sorted(findings, key=lambda each: (each.line is None, each.line or 0))),
        entries=len(chain.entries),
        seals=sum(book.line_of(seal.run, seal.digest) is not None for seal in found.own),
        notes=tuple(each for each in told if isinstance(each, str)),
        compared=compared or bool(mine or found.own),
        unvouched=book.vouched < book.lines,
        own=tuple(found.own),
        noted=len(book.noted),
        unseen=len(book.noted.keys() - seen),
    )


class _Witnesses:
    """Who knows one of two neighbours that don't fit together tells which of them was edited."""

    def __init__(self, broken: Break | None) -> None:
        self._suspects = dict(broken.suspects) if broken is not None else {}
        self._said: dict[int, set[bool]] = {line: set() for line in self._suspects}

    def digest(self, line: int, digest: str) -> None:
        if line in self._suspects:
            self._said[line].add(self._suspects[line] == digest)

    def copy(self, other: Copy) -> None:
        if not self._suspects:
            return
        first = min(self._suspects)
        for line, data in zip((first, first + 1), lines_of(other.data, first), strict=False):
            self.digest(line, line_digest(data))

    def settled(self, broken: Break) -> Break:
        if not self._suspects:
            return broken
        first, second = sorted(self._suspects)
        told = "was edited: a copy, a seal or what this machine remembers knows"
        if self._said[first] == {False} or self._said[second] == {True}:
            how = "it otherwise" if False in self._said[first] else f"line {second} as it is"
            return replace(broken, line=first, told=f"line {first} {told} {how}")
        if self._said[second] == {False} or self._said[first] == {True}:
            how = "it otherwise" if False in self._said[second] else f"line {first} as it is"
            return replace(broken, line=second, told=f"line {second} {told} {how}")
        return broken


# -- other copies of the journal --------------------------------------------------------------


def _shared(journal: Copy, other: Copy) -> tuple[int, bool]:
    """How many whole lines they share; whether they are copies of one journal."""
    at = _differ_at(journal.data, other.data)
    lines = journal.data.count(b"\n", 0, at)
    if lines or not journal.data or not other.data:
        return lines, True
    mine, theirs = _some_runs(journal.data), _some_runs(other.data)
    return 0, not mine or not theirs or bool(mine & theirs)


def _some_runs(data: bytes) -> set[str]:
    """Up to the first line that is no entry: a file may have millions of those."""
    entries = takewhile(lambda entry: entry is not None, map(read, lines_of(data)))
    return {entry.run for entry in entries if entry is not None}


def _differ_at(one: bytes, two: bytes) -> int:
    """How many bytes are the same from the first on."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _copies(journal: Copy, other: Copy) -> Iterator[Finding]:
    """One may have gone on from where the other was copied; neither may differ before that."""
    at = _differ_at(journal.data, other.data)
    line = journal.data.count(b"\n", 0, at) + 1
    if at < min(len(journal.data), len(other.data)):
        yield Finding(line, f"{journal.place} and {other.place} part at line {line}")
    elif len(other.data) > len(journal.data):
        more = other.data.count(b"\n") + 1 - line
        yield Finding(
            line, f"{journal.place} was cut off: {other.place} has {more} more from line {line}"
        )


def _other_journal(book: Book, other: Copy, found: Sorted, known: Sequence[Known]) -> Finding | str:
    """They have no line and no run in common: another host's, or this one's, written anew."""
    its = line_digest(next(lines_of(other.data), b""))
    elsewhere = its in {seal.identity for seal in found.foreign}
    this = {each.journal for each in known} | {seal.identity for seal in found.own}
    rivals = {seal.identity for seal in found.rivals}
    if elsewhere or (book.chain.journal in this and its not in rivals):
        return f"{other.place} is of another journal, and was not compared"
    return Finding(1, f"{book.place} and {other.place} part at line 1: no run is in both")


# -- what this machine knows ------------------------------------------------------------------


def _remembered(
    book: Book, known: Sequence[Known], mine: Sequence[Known]
) -> Iterator[Finding | str]:
    """What this machine knew the last time that it looked."""
    journals = {each.journal for each in known if each.size}
    if len(journals) > 1:
        this = f"; meant is the one of {book.chain.journal[:12]}…" if mine else ""
        yield (
            f"this machine knows {len(journals)} journals under this target (of several hosts, or "
            f"of one that was set up anew){this}"
        )
    if book.chain.journal and journals and not mine:
        those = "the journal" if len(journals) == 1 else f"one of the {len(journals)} journals"
        yield Finding(1, f"{book.place} is not {those} that this machine knows: rewritten")
        return
    if not book.chain.journal and len(journals) > 1:
        yield Finding(1, f"{book.place} is empty: none of the journals that this machine knows was")
        return
    for each in mine or [each for each in known if each.size]:
        if each.seq > book.lines or not each.seq:
            if book.chain.broken is None:
                at = book.lines + 1
                yield Finding(
                    at,
                    f"{book.place} was cut off before line {at}: by what this machine remembers of "
                    f"it, it had {each.seq} lines",
                )
        elif not book.fits(each.seq, each.head):
            yield Finding(
                each.seq,
                f"{book.place} was rewritten, up to line {each.seq} at least: by what this machine "
                "remembers of it that line was another",
            )
