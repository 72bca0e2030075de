"""The availability probe: asks many times a second, from before the swap until the end.

Several probes are in flight at once, so the resolution doesn't depend on the round trip. What it
can't know, because the link to the host is dead, is neither up nor down.
"""

import heapq
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, cast
from urllib.parse import urlsplit

from urllib3.util.ssltransport import SSLTransport

from deployctl.errors import DeployctlError, LinkLostError, RefusedError
from deployctl.events import AvailabilityTick, Events, utc_now
from deployctl.gates.address import Place
from deployctl.gates.base import CannotObserveError, Socket
from deployctl.gates.link_watch import PROMPT, LinkWatch
from deployctl.gates.outage import Cause, Outage, Sample, Series, Summary, Timeline
from deployctl.host.failures import ProgramFailed
from deployctl.result import Availability as Document

USER_AGENT: Final = "deployctl-probe"
IN_FLIGHT: Final = 16
FEW: Final = 3
"""probes in flight where each takes one of few sessions, which gates need as well"""

_STATUS_LINE: Final = 1024
_DRAINED: Final = 16 * 1024
_DRAIN_SECONDS: Final = 0.25
_RESOLVE_EVERY: Final = 0.5
_TICK_EVERY: Final = 0.25
_OVERDUE: Final = 0.25
_IDLE: Final = 0.25

Dial = Callable[[str, int, float], Socket]


@dataclass(frozen=True)
class Measured:
    """`result` for the result document, the rest for the evidence.

    Times are seconds since `started_at`; `switched` is None when there was no switch.
    """

    result: Document
    outages: tuple[Outage, ...]
    series: Series
    started_at: datetime
    switched: float | None
    seconds: float


class Availability:
    """start(), mark_switch() when the new container was started, stop() for what was measured.

    `endpoint` says where the service listens now, and is asked again after `moved()`, and while
    probes fail at a place that isn't fixed; it may raise CannotObserveError while there is no
    container. `dial` opens a TCP connection; `alive` tells a dead link from a dead service;
    `scarce` says that only FEW may be open at a time. They may be called from IN_FLIGHT threads at
    once.
    """

    def __init__(
        self,
        *,
        endpoint: Callable[[], Place],
        dial: Dial,
        alive: Callable[[], bool],
        path: str,
        events: Events,
        interval: float = 0.025,
        timeout: float = 2.0,
        headers: Mapping[str, str] = MappingProxyType({}),
        secure: bool = False,
        scarce: Callable[[], bool] = lambda: False,
    ) -> None:
        self._dial = dial
        self._scarce = scarce
        self._path = path
        self._headers = dict(headers)
        self._tls = _unverified() if secure else None
        self._interval = interval
        self._timeout = timeout
        self._events = events
        self._link = LinkWatch(alive)
        self._where = _Endpoint(endpoint)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._began = 0.0
        self._started_at = utc_now()
        self._switched: float | None = None
        self._next = 0.0
        self._pending: set[float] = set()
        self._done: list[tuple[float, int, Sample]] = []
        self._serial = 0
        self._timeline = Timeline(interval)
        self._series = Series()
        self._next_tick = 0.0

    def start(self) -> None:
        """Resolves the endpoint once, then probes in the background.

        Raises RefusedError when no endpoint can be had from the settings, whatever runs.
        """
        self._where.resolve()
        if self._where.impossible:
            raise RefusedError(
                f"There is nothing for the availability probe to ask: {self._where.impossible}.",
                next_step="Change `availability` in deployctl.yml, or leave it out.",
            )
        self._began = self._next = time.monotonic()
        self._started_at = utc_now()
        for number in range(IN_FLIGHT):
            thread = threading.Thread(
                target=self._work, args=(number,), name=f"probe-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def mark_switch(self) -> None:
        """The new container was started."""
        if self._switched is None:
            self._switched = time.monotonic() - self._began
        self.moved()

    def moved(self) -> None:
        """The container was replaced: its address may be another one."""
        self._where.expire()

    def stop(self, *, wait: bool = True) -> Measured:
        """Sums up; with `wait`, after the probes in flight have ended (one timeout at most).

        Without it those that were just sent don't count: enough where the last ones that ended were
        served. One that has had no answer for a while may be the beginning of an outage.
        """
        ended = time.monotonic()
        self._stopping.set()
        with self._lock:
            wait = wait or ended - min(self._pending, default=ended) > _OVERDUE
        until = ended + self._timeout + PROMPT if wait else ended
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            self._pending.clear()
            self._flush()
            seconds = ended - self._began
            summary: Summary = self._timeline.summary(seconds)
            return Measured(
                result=summary.document(),
                outages=summary.outages,
                series=self._series,
                started_at=self._started_at,
                switched=self._switched,
                seconds=seconds,
            )

    def _work(self, number: int) -> None:
        while not self._stopping.is_set():
            if number >= FEW and self._scarce():
                self._stopping.wait(_IDLE)
                continue
            slot = self._reserve()
            if self._stopping.wait(max(0.0, slot - time.monotonic())):
                return
            started = time.monotonic()
            cause, asked = self._probe()
            latency = time.monotonic() - started
            self._finish(slot, Sample(asked - self._began, latency, cause))
            if cause.down or self._where.expired or self._where.place is None:
                self._where.refresh()

    def _reserve(self) -> float:
        """The next moment at which a probe is due; moments that nobody was free for are skipped."""
        with self._lock:
            slot = max(self._next, time.monotonic())
            self._next = slot + self._interval
            self._pending.add(slot)
            return slot

    def _finish(self, slot: float, sample: Sample) -> None:
        with self._lock:
            if slot not in self._pending:
                return  # stop() has already summed up
            self._pending.discard(slot)
            self._serial += 1
            heapq.heappush(self._done, (sample.at, self._serial, sample))
            self._flush()
            tick = self._tick()
        if tick is not None and not self._stopping.is_set():
            self._events.emit(tick)

    def _flush(self) -> None:
        """Hands on, in order, the samples that no probe in flight can precede any more."""
        first = min(self._pending, default=float("inf")) - self._began
        while self._done and self._done[0][0] <= first:
            sample = heapq.heappop(self._done)[2]
            self._timeline.add(sample)
            self._series.add(sample)

    def _tick(self) -> AvailabilityTick | None:
        now = time.monotonic()
        if now < self._next_tick:
            return None
        self._next_tick = now + _TICK_EVERY
        return AvailabilityTick(
            probes=self._timeline.probes,
            failures=self._timeline.failures,
            unknown=self._timeline.unknown,
            downtime_ms=round(self._timeline.downtime(now - self._began) * 1000),
        )

    def _probe(self) -> tuple[Cause, float]:
        """What came of it, and when the service was asked: the way to it may take its time."""
        asked = time.monotonic()
        place = self._where.place
        if place is None:
            return self._where.absence, asked
        try:
            connection = self._dial(place.host, place.port, self._timeout)
            asked = time.monotonic()
            cause = self._ask(place, connection)
        except (DeployctlError, ProgramFailed):
            # Also an AnswerTimeoutError: it says nothing of the service.
            return Cause.NO_LINK, asked
        except TimeoutError:
            cause = Cause.TIMEOUT
        except ConnectionRefusedError:
            return Cause.REFUSED, asked
        except OSError:
            cause = Cause.CLOSED
        # A dead link looks like a silent or a closed connection.
        if cause in {Cause.TIMEOUT, Cause.CLOSED} and not self._link.answers():
            return Cause.NO_LINK, asked
        return cause, asked

    def _ask(self, place: Place, connection: Socket) -> Cause:
        until = time.monotonic() + self._timeout
        try:
            connection.settimeout(_left(until))
            if self._tls is not None:
                connection = _secured(connection, self._tls, self._host(place))
            connection.sendall(self._request(place))
            answer = b""
            while b"\n" not in answer and len(answer) < _STATUS_LINE:
                connection.settimeout(_left(until))
                chunk = connection.recv(_STATUS_LINE)
                if not chunk:
                    return Cause.CLOSED
                answer += chunk
            cause = _judge(answer)
            _drain(connection, len(answer))
            return cause
        finally:
            connection.close()

    def _host(self, place: Place) -> str:
        named = (value for name, value in self._headers.items() if name.lower() == "host")
        return next(named, place.netloc)

    def _request(self, place: Place) -> bytes:
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            **{n: v for n, v in self._headers.items() if n.lower() not in {"host", "connection"}},
            "Host": self._host(place),
            "Connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {self._path} HTTP/1.1\r\n{lines}\r\n".encode()


def _unverified() -> ssl.SSLContext:
    """Whether anybody serves is asked here; whose certificate it is, gates ask."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _secured(connection: Socket, context: ssl.SSLContext, host: str) -> Socket:
    name = urlsplit(f"//{host}").hostname
    return cast("Socket", SSLTransport(cast("socket.socket", connection), context, name))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _judge(answer: bytes) -> Cause:
    """By the status line alone: a 5xx is a failure, other answers of an HTTP server are not."""
    words = answer.split(b"\n", 1)[0].split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return Cause.CLOSED
    return Cause.SERVER_ERROR if 500 <= int(words[1]) <= 599 else Cause.OK


def _drain(connection: Socket, size: int) -> None:
    """Reads the rest, within reason, so that the server doesn't see its answer refused."""
    until = time.monotonic() + _DRAIN_SECONDS
    try:
        while size < _DRAINED:
            connection.settimeout(_left(until))
            chunk = connection.recv(4096)
            if not chunk:
                return
            size += len(chunk)
    except (OSError, LinkLostError):
        return


class _Endpoint:
    """Where to ask; looked up again after the switch, and while probes fail where it may change."""

    def __init__(self, endpoint: Callable[[], Place]) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._resolved = float("-inf")
        self.place: Place | None = None
        self.absence = Cause.REFUSED
        """what a probe says while no place is known"""
        self.expired = False
        self.impossible = ""

    def expire(self) -> None:
        self._resolved = float("-inf")
        self.expired = True

    def refresh(self) -> None:
        """Looks again unless another thread is at it or has just done so."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            lasts = self.place is not None and self.place.fixed and not self.expired
            if not lasts and time.monotonic() - self._resolved >= _RESOLVE_EVERY:
                self.resolve()
        finally:
            self._lock.release()

    def resolve(self) -> None:
        """Keeps the place that was known while there is no other."""
        self._resolved = time.monotonic()
        self.expired = False
        try:
            self.place = self._endpoint()
        except CannotObserveError as error:
            self.expired = True
            self.absence = Cause.REFUSED
            self.impossible = error.judgement.reason if error.judgement.definite else ""
        except (DeployctlError, ProgramFailed, OSError):
            self.expired = True
            self.absence = Cause.NO_LINK
