"""What an audit compares, and what it finds."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Copy:
    """A journal, and where it lies."""

    place: str
    data: bytes


@dataclass(frozen=True)
class Whose:
    """Whose a seal is by its own words, or whose are meant; empty where that isn't known."""

    target: str = ""
    host: str = ""
    """`host:port`: who logs in there is no matter"""
    project: str = ""

    def may_be(self, other: "Whose") -> bool:
        """Nothing that both know differs."""
        return (
            (not self.target or not other.target or self.target == other.target)
            and (not self.host or not other.host or self.host == other.host)
            and (not self.project or not other.project or self.project == other.project)
        )


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
    whose: Whose = Whose()
    result: str = ""
    """how its run ended, as the result says it"""

    @property
    def identity(self) -> str | None:
        """Which journal it names (64 hex digits); None where it names none."""
        return None if self.journal is None else _bare(self.journal.get("id"))

    @property
    def seq(self) -> int:
        """How many lines the journal had, by it; 0 where it says nothing that could be."""
        seq = (self.journal or {}).get("seq")
        return seq if type(seq) is int and seq > 0 else 0

    @property
    def head(self) -> str:
        """The digest of that line, by it."""
        return _bare((self.journal or {}).get("headAfter"))

    @property
    def before(self) -> str:
        """The digest of the line before its run's first, by it."""
        return _bare((self.journal or {}).get("headBefore"))

    @property
    def took_part(self) -> bool:
        """Whether it saw entries of its run: one that was refused made none, and one that lost the
        host saw none."""
        return self.before != self.head


@dataclass(frozen=True)
class Finding:
    """`line` of the journal, from 1; None for what is no line's matter."""

    line: int | None
    told: str


def listed(runs: list[str]) -> str:
    """The first five of them, and how many more."""
    more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
    return ", ".join(runs[:5]) + more


def _bare(digest: Any) -> str:
    return str(digest).removeprefix("sha256:")
