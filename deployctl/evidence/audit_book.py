"""A journal as an audit looks into it: what it notes of each run, and who vouches for its lines."""

import re
from bisect import bisect_right

from deployctl.evidence.chain import NO_ENTRY, Chain

_LATER_JOB = re.compile(r"(.+)-[0-9]+")
"""of a run that had to take the lock once more (rollout/holding.py)"""


class Book:
    """`vouched`: up to which line others know the journal as it is."""

    def __init__(self, place: str, chain: Chain) -> None:
        self.place = place
        self.chain = chain
        self.lines = len(chain.digests)
        self.noted: dict[str, list[tuple[int, str]]] = {}
        """run -> lines and digests of its seals; rightly it is one"""
        self.begun: dict[str, list[int]] = {}
        """run -> lines where a job of it began"""
        self.acted: dict[str, int] = {}
        """run -> line of its first entry that notes no seal"""
        self.vouched = 0
        self.voucher = ""
        self._seals: list[int] = []
        self._line_of_seal: dict[str, int] = {}
        for entry in chain.entries:
            if entry.event != "seal":
                later = _LATER_JOB.fullmatch(entry.run)
                for run in (entry.run, *(later.groups() if later else ())):
                    self.acted.setdefault(run, entry.seq)
                    if entry.event == "begin":
                        self.begun.setdefault(run, []).append(entry.seq)
                continue
            self._seals.append(entry.seq)
            self._line_of_seal.setdefault(entry.seal, entry.seq)
            before = self.noted.setdefault(entry.run, [])
            if entry.seal not in (digest for _, digest in before):
                before.append((entry.seq, entry.seal))

    def vouch(self, line: int, who: str) -> None:
        if line > self.vouched:
            self.vouched, self.voucher = line, who

    def fits(self, line: int, digest: str) -> bool:
        """Whether that line is there, and has that digest."""
        return 0 < line <= self.lines and self.chain.digests[line - 1] == digest

    def line_of(self, run: str, digest: str) -> int | None:
        """Where that seal of that run is noted."""
        return next((line for line, each in self.noted.get(run, ()) if each == digest), None)

    def line_of_seal(self, digest: str) -> int | None:
        """Where that seal is noted, whichever run's."""
        return self._line_of_seal.get(digest)

    def last_seal(self, line: int) -> int:
        """The last line up to `line` that notes a seal; 0 if none does."""
        at = bisect_right(self._seals, line)
        return self._seals[at - 1] if at else 0

    def before(self, line: int) -> str:
        """The digest of the line before that."""
        return self.chain.digests[line - 2] if line > 1 else NO_ENTRY
