"""The host's journal as the client reads and continues it. Its lines are evidence/chain.py's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deployctl.evidence.chain import Head, head, read
from deployctl.host.connection import Answer, Conversation, Host, Record
from deployctl.host.failures import understood
from deployctl.host.wire import MAX_ANSWER_BYTES

SECONDS = 15.0
READ_SECONDS = 120.0


@dataclass(frozen=True)
class Seen:
    """What one look showed of it."""

    head: Head | None = None
    """its last entry; None where there is no journal yet"""
    seal: str = ""
    """the last seal that it notes (`sha256:…`)"""
    size: int = 0
    """in bytes"""
    digest: str = ""
    """64 hex digits: of as many bytes as were asked about, or of all of it"""
    head_before: str = ""
    """the entry before the run that was asked about; empty where it has none of that run"""


NOTHING = Seen()


def parse(answer: Answer) -> Seen:
    """What a survey says. ValueError for what is no answer."""
    return Seen(
        head=_head(answer, "journal-"),
        seal=_seal(answer, "journal-seal"),
        size=int(answer.text("journal-bytes", "0")),
        digest=answer.text("journal-known", ""),
    )


class OpenJournal:
    """One exchange in two halves: what the journal says; then what is added to it."""

    def __init__(
        self,
        host: Host,
        state_dir: str,
        state_group: str,
        run: str,
        unnoted: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Waits, for moments, until the host's job of `run` has made its last entry.

        Notes seals (run, digest) that earlier runs could not note. Raises UnreachableError,
        TimeoutError, ProgramFailed.
        """
        self._talk: Conversation = host.open(
            "journal",
            {
                "STATE_DIR": state_dir,
                "STATE_GROUP": state_group,
                "RUN_ID": run,
                "UNNOTED": "\n".join(" ".join(seal) for seal in unnoted),
            },
        )
        self._failed: frozenset[str] = frozenset()
        self.seen = NOTHING
        try:
            told = Answer(_until_ready(self._talk))
            self._failed = _failed(told)
            begin = read(told.bytes("begin")) if "begin" in told else None
            self.seen = Seen(
                head=_head(told),
                seal=_seal(told, "seal"),
                head_before=begin.prev if begin else "",
            )
        except BaseException:
            self.close()
            raise

    def add(self, run: str, digest: str) -> tuple[Seen, frozenset[str]]:
        """Notes a run's seal. What the journal is now, and the runs whose seals it didn't take.

        Raises UnreachableError, TimeoutError, ProgramFailed.
        """
        self._talk.send(f"{run} {digest}")
        self._talk.end_input()
        answer = self._talk.collect(SECONDS, MAX_ANSWER_BYTES)
        with understood("journal"):
            now = Seen(
                head=_head(answer),
                size=int(answer.text("bytes", "0")),
                digest=answer.text("whole", ""),
            )
        return now, self._failed | _failed(answer)

    def close(self) -> None:
        self._talk.close()


def entries(host: Host, state_dir: str) -> bytes:
    """All of it; empty where there is none. UnreachableError, TimeoutError, ProgramFailed."""
    answer = host.run("entries", {"STATE_DIR": state_dir}, timeout=READ_SECONDS)
    return b"".join(answer.all("piece"))


def _until_ready(talk: Conversation) -> Iterator[Record]:
    for record in talk.records(SECONDS):
        if record.name == "ready":
            return
        yield record


def _failed(answer: Answer) -> frozenset[str]:
    return frozenset(data.decode("utf-8", "replace") for data in answer.all("failed"))


def _head(answer: Answer, prefix: str = "") -> Head | None:
    first, last = f"{prefix}first", f"{prefix}last"
    if first not in answer or last not in answer:
        return None
    return head(answer.bytes(first), answer.bytes(last))


def _seal(answer: Answer, name: str) -> str:
    entry = read(answer.bytes(name)) if name in answer else None
    return entry.seal if entry else ""
