"""One program running on the host, over one channel: its records out, our lines in."""

import contextlib
import threading
import time
from collections.abc import Iterator
from types import TracebackType

import paramiko

from deployctl.errors import UnreachableError, shortened
from deployctl.host.failures import AnswerTimeoutError, ProgramFailed, answer_timeout, link_lost
from deployctl.host.programs import EXEC_LINE, Script
from deployctl.host.transport import NoSessionError, SshTransport
from deployctl.host.tunnel import TunnelSocket
from deployctl.host.wire import Answer, MalformedStreamError, Record, RecordReader

OPEN_SECONDS = 15.0
SEND_SECONDS = 15.0
FEED_SECONDS = 600.0
CHUNK_BYTES = 65536
STDERR_TAIL_BYTES = 65536
SETTLE_SECONDS = 2.0
LONGEST_KIND = 64
RECORD_COST = 256
"""bytes that a record takes beside its data: a flood of empty ones is a flood"""


class Conversation:
    """A running program. Closing it closes the channel, which is all the program may notice.

    One thread may read the records while another sends.
    """

    def __init__(self, transport: SshTransport, label: str, name: str, script: Script) -> None:
        """Starts the program. Raises LinkLostError, AnswerTimeoutError, NoSessionError."""
        self._transport = transport
        self._label = label
        self._name = name
        self._reader = RecordReader(script.nonce)
        self._fail_kind = "failed"
        self._ended = False
        self._stderr = bytearray()
        self._channel: paramiko.Channel = self._start()
        self._drain = threading.Thread(target=self._keep_stderr, name="stderr", daemon=True)
        self._drain.start()
        self.write(script.data)

    def send(self, line: str) -> None:
        """Sends a line to the program's standard input. LinkLostError, ProgramFailed."""
        self.write(f"{line}\n".encode("utf-8", "surrogateescape"))

    def write(self, data: bytes | memoryview, timeout: float = SEND_SECONDS) -> None:
        """Sends bytes; `timeout` is the longest wait without one of them leaving.

        Raises LinkLostError, AnswerTimeoutError, and ProgramFailed when the program has gone.
        """
        left = memoryview(data)
        until = time.monotonic() + timeout
        while left:
            try:
                sent = self._channel.send(left)  # type: ignore[arg-type]
            except TimeoutError:
                sent = 0
                if time.monotonic() > until:
                    raise answer_timeout(self._label, self._name, timeout) from None
            except (OSError, EOFError, paramiko.SSHException):
                raise self._gone() from None
            if sent:
                left = left[sent:]
                until = time.monotonic() + timeout
            elif self._channel.closed:
                raise self._gone()

    def feed(self, data: bytes) -> None:
        """Sends `data` and ends the input, in the background: answers may come meanwhile."""
        threading.Thread(target=self._feed, args=(data,), name="stdin", daemon=True).start()

    def end_input(self) -> None:
        """Closes the program's standard input."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown_write()

    def records(self, timeout: float, within: float | None = None) -> Iterator[Record]:
        """The program's records as they come; ends when it says `end`.

        `timeout` is the longest wait for the next one, `within` that for all of them. Raises
        TimeoutError (an AnswerTimeoutError; calling `records` again goes on), LinkLostError,
        ProgramFailed.
        """
        over = None if within is None else time.monotonic() + within
        while not self._ended:
            until = time.monotonic() + timeout
            if over is not None and within is not None:
                if time.monotonic() > over:
                    raise answer_timeout(self._label, self._name, within)
                until, timeout = min(until, over), within
            record = self._next(until, timeout)
            if record.name == "fail-kind":
                self._fail_kind = record.text[:LONGEST_KIND]
            elif record.name == "fail":
                self._ended = True
                self.close()
                message = shortened(record.text)
                raise ProgramFailed(self._fail_kind, message, Answer(), self.stderr)
            elif record.name == "end":
                self._ended = True
            else:
                yield record

    def first(self, timeout: float) -> Record:
        """The first record. Raises as `records` does; a program that has none has failed."""
        record = next(self.records(timeout), None)
        if record is None:
            raise self._failed("protocol", "it ended without a word")
        return record

    def collect(self, timeout: float, max_bytes: int) -> Answer:
        """All records until the end, within `timeout` seconds. Raises as `records` does."""
        until = time.monotonic() + timeout
        records: list[Record] = []
        size = 0
        try:
            while True:
                left = max(until - time.monotonic(), 0.0)
                record = next(self.records(left), None)
                if record is None:
                    return Answer(records)
                size += len(record.data) + RECORD_COST
                if size > max_bytes:
                    raise self._failed("too-big", f"its answer is more than {max_bytes} bytes")
                records.append(record)
        except ProgramFailed as failure:
            failure.answer = Answer(records)
            raise

    def become_socket(self) -> TunnelSocket:
        """The channel with what follows the last record, for a program that says no more."""
        return TunnelSocket(self._channel, self._transport, self._label, self._reader.rest)

    @property
    def stderr(self) -> str:
        """The tail of the program's standard error so far."""
        return bytes(self._stderr).decode("utf-8", "replace")

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> paramiko.Channel:
        try:
            channel = self._transport.session(EXEC_LINE, OPEN_SECONDS)
        except NoSessionError:
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            if not self._transport.is_active():
                raise link_lost(self._label, self._transport.lost_because) from error
            raise answer_timeout(self._label, self._name, OPEN_SECONDS) from error
        channel.settimeout(1.0)
        return channel

    def _next(self, until: float, timeout: float) -> Record:
        while True:
            try:
                record = self._reader.next()
                if record is not None:
                    return record
                left = until - time.monotonic()
                if left <= 0:
                    raise answer_timeout(self._label, self._name, timeout)
                # Writers share this limit; they try again until their own.
                self._channel.settimeout(min(left, 1.0))
                data = self._channel.recv(CHUNK_BYTES)
                if not data:
                    raise self._gone()
                self._reader.feed(data)
            except MalformedStreamError as error:
                raise self._failed("protocol", f"{error}") from error
            except AnswerTimeoutError:
                raise
            except TimeoutError:
                continue

    def _gone(self) -> Exception:
        """The channel has ended without `end`: by the link, or by the program."""
        until = time.monotonic() + SETTLE_SECONDS
        # paramiko closes the channels of a dead link just before it calls the link dead.
        while not self._channel.eof_received and time.monotonic() < until:
            if not self._transport.is_active():
                break
            time.sleep(0.01)
        if not self._transport.is_active():
            return link_lost(self._label, self._transport.lost_because)
        self._channel.status_event.wait(SETTLE_SECONDS)
        self._drain.join(SETTLE_SECONDS)
        if not self._reader.started:
            noise = self._reader.noise.decode("utf-8", "replace").strip()
            said = noise.replace("\n", " ")[-200:] or self.stderr.strip()[-200:]
            return self._failed("no-shell", f"it said {said!r}" if said else "it said nothing")
        return self._failed("died", f"it ended early, with status {self._channel.exit_status}")

    def _failed(self, kind: str, message: str) -> ProgramFailed:
        self.close()
        stderr = self.stderr
        tail = f": {stderr.strip()[-500:]}" if stderr.strip() else ""
        return ProgramFailed(kind, f"{self._name}: {message}{tail}", Answer(), stderr)

    def _feed(self, data: bytes) -> None:
        # Whatever ends this early, the reader of the records meets as well, and says.
        with contextlib.suppress(ProgramFailed, UnreachableError):
            self.write(data, FEED_SECONDS)
            self.end_input()

    def _keep_stderr(self) -> None:
        # Both streams share the channel's window: one that nobody reads would block the other.
        while True:
            try:
                data = self._channel.recv_stderr(CHUNK_BYTES)
            except TimeoutError:
                continue
            except (OSError, EOFError, paramiko.SSHException):
                return
            if not data:
                return
            self._stderr += data
            del self._stderr[:-STDERR_TAIL_BYTES]
