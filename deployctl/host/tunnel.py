"""A socket on the host's side of the connection: TCP through a `direct-tcpip` channel."""

import contextlib
import io
import socket
import time
from typing import TYPE_CHECKING, cast

import paramiko

from deployctl.host.failures import forwarding_refused, link_lost
from deployctl.host.opening import CONNECT_FAILED, PROHIBITED
from deployctl.host.transport import SshTransport

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


def dial(
    transport: SshTransport, label: str, host: str, port: int, timeout: float
) -> "TunnelSocket":
    """Connects from the host to `host:port`, as the host sees them, within `timeout` seconds.

    Raises ConnectionRefusedError (refused, or the host can't get there), TimeoutError,
    LinkLostError, ForwardingRefused.
    """
    started = time.monotonic()
    try:
        channel = transport.open_channel(
            "direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=timeout
        )
    except (paramiko.SSHException, EOFError, OSError) as error:
        code = transport.refusal()
        if not transport.is_active():
            raise link_lost(label, transport.lost_because) from error
        if code == PROHIBITED:
            raise forwarding_refused(label, host, port) from error
        if code == CONNECT_FAILED:
            raise ConnectionRefusedError(f"{host}:{port} refused the connection") from error
        if time.monotonic() - started >= timeout:
            raise TimeoutError(f"{host}:{port} did not answer within {timeout:g} s") from error
        raise ConnectionRefusedError(f"{host}:{port}: {error}") from error
    channel.settimeout(timeout)
    return TunnelSocket(channel, transport, label)


class TunnelSocket:
    """What `http.client` and TLS need of a socket, over a channel.

    As with a socket, closing it waits for the files made of it. A link that dies shows as
    LinkLostError, never as the peer's orderly end.
    """

    def __init__(
        self, channel: paramiko.Channel, transport: SshTransport, label: str, ahead: bytes = b""
    ) -> None:
        """`ahead`: what the peer has sent and somebody has read from the channel."""
        self._ahead = ahead
        self._channel = channel
        self._transport = transport
        self._label = label
        # The names of socket.socket's own count: SocketIO and urllib3's TLS use them.
        self._io_refs = 0
        self._closed = False

    def settimeout(self, timeout: float | None) -> None:
        self._channel.settimeout(timeout)

    def gettimeout(self) -> float | None:
        return self._channel.gettimeout()

    def send(self, data: bytes) -> int:
        try:
            sent = self._channel.send(data)
        except TimeoutError:
            raise TimeoutError("sending timed out") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._broken() from error
        if not sent and data:
            raise self._broken()
        return sent

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        del flags
        left = memoryview(data).cast("B")
        while left:
            left = left[self.send(bytes(left[:32_000])) :]

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Bytes, or none at the peer's end. TimeoutError, LinkLostError."""
        del flags
        if self._ahead and size:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        try:
            data = self._channel.recv(size)
        except TimeoutError:
            raise TimeoutError("reading timed out") from None
        except paramiko.SSHException as error:
            raise self._broken() from error
        if not data and size and self._link_is_dead():
            raise link_lost(self._label, self._transport.lost_because)
        return data

    def recv_into(self, buffer: "WriteableBuffer", size: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = self.recv(size or len(view), flags)
        view[: len(data)] = data
        return len(data)

    @property
    def dropped(self) -> bool:
        """Whether the peer has closed, or has sent what nobody asked for."""
        channel = self._channel
        unasked = bool(self._ahead) or channel.recv_ready()
        return channel.closed or bool(channel.eof_received) or unasked

    def makefile(
        self, mode: str = "r", buffering: int | None = None, **_: object
    ) -> io.BufferedReader | io.BufferedWriter:
        size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 1 else buffering
        self._io_refs += 1
        if "w" in mode:
            return io.BufferedWriter(socket.SocketIO(cast("socket.socket", self), "w"), size)
        return io.BufferedReader(socket.SocketIO(cast("socket.socket", self), "r"), size)

    def shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown(how)

    def close(self) -> None:
        self._closed = True
        if self._io_refs <= 0:
            self._close_channel()

    def _decref_socketios(self) -> None:
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._closed and self._io_refs <= 0:
            self._close_channel()

    def _close_channel(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()

    def _link_is_dead(self) -> bool:
        # The peer's orderly end has an EOF message; without one the link may be just going.
        until = time.monotonic() + 1.0
        while not self._channel.eof_received and not self._closed and time.monotonic() < until:
            if not self._transport.is_active():
                return True
            time.sleep(0.01)
        return not self._channel.eof_received and not self._transport.is_active()

    def _broken(self) -> Exception:
        if self._link_is_dead():
            return link_lost(self._label, self._transport.lost_because)
        return BrokenPipeError("the peer closed the connection")
