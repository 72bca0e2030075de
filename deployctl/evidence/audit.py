"""Where copies of the evidence part: a journal, other copies of it, and the seals that it notes.

The first place is named. A journal that is whole in itself may still have been cut off or written
anew: seals, and what a machine remembers of it, were made when it stood elsewhere. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from deployctl.evidence.chain import Break, Chain, follow
from deployctl.evidence.known_journal import Known


@dataclass(frozen=True)
class Copy:
    """A journal, and where it lies."""

    place: str
    data: bytes


@dataclass(frozen=True)
class SealCopy:
    """A seal, as far as it tells of the journal; `journal` is None for one that tells nothing."""

    place: str
    digest: str
    run: str
    journal: dict[str, Any] | None
    previous: str | None
    fault: str = ""
    """why it can't be read"""


@dataclass(frozen=True)
class Finding:
    """`line` of the journal, from 1; None for what is no line's matter."""

    line: int | None
    told: str


@dataclass(frozen=True)
class Audit:
    findings: tuple[Finding, ...]
    """the first is where the copies part"""
    entries: int
    seals: int
    """copies of seals that the journal notes"""
    notes: tuple[str, ...] = ()
    """what can't be told here"""


def audit(
    journal: Copy, others: Iterable[Copy], seals: Sequence[SealCopy], known: Sequence[Known] = ()
) -> Audit:
    """Compares everything with `journal`, mostly the host's."""
    chain = follow(journal.data)
    findings: list[Finding] = []
    if chain.broken is not None:
        findings.append(_chain_finding(chain.broken, journal.place))
    for other in others:
        findings += _copies(journal, other)
    for each in known:
        findings += _remembered(chain, each, journal)
    noted = _noted(chain)
    for seal in seals:
        findings += _seal(chain, noted, seal, journal.place)
    findings += _links(seals)
    here = {seal.run for seal in seals}
    away = [run for run in noted if run not in here]
    notes = (f"{len(away)} of the seals that the journal notes are not among the copies",)
    return Audit(
        findings=tuple(sorted(findings, key=lambda each: (each.line is None, each.line or 0))),
        entries=len(chain.entries),
        seals=sum(noted.get(seal.run, (0, ""))[1] == seal.digest for seal in seals),
        notes=notes if away else (),
    )


def _chain_finding(broken: Break, place: str) -> Finding:
    return Finding(broken.line, f"{place}: {broken.told}")


def _copies(journal: Copy, other: Copy) -> Iterable[Finding]:
    """One may have gone on from where the other was copied; neither may differ before that."""
    shared = min(len(journal.data), len(other.data))
    if journal.data[:shared] == other.data[:shared]:
        if len(other.data) > len(journal.data):
            line = journal.data.count(b"\n") + 1
            more = other.data.count(b"\n") + 1 - line
            yield Finding(
                line, f"{journal.place} was cut off: {other.place} has {more} more from line {line}"
            )
        return
    at = next(
        number
        for number, (mine, theirs) in enumerate(
            zip(journal.data.split(b"\n"), other.data.split(b"\n"), strict=False), 1
        )
        if mine != theirs
    )
    yield Finding(at, f"{journal.place} and {other.place} part at line {at}")


def _remembered(chain: Chain, known: Known, journal: Copy) -> Iterable[Finding]:
    """What this machine knew the last time that it looked."""
    if not known.size:
        return
    if chain.journal and chain.journal != known.journal:
        yield Finding(1, f"{journal.place} is not the journal that this machine knows: rewritten")
        return
    yield from _stood(
        chain, known.seq, known.head, journal.place, "what this machine remembers of it"
    )


def _stood(chain: Chain, seq: int, head: str, place: str, who: str) -> Iterable[Finding]:
    """By `who`, line `seq` had the digest `head`."""
    if seq < 1 or seq > len(chain.digests):
        if chain.broken is None:
            line = len(chain.digests) + 1
            yield Finding(
                line, f"{place} was cut off before line {line}: by {who} it had {seq} lines"
            )
    elif chain.digests[seq - 1] != head:
        # Somewhere up to there; with the chain whole, everything after it was written anew as well.
        yield Finding(
            seq, f"{place} was rewritten, up to line {seq} at least: by {who} that line was another"
        )


def _noted(chain: Chain) -> dict[str, tuple[int, str]]:
    """Run -> line and digest of its seal."""
    return {entry.run: (entry.seq, entry.seal) for entry in chain.entries if entry.event == "seal"}


def _seal(
    chain: Chain, noted: dict[str, tuple[int, str]], seal: SealCopy, place: str
) -> Iterable[Finding]:
    if seal.fault:
        yield Finding(None, f"{seal.place} can't be read: {seal.fault}")
        return
    line, digest = noted.get(seal.run, (None, ""))
    if line is not None and digest != seal.digest:
        yield Finding(line, f"{seal.place} is not the seal that line {line} of {place} notes")
        return
    journal = seal.journal
    if journal is None:
        return
    identity = str(journal.get("id", "")).removeprefix("sha256:")
    if chain.journal and identity != chain.journal:
        yield Finding(1, f"{place} is another journal than that of {seal.place}: rewritten")
        return
    seq, head = journal.get("seq"), str(journal.get("headAfter", "")).removeprefix("sha256:")
    yield from _stood(chain, seq if type(seq) is int else 0, head, place, seal.place)
    if line is None and _took_part(seal) and chain.broken is None:
        yield Finding(
            len(chain.entries) + 1,
            f"{place} does not note {seal.place}: its end was cut off, or the run could not reach "
            "the host any more",
        )


def _links(seals: Sequence[SealCopy]) -> Iterable[Finding]:
    """Two seals that name the same one before them: one of them was put in its place."""
    after: dict[str, SealCopy] = {}
    for seal in seals:
        if seal.previous is None or seal.journal is None:
            continue
        other = after.setdefault(seal.previous, seal)
        if other.digest != seal.digest and _took_part(seal) and _took_part(other):
            yield Finding(
                None, f"{other.place} and {seal.place} both follow the seal {seal.previous}"
            )


def _took_part(seal: SealCopy) -> bool:
    """Whether its run made entries of its own, and was no more than refused."""
    journal = seal.journal or {}
    return journal.get("headBefore") != journal.get("headAfter")
