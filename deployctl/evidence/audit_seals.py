"""Whether the seals at hand are those that a journal notes, and say of it what it is. Pure."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from deployctl.evidence.audit_book import Book
from deployctl.evidence.audited import Finding, SealCopy, Whose, listed

_LEFT_NOTHING: Final = frozenset(
    {"planned", "untouched", "refused", "locked", "not-approved", "invalid", "interrupted"}
    | {"unreachable", "usage"}
)
"""results of runs whose seal no journal notes, if they made no entry there"""


class Sorted:
    """The seals by whose they are. A journal is known by its first line; what a host is called
    only tells whether a seal of another journal should have been of this one."""

    def __init__(self, book: Book, seals: Sequence[SealCopy], meant: Whose) -> None:
        self.unreadable = [seal for seal in seals if seal.fault]
        self.own: list[SealCopy] = []
        """that name this journal, or are noted in it"""
        self.silent: list[SealCopy] = []
        """that name no journal"""
        other = []
        for seal in seals:
            if seal.fault:
                continue
            if book.line_of(seal.run, seal.digest) or (
                seal.identity is not None and seal.identity == book.chain.journal
            ):
                self.own.append(seal)
            elif not _meant(seal, meant):
                continue
            elif seal.identity is None:
                self.silent.append(seal)
            else:
                other.append(seal)
        claimants = [seal.whose for seal in self.own] + [meant] * bool(meant.host)
        self.rivals: list[SealCopy] = []
        """of the same host and project, and yet of another journal"""
        self.foreign: list[SealCopy] = []
        for seal in other:
            same = not claimants or any(seal.whose.may_be(each) for each in claimants)
            (self.rivals if same else self.foreign).append(seal)


def _meant(seal: SealCopy, meant: Whose) -> bool:
    return seal.whose.may_be(Whose(target=meant.target, project=meant.project))


def check(
    book: Book, found: Sorted, unnoted: Collection[tuple[str, str]]
) -> Iterator[Finding | str]:
    """Findings, and notes as text. `unnoted`: seals (run, digest) that this machine has yet to note
    in the journal."""
    for seal in found.unreadable:
        yield Finding(None, f"{seal.place} can't be read: {seal.fault}")
    idle = 0
    for seal in found.own:
        for each in _own(book, seal, unnoted):
            if each is None:
                idle += 1
            else:
                yield each
    if idle:
        yield (
            f"not noted in the journal, since they changed nothing: the seals of {_runs(idle)}; "
            "if another such was removed, nothing shows it"
        )
    yield from _others(book, found)
    yield from _links(found.own)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _own(
    book: Book, seal: SealCopy, unnoted: Collection[tuple[str, str]]
) -> Iterator[Finding | str | None]:
    """None: it is not noted, and rightly so."""
    line = book.line_of(seal.run, seal.digest)
    if line is None and (noted := book.noted.get(seal.run)):
        at = noted[0][0]
        yield Finding(at, f"{seal.place} is not the seal that line {at} of {book.place} notes")
        return
    if seal.journal is not None:
        faults = list(_place(book, seal, line))
        yield from faults
        if seal.seq > book.lines:
            return
    if line is not None or book.chain.broken is not None:
        return
    if (seal.run, seal.digest) in unnoted:
        yield f"{seal.place} is not noted yet: the next run of this machine does that"
    elif not seal.took_part and seal.result in _LEFT_NOTHING and seal.run not in book.acted:
        yield None
    else:
        # The last line may be what noted it, and was edited: nothing else would show that.
        last = book.lines if 0 < book.vouched < book.lines else book.lines + 1
        yield Finding(
            last,
            f"{book.place} does not note {seal.place}: its end was edited or cut off, the run "
            "could not reach the host any more, or that seal is a forgery",
        )


def _place(book: Book, seal: SealCopy, line: int | None) -> Iterator[Finding]:
    """Whether the journal was, at the line that the seal names, what the seal says."""
    seq, place = seal.seq, seal.place
    if not seq:
        yield Finding(line, f"{place} does not fit: it names no line of the journal")
        return
    if book.chain.journal and seal.identity != book.chain.journal:
        yield _another_journal(book, seal, line)
        return
    if line is not None and seq >= line:
        yield Finding(
            line,
            f"{place} does not fit: line {line} of {book.place} notes it, and by it there were "
            f"{seq} lines before",
        )
    elif seq > book.lines:
        if book.chain.broken is None:
            at = book.lines + 1
            yield Finding(
                at, f"{book.place} was cut off before line {at}: by {place} it had {seq} lines"
            )
    elif not book.fits(seq, seal.head):
        yield Finding(seq, _unlike(book, seal))
    else:
        yield from _run_and_previous(book, seal, line)


def _another_journal(book: Book, seal: SealCopy, line: int | None) -> Finding:
    if line is not None and book.vouched:
        return Finding(
            line,
            f"{seal.place} does not fit: it names another journal than {book.place}, which notes "
            f"it in line {line}, and whose beginning {book.voucher} knows as it is",
        )
    return Finding(
        1,
        f"{book.place} is another journal than that of {seal.place}: rewritten, or the host was "
        "set up anew",
    )


def _unlike(book: Book, seal: SealCopy) -> str:
    seq, place = seal.seq, seal.place
    if seal.head in book.chain.digests:
        at = book.chain.digests.index(seal.head) + 1
        return f"{place} does not fit: it names line {seq}, and the digest of line {at}"
    if book.vouched >= seq:
        return (
            f"{place} does not fit: by it line {seq} of {book.place} was another, but "
            f"{book.voucher} knows the lines up to {book.vouched} as they are"
        )
    # Somewhere up to there; with the chain whole, everything after it was written anew as well.
    return (
        f"{book.place} was rewritten, up to line {seq} at least (or the seal lies): by {place} "
        "that line was another"
    )


def _run_and_previous(book: Book, seal: SealCopy, line: int | None) -> Iterator[Finding]:
    """Its run's entries, and the seal before it, are where it says."""
    seq = seal.seq
    begun = book.begun.get(seal.run, [])
    seen = [at for at in begun if at <= seq]
    # One that says that it saw no entry of its run can't name a line behind such an entry.
    if (seal.took_part or seen) and not any(book.before(at) == seal.before for at in seen):
        told = f"begins in line {begun[-1]}" if begun else "has none"
        yield Finding(
            line or seq,
            f"{seal.place} does not fit: it names other entries of {book.place} than its run's, "
            f"which {told}",
        )
    last = book.last_seal(seq)
    before = book.line_of_seal(seal.previous) if seal.previous is not None else 0
    if before is None or (line is not None and before >= line):
        yield Finding(
            line or seq,
            f"{seal.place} does not fit: {book.place} notes no seal {seal.previous} before it",
        )
    elif before < last:
        yield Finding(
            last,
            f"{seal.place} skips the seal that line {last} of {book.place} notes: it names "
            + (f"that of line {before} as the one before it" if before else "none before it"),
        )


def _others(book: Book, found: Sorted) -> Iterator[Finding | str]:
    for seal in found.silent:
        if seal.run in book.noted:
            at = book.noted[seal.run][0][0]
            yield Finding(at, f"{seal.place} is not the seal that line {at} of {book.place} notes")
        elif seal.run in book.acted:
            at = book.acted[seal.run]
            yield Finding(
                at, f"{seal.place} names no journal, but line {at} of {book.place} is of its run"
            )
    for seal in found.rivals:
        yield from _place(book, seal, None)
    silent = sum(seal.run not in book.acted and seal.run not in book.noted for seal in found.silent)
    if silent:
        yield f"they name no journal, and were not compared: the seals of {_runs(silent)}"
    if found.foreign:
        hosts = sorted({seal.whose.host for seal in found.foreign if seal.whose.host})
        whose = f" ({listed(hosts)})" if hosts else ""
        yield (
            f"they name another journal, and were not compared: the seals of "
            f"{_runs(len(found.foreign))}{whose}. That is another host's or project's, or this "
            "host's before it was set up anew or its journal rewritten"
        )


def _links(seals: Sequence[SealCopy]) -> Iterator[Finding]:
    """Two seals that name the same one before them: one of them was put in its place."""
    after: dict[str, SealCopy] = {}
    for seal in seals:
        if seal.previous is None or not seal.took_part:
            continue
        other = after.setdefault(seal.previous, seal)
        if other.digest != seal.digest:
            yield Finding(
                None, f"{other.place} and {seal.place} both follow the seal {seal.previous}"
            )


def twice(book: Book) -> Iterator[Finding]:
    """A run has one seal."""
    for run, noted in book.noted.items():
        first = noted[0][0]
        for line, _ in noted[1:]:
            told = f"{book.place} notes two seals of the run {run}, in lines {first} and {line}"
            yield Finding(line, told)


def missing(
    book: Book, here: Collection[str], *, all_of_them: bool, folders: Collection[str]
) -> Iterator[Finding | str]:
    """Seals that the journal notes and nobody has here. Retention removes the oldest.

    `here`: runs whose seals are. `all_of_them`: the copies are meant to be all that there are.
    `folders`: names of the runs' directories at hand, with or without a seal.
    """
    first = min((book.noted[run][0][0] for run in here if run in book.noted), default=None)
    gone: list[tuple[str, int]] = []
    away: list[str] = []
    for run, noted in book.noted.items():
        if run in here:
            continue
        late = all_of_them and first is not None and noted[0][0] > first
        if late or run in folders:
            gone.append((run, noted[0][0]))
        else:
            away.append(run)
    if gone:
        told = listed([f"{run} (line {line})" for run, line in gone])
        yield Finding(
            gone[0][1],
            f"not at hand, though {book.place} notes them: the seals of {_runs(len(gone))}: "
            f"{told}; name where they lie with --dir, or they were removed",
        )
    if away:
        whose = f"{_runs(len(away))}: {listed(away)}"
        yield f"not at hand, though the journal notes them: the seals of {whose}"
