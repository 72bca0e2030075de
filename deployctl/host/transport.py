"""paramiko's Transport as we need it: our choice of algorithms, and a link that knows it is dead.

paramiko goes on waiting on a link that has died: its keepalives ask for no answer, and are left out
while anything else is sent. Ours are sent whenever nothing comes in, every packet counts as a sign
of life, and silence closes the transport, which ends every wait on it.
"""

import socket
import struct
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.channel import Channel
from paramiko.common import cMSG_CHANNEL_REQUEST, cMSG_GLOBAL_REQUEST
from paramiko.message import Message
from paramiko.packet import Packetizer

if TYPE_CHECKING:
    from deployctl.host.keys import Offer

KEEPALIVE_SECONDS = 5.0
"""of silence after which the server is asked for a sign of life, and then again"""
SILENCE_SECONDS = 14.0
"""with a tick of half a second: a dead link is found within 15 s"""
TICK_SECONDS = 0.5
RESERVE = 2
"""sessions that wait for work"""
LARGEST_PACKET = 1024 * 1024
"""bytes; OpenSSH sends a quarter of that at most"""
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")


class NoSessionError(paramiko.SSHException):
    """The server opens no further session on this connection (MaxSessions)."""


class CountingPacketizer(Packetizer):
    """Counts what comes in; a packet of any kind is a sign of life.

    Also keeps what a server says before its version, which is why some hang up.
    """

    received = 0

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.lines: list[str] = []

    def readline(self, timeout: float) -> str:
        line: str = super().readline(timeout)
        self.lines.append(line)
        return line

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        # A length is read before anything proves who sent it.
        if n > LARGEST_PACKET:
            raise paramiko.SSHException(
                f"a packet of {n} bytes; at most {LARGEST_PACKET} are taken"
            )
        return super().read_all(n, check_rekey)

    def read_message(self) -> tuple[int, Message]:
        message = super().read_message()
        self.received += 1
        return message


class SshTransport(paramiko.Transport):
    # gcm carries uploads a third faster than paramiko's first choices.
    _preferred_ciphers = CIPHERS

    def __init__(
        self,
        sock: Any,
        host_key_types: Sequence[str],
    ) -> None:
        super().__init__(sock, packetizer_class=CountingPacketizer)
        self._host_key_types = tuple(host_key_types)
        self._mine = threading.local()
        self._refusals: dict[int, int] = {}
        self._over = threading.Event()
        self._reserved: list[Future[Channel]] = []
        self._lock_reserve = threading.Lock()
        self.identity: Offer | None = None
        """the key that the server took"""
        self.crowded = False
        """whether the server has refused to open one session more"""
        self.lost_because = ""
        """why the link was given up; empty while it lives and when it was closed on purpose"""
        self.last_words = ""
        """what the server said when it hung up"""

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The host key types to accept, best first: only what known_hosts can judge."""
        return self._host_key_types

    def get_exception(self) -> Exception | None:
        """What ended the transport. Of a server's nonsense paramiko makes errors of any kind."""
        error: Exception | None = super().get_exception()
        if error is None or isinstance(error, paramiko.SSHException | OSError | EOFError):
            return error
        told = str(error) or type(error).__name__
        return paramiko.SSHException(f"what the server sent is not SSH ({told})")

    def watch(self) -> None:
        """From now on, silence ends the link. Call it once authenticated."""
        threading.Thread(
            target=_end_when_silent, args=(weakref.ref(self), self._over), daemon=True
        ).start()

    def probe(self) -> None:
        """Asks the server for a sign of life: any answer is one."""
        message = Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)
        self._send_user_message(message)  # type: ignore[attr-defined]

    def session(self, command: str, timeout: float) -> Channel:
        """A session in which `command` runs: one in reserve, else a new one.

        Raises as `open_session` does, and NoSessionError.
        """
        channel = self._from_reserve(timeout) or self._run(command, timeout)
        self.reserve(command, timeout)
        return channel

    def _from_reserve(self, timeout: float) -> Channel | None:
        while True:
            with self._lock_reserve:
                if not self._reserved:
                    return None
                ready = self._reserved.pop(0)
            channel = _still_open(ready, timeout)
            if channel is not None:
                return channel

    def reserve(self, command: str, timeout: float) -> None:
        """Runs `command` in sessions for the next who need one, in the background.

        An exchange is then one round trip instead of three, and waits for no login shell. A server
        that opens no more of them (MaxSessions) just has none in reserve.
        """
        if self.crowded:
            return
        with self._lock_reserve:
            while len(self._reserved) < RESERVE:
                ready: Future[Channel] = Future()
                self._reserved.append(ready)
                threading.Thread(
                    target=self._run_ahead, args=(ready, command, timeout), daemon=True
                ).start()

    def _run_ahead(self, ready: "Future[Channel]", command: str, timeout: float) -> None:
        try:
            ready.set_result(self._run(command, timeout))
        except (paramiko.SSHException, OSError, EOFError) as error:
            ready.set_exception(error)

    def _run(self, command: str, timeout: float) -> Channel:
        try:
            channel = self.open_session(timeout=timeout)
        except paramiko.SSHException as error:
            if self.refusal() is None:
                raise
            self.crowded = True
            raise NoSessionError from error
        try:
            self.start_command(channel, command)
        except BaseException:
            channel.close()
            raise
        return channel

    def start_command(self, channel: Channel, command: str) -> None:
        """Asks for a command without waiting for a yes: a round trip less each time.

        A server that says no closes the channel, which its reader sees. RFC 4254, section 6.5.
        """
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("exec")
        message.add_boolean(False)
        message.add_string(command)
        self._send_user_message(message)  # type: ignore[attr-defined]

    def answers(self, timeout: float) -> bool:
        """Whether a packet comes within `timeout` seconds of asking for one."""
        if not self.is_active():
            return False
        before = self.received
        self.probe_aside()
        waited = threading.Event()
        for _ in range(max(1, int(timeout / 0.02))):
            if self.received != before:
                return self.is_active()
            if not self.is_active():
                return False
            waited.wait(0.02)
        return False

    @property
    def said_first(self) -> str:
        """The last line that came before, or instead of, the server's version."""
        lines = [line for line in getattr(self.packetizer, "lines", []) if line.strip()]
        return str(lines[-1])[:200] if lines else ""

    @property
    def received(self) -> int:
        packetizer = self.packetizer
        return packetizer.received if isinstance(packetizer, CountingPacketizer) else 0

    def probe_aside(self) -> None:
        """As `probe`, in a thread of its own: sending may block on a full socket of a dead link."""
        threading.Thread(target=self._probe_quietly, daemon=True).start()

    def give_up(self, why: str) -> None:
        """Closes a link that is to be replaced: what is still on its way never arrives."""
        self.lost_because = why
        if isinstance(self.sock, socket.socket):
            # Else the system would go on sending it for minutes, beside the next connection.
            with suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def stop_thread(self) -> None:
        self._over.set()
        super().stop_thread()

    def refusal(self) -> int | None:
        """The code with which the server refused this thread's last channel, if it did.

        paramiko keeps one exception for all threads, so two that fail at once would swap theirs.
        """
        return self._refusals.pop(getattr(self._mine, "chanid", -1), None)

    def _next_channel(self) -> int:
        chanid: int = super()._next_channel()  # type: ignore[misc]
        self._mine.chanid = chanid
        self._refusals.pop(chanid, None)
        return chanid

    def _parse_channel_open_failure(self, m: Message) -> None:
        chanid, code = m.get_int(), m.get_int()
        self._refusals[chanid] = code
        m.rewind()
        super()._parse_channel_open_failure(m)  # type: ignore[misc]

    def _parse_disconnect(self, m: Message) -> None:
        m.get_int()
        self.last_words = m.get_binary().decode("utf-8", "replace").strip()

    def _probe_quietly(self) -> None:
        try:
            self.probe()
        except (paramiko.SSHException, OSError, EOFError):
            return  # the link is gone, which `answers` sees for itself


def _still_open(ready: "Future[Channel]", timeout: float) -> Channel | None:
    """What was begun earlier is there sooner than what begins now."""
    try:
        channel = ready.result(timeout)
    except (paramiko.SSHException, OSError, EOFError):
        return None
    return None if channel.closed or channel.eof_received else channel


def _end_when_silent(reference: "weakref.ref[SshTransport]", over: threading.Event) -> None:
    # Ticks are counted, not time: a laptop that slept, or a process that was stopped, has not
    # listened meanwhile and can't call the link dead.
    last, silent, asked = -1, 0, 0
    while not over.wait(TICK_SECONDS):
        transport = reference()
        if transport is None or not transport.is_active():
            return
        received = transport.received
        if received != last:
            last, silent, asked = received, 0, 0
        else:
            silent += 1
        if silent * TICK_SECONDS >= KEEPALIVE_SECONDS * (asked + 1):
            asked += 1
            transport.probe_aside()
        if silent * TICK_SECONDS >= SILENCE_SECONDS:
            transport.give_up(f"no sign of life for {SILENCE_SECONDS:.0f} s")
            return
        del transport
