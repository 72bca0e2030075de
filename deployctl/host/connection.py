"""A host over one SSH connection: programs, uploads, sockets and HTTP all go through it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from deployctl.errors import DeployctlError, UnreachableError
from deployctl.host.address import HostAddress
from deployctl.host.conversation import OPEN_SECONDS, Conversation
from deployctl.host.failures import (
    NOT_READ_BACK,
    AnswerTimeoutError,
    ForwardingRefused,
    ProgramFailed,
    no_room,
    no_session,
)
from deployctl.host.keys import Keyring, Offer
from deployctl.host.opening import Opened, open_route
from deployctl.host.programs import EXEC_LINE, script
from deployctl.host.relay import NoRelayError, relayed
from deployctl.host.spares import NoRoomError, Spares
from deployctl.host.ssh_config import Endpoint, route
from deployctl.host.transport import NoSessionError, SshTransport
from deployctl.host.tunnel import TunnelSocket, dial
from deployctl.host.upload import Progress, Upload
from deployctl.host.wire import MAX_ANSWER_BYTES, Answer, Record

if TYPE_CHECKING:
    import paramiko
    import requests

__all__ = [
    "Answer",
    "AnswerTimeoutError",
    "Conversation",
    "ForwardingRefused",
    "Host",
    "HostAddress",
    "ProgramFailed",
    "Record",
    "TunnelSocket",
]

RELAY_SECONDS = 15.0
"""within which a program on the host begins that stands in for sshd's forwarding"""


class Host:
    """One open SSH connection. May be used by several threads at once."""

    def __init__(
        self, address: HostAddress, endpoint: Endpoint, opened: Opened, keyring: Keyring
    ) -> None:
        self._address = address
        self._opened = opened
        self._keyring = keyring
        self._spares = Spares(opened.transport, self._open_another)
        self._not_forwarded: dict[tuple[str, int], ForwardingRefused] = {}
        self.label = endpoint.label
        """user@host:port, after ~/.ssh/config"""

    @classmethod
    def connect(cls, address: HostAddress, keyring: Keyring | None = None) -> "Host":
        """Connects and authenticates.

        Raises UnreachableError (name, refused, timeout, host key unknown, changed or revoked,
        authentication: each says which) and ConfigError (SSH's or our settings can't be used).
        """
        keyring = keyring or Keyring()
        hops = route(address)
        opened = open_route(hops, keyring)
        opened.transport.reserve(EXEC_LINE, OPEN_SECONDS)
        return cls(address, hops[-1], opened, keyring)

    def reconnect(self) -> "Host":
        """A fresh connection to the same address; this one stays as it is. UnreachableError."""
        with _once_reached():
            return Host.connect(self._address, self._keyring)

    def _open_another(self) -> Opened:
        with _once_reached():
            return open_route(route(self._address), self._keyring)

    def run(
        self,
        program: str,
        params: Mapping[str, str] = {},
        *,
        stdin: bytes = b"",
        timeout: float,
    ) -> Answer:
        """Runs a program to its end and returns its records. Its input is `stdin`, then EOF.

        Raises ProgramFailed (with the records so far), AnswerTimeoutError (a TimeoutError, after
        `timeout` seconds in all; the program may go on), LinkLostError.
        """
        with self.open(program, params) as conversation:
            if stdin:
                conversation.feed(stdin)
            else:
                conversation.end_input()
            return conversation.collect(timeout, MAX_ANSWER_BYTES)

    def open(
        self,
        program: str,
        params: Mapping[str, str] = {},
        *,
        within: float = OPEN_SECONDS,
    ) -> Conversation:
        """Starts a program and leaves its input open.

        Where the server allows few sessions, waits `within` seconds for one. Raises LinkLostError,
        AnswerTimeoutError; UnreachableError where a further connection can't be had; ProgramFailed
        where the server allows no session at all.
        """
        text = script(program, params)

        def start(transport: SshTransport) -> Conversation:
            return Conversation(transport, self.label, program, text)

        try:
            return self._spares.use(start, within)
        except NoRoomError as error:
            raise no_room(self.label, program, within) from error
        except NoSessionError as error:
            raise no_session(self.label) from error

    def upload(self, local: Path, remote: str, *, progress: Progress, timeout: float) -> int:
        """Brings a file to the host; returns the bytes sent now, 0 when it is already there.

        Goes on from what an earlier attempt left in `remote` + `.part`; the file appears under its
        name, 0600, only once its SHA-256 is right. `progress` gets bytes done and in all.
        Raises LinkLostError (call again on a fresh connection), AnswerTimeoutError, OSError (the
        local file), and ProgramFailed of kind path, disk, incomplete or digest.
        """
        upload = Upload(local, remote, self.label, progress, timeout)
        return upload.send(lambda params: self.open("upload", params))

    def dial(self, host: str, port: int, timeout: float) -> TunnelSocket:
        """A TCP connection made from the host, by sshd, or by a program where sshd forwards none.

        See `tunnel.dial` for what it raises.
        """
        known = self._not_forwarded.get((host, port))
        if known is None:
            try:
                return dial(self._opened.transport, self.label, host, port, timeout)
            except ForwardingRefused as error:
                self._not_forwarded[host, port] = known = error
        # A slow login shell is no slow service: the time of its answer begins with the program.
        within = max(timeout, RELAY_SECONDS)
        began = time.monotonic()
        try:
            talk = self.open("relay", {"HOST": host, "PORT": str(port)}, within=within)
            left = max(0.0, began + within - time.monotonic())
            return relayed(talk, host, port, timeout, begin_within=left)
        except NoRelayError as error:
            raise ForwardingRefused(
                f"{known.what} Gates and the availability probe go through the SSH connection, and "
                f"no program can stand in: {error}.",
                next_step=known.next_step,
            ) from error

    def http(self) -> "requests.Session":
        """A session whose connections are made from the host. See `http.tunnel_session`."""
        from deployctl.host.http import tunnel_session  # noqa: PLC0415 - most runs need none

        return tunnel_session(self.dial)

    @property
    def identity(self) -> Offer | None:
        """The key with which we are logged in; None where the server asked for none."""
        return self._opened.transport.identity

    @property
    def host_key(self) -> str:
        """The server's key, as it was checked: `ssh-ed25519 AAAA…`; also once the link is lost."""
        key: paramiko.PKey | None = self._opened.transport.host_key
        return f"{key.get_name()} {key.get_base64()}" if key is not None else ""

    @property
    def crowded(self) -> bool:
        """Whether the server allows fewer sessions on a connection than were wanted."""
        return self._opened.transport.crowded

    @property
    def relays(self) -> bool:
        """Whether the server forwards no connection, so that a program on the host does."""
        return bool(self._not_forwarded)

    @property
    def scarce(self) -> bool:
        """Whether every `dial` takes one of few sessions."""
        return self.relays and self.crowded

    def alive(self, timeout: float = 5.0) -> bool:
        """Whether the host answers within `timeout` seconds."""
        return self._opened.transport.answers(timeout)

    @property
    def lost(self) -> bool:
        """Whether the connection is known to have ended; nobody is asked."""
        return not self._opened.transport.is_active()

    @property
    def lost_because(self) -> str:
        """Why, where that is known."""
        return self._opened.transport.lost_because

    def give_up(self, why: str) -> None:
        """Closes a connection that is replaced by another; whoever waits on it loses the link."""
        self._opened.transport.give_up(why)
        self.close()

    def close(self) -> None:
        self._spares.close()
        self._opened.close()

    def __enter__(self) -> "Host":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _once_reached() -> Iterator[None]:
    """What stands in the way to a host that was reached before, be it a key file that has gone, is
    a host out of reach; and what happened there meanwhile is not known."""
    try:
        yield
    except DeployctlError as error:
        if isinstance(error, UnreachableError):
            error.production = NOT_READ_BACK
            raise
        raise UnreachableError(
            error.what, production=NOT_READ_BACK, next_step=error.next_step
        ) from error
