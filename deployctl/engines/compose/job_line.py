"""A client's line to the host's job: orders in, events out.

Losing the link never loses the job: the line is made anew over the next connection, and goes on
where the job's log was last read. An order that the lost line swallowed is given again.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from deployctl.engines.compose.survey import CLIENT_GONE_AFTER
from deployctl.errors import ExitCode, LinkLostError, UnreachableError
from deployctl.host.connection import Answer, Conversation, ProgramFailed, Record
from deployctl.host.conversation import RECORD_COST
from deployctl.host.failures import link_lost
from deployctl.host.link import Link

HEARTBEAT = 5.0
EXCHANGE_TIMEOUT = 30.0
RESTORE_SECONDS = 60.0
"""for which a lost link is tried again; once armed, until the host's own deadline at least"""
LISTEN_SECONDS = 3600.0
"""of silence after which the line is made anew: nobody need say anything while an image is built"""
MAX_LOG_BYTES = 8 * 1024 * 1024
LONGEST_EVENT = 4000
"""characters of an event that are read; the job's own are much shorter"""


@dataclass(frozen=True)
class JobEvent:
    """A line of the job's log: seconds of the host's uptime, a word, and its fields."""

    uptime: float
    kind: str
    fields: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return ": ".join(self.fields)


class JobGoneError(UnreachableError):
    """The host's job is no more, although its run was not at an end. The host itself answers."""

    code = ExitCode.UNTOUCHED

    def __init__(self, what: str) -> None:
        super().__init__(what, next_step="deployctl status")


class JobLine:
    def __init__(self, link: Link, run: str, seen: int = 0) -> None:
        """`run` is the run's directory on the host, `seen` the lines of its log known already."""
        self._link = link
        self._run = run
        self._seen = seen
        self._inbox: queue.Queue[JobEvent | LinkLostError | ProgramFailed] = queue.Queue()
        self._conversation: Conversation | None = None
        self._broken: Conversation | None = None
        self._attaching = threading.Lock()
        self._counting = threading.Lock()
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._ordered = ""
        self._gone = False
        self._state = ""
        self._beats = False
        self._last_beat = time.time()
        self._was_away = False
        self._away = 0.0

    def begin(self, conversation: Conversation, phase: Callable[[], str]) -> None:
        """Listens to a job that was just started, and tells it from now on that its client lives.

        `phase` says what the client is about.
        """
        self._listen_to(conversation)
        self._beats = True
        self._last_beat = time.time()
        threading.Thread(target=self._beat, args=(phase,), name="heartbeat", daemon=True).start()

    def stay(self, seconds: float) -> None:
        """For so long the host may go on by itself: a lost link is tried again as long."""
        self._link.needed_until = time.monotonic() + seconds

    def attach(self) -> None:
        """Makes the line anew, whether or not it is broken. UnreachableError, ProgramFailed."""
        with self._alone():
            self._broken = self._conversation
            self._line()

    def order(self, text: str) -> None:
        """Gives an order, once: if the line breaks now, whoever attaches anew hands it on.

        Raises UnreachableError, ProgramFailed.
        """
        with self._alone():
            conversation = self._line()
            self._ordered = text
            self._say(conversation, text)

    def lives(self) -> bool:
        """Whether the job is there; the host is asked if the line to it was lost.

        Raises UnreachableError, ProgramFailed.
        """
        self._restore()
        return not self._gone

    @property
    def gone(self) -> bool:
        """Whether the job is known to have ended."""
        return self._gone

    @property
    def away(self) -> bool:
        """Whether its beats failed for so long that the client counted as gone on the host.

        By the wall clock: the other one stands still while the machine sleeps.
        """
        return self._was_away or time.time() - self._last_beat >= CLIENT_GONE_AFTER

    @property
    def state(self) -> str:
        """The run's state as the host has it, as far as was heard: one word and its reason."""
        return self._state

    def next(self, timeout: float) -> JobEvent | None:
        """The next event; None after `timeout` seconds of `now`.

        Raises UnreachableError when the line can't be had again, ProgramFailed for a flood.
        """
        until = self.now() + timeout
        while True:
            left = until - self.now()
            if left <= 0:
                return None
            try:
                item = self._inbox.get(timeout=left)
            except queue.Empty:
                continue
            if isinstance(item, JobEvent):
                return item
            if isinstance(item, ProgramFailed):
                raise item
            self._restore()

    def say_again(self, event: JobEvent) -> None:
        """Whoever asks next gets this event."""
        self._inbox.put(event)

    def now(self) -> float:
        """A clock in seconds that stands still while the line is being made anew."""
        return time.monotonic() - self._away

    def close(self) -> None:
        self._stop.set()
        self._hurry.set()
        if self._conversation is not None:
            self._conversation.close()

    def _attach(self) -> Conversation:
        with self._counting:
            # What its reader has not counted by now, it never will.
            lost, self._conversation = self._conversation, None
            seen = str(self._seen)
        if lost is not None:
            lost.close()
        params = {"RUN": self._run, "SKIP": seen, "ORDER": self._ordered}
        conversation = self._link.host.open("attach", params)
        try:
            word, _, state = conversation.first(EXCHANGE_TIMEOUT).text.partition(" ")
            self._gone, self._state = word == "gone", state or self._state
        except BaseException:
            conversation.close()
            raise
        self._listen_to(conversation)
        if self._beats:
            # The last ones may not have come through. If this does not, its reader will know.
            with suppress(LinkLostError, ProgramFailed, OSError):
                conversation.send("beat")
        return conversation

    def _listen_to(self, conversation: Conversation) -> None:
        self._conversation = conversation
        threading.Thread(
            target=self._read, args=(conversation,), name="job-events", daemon=True
        ).start()

    def _read(self, conversation: Conversation) -> None:
        size = 0
        try:
            for record in conversation.records(LISTEN_SECONDS):
                size += len(record.data) + RECORD_COST
                if size > MAX_LOG_BYTES:
                    self._inbox.put(ProgramFailed("too-big", "the job's log is a flood", Answer()))
                    return
                with self._counting:
                    if conversation is not self._conversation:
                        return
                    self._take(record)
        except (UnreachableError, TimeoutError, OSError, ProgramFailed) as error:
            if self._stop.is_set():
                return
            if conversation is self._conversation:
                self._broken = conversation
            self._inbox.put(LinkLostError(str(error)))
            if isinstance(error, LinkLostError) and self._armed:
                self._hurry.set()

    def _take(self, record: Record) -> None:
        if record.name == "event":
            self._seen += 1
            event = parse_event(record.text)
        elif record.name == "gone":
            event = JobEvent(0.0, "gone")
        else:
            return
        self._gone |= event.kind in {"gone", "end"}
        if event.kind == "state":
            self._state = event.text
        self._inbox.put(event)

    def _beat(self, phase: Callable[[], str]) -> None:
        while not self._stop.is_set():
            # Gates use the same link, and nobody else looks after it while they do: a loss is told,
            # and mended, at once.
            self._hurry.wait(HEARTBEAT)
            self._hurry.clear()
            if self._stop.is_set():
                return
            with suppress(UnreachableError, ProgramFailed, TimeoutError, OSError), self._alone():
                self._say(self._line(), f"beat {phase()}".strip())
                self._was_away, self._last_beat = self.away, time.time()

    def _say(self, conversation: Conversation, text: str) -> None:
        try:
            conversation.send(text)
        except (LinkLostError, ProgramFailed, OSError):
            self._broken = conversation
            self._line()

    def _restore(self) -> None:
        with self._alone():
            self._line()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Reader, heartbeat and orders all notice a broken line: one of them attaches again."""
        patience = self._patience()
        if not self._attaching.acquire(timeout=patience):
            raise link_lost(self._link.host.label, f"the job was out of reach for {patience:.0f} s")
        try:
            yield
        finally:
            self._attaching.release()

    def _line(self) -> Conversation:
        """The line, made anew where it broke. Call it alone."""
        if self._conversation is not None and self._broken is not self._conversation:
            return self._conversation
        if self._stop.is_set():
            raise JobGoneError("This run has ended, and follows its job on the host no more.")
        began = time.monotonic()
        try:
            self._link.restore(self._patience())
            return self._attach()
        finally:
            self._away += time.monotonic() - began

    @property
    def _armed(self) -> bool:
        """Before that, whoever uses the link knows how long the run still puts up with a loss."""
        return self._link.needed_until > 0.0

    def _patience(self) -> float:
        return max(RESTORE_SECONDS, self._link.needed_until - time.monotonic())


def parse_event(line: str) -> JobEvent:
    line = line if len(line) <= LONGEST_EVENT else f"{line[:LONGEST_EVENT]}…"
    uptime, _, rest = line.partition("\t")
    kind, *fields = rest.split("\t")
    try:
        seconds = float(uptime)
    except ValueError:
        seconds = 0.0
    return JobEvent(seconds, kind, tuple(fields))
