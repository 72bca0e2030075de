"""An SSH server that lies: a fake made with paramiko, as no real sshd would do what it does."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko

from deployctl.host.address import HostAddress
from tests.listening import Listener
from tests.unit.host.conftest import keygen, public

Reply = Callable[[paramiko.Channel, str], None]
"""what it does on a channel whose program began with that nonce"""


class _Interface(paramiko.ServerInterface):
    """Lets anybody in, and says yes to every command."""

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        del username, key
        return int(paramiko.common.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        return int(paramiko.common.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        del channel, command
        return True


class Liar:
    """Serves every connection and every channel; `reply` may be replaced at any time."""

    def __init__(self, directory: Path) -> None:
        self.reply: Reply = lambda channel, _: channel.close()
        self._key = keygen(directory / "host_key")
        self.user_key = keygen(directory / "id_ed25519")
        self._transports: list[paramiko.Transport] = []
        self._listener = Listener(self._begin)
        self.port = self._listener.port
        self.known_hosts = directory / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public(self._key)}\n")

    @property
    def address(self) -> HostAddress:
        return HostAddress(
            host="127.0.0.1",
            port=self.port,
            key_file=self.user_key,
            known_hosts=self.known_hosts,
            connect_timeout=5.0,
        )

    def close(self) -> None:
        self._listener.close()
        for transport in self._transports:
            transport.close()

    def _begin(self, sock: socket.socket) -> None:
        with suppress(paramiko.SSHException, EOFError):
            transport = paramiko.Transport(sock)
            self._transports.append(transport)
            transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(self._key)))
            transport.start_server(server=_Interface(), event=threading.Event())
            threading.Thread(target=self._serve, args=(transport,), daemon=True).start()

    def _serve(self, transport: paramiko.Transport) -> None:
        while not transport.is_active() and not transport.get_exception():
            threading.Event().wait(0.005)
        while transport.is_active():
            channel = transport.accept(0.2)
            if channel is not None:
                threading.Thread(target=self._answer, args=(channel,), daemon=True).start()

    def _answer(self, channel: paramiko.Channel) -> None:
        with suppress(OSError, paramiko.SSHException, EOFError):
            heard = b""
            while not (found := re.search(rb"deployctl-(\w+)-start", heard)):
                data = channel.recv(65536)
                if not data:
                    return  # a session in reserve, which was never used
                heard += data
            self.reply(channel, found[1].decode())


@contextmanager
def lying(directory: Path) -> Iterator[Liar]:
    liar = Liar(directory)
    try:
        yield liar
    finally:
        liar.close()


def says(data: bytes | str, *, started: bool = True, then: str = "close") -> Reply:
    """The marker (unless not `started`), these bytes, and then `close`, `eof` or `silence`."""

    def reply(channel: paramiko.Channel, nonce: str) -> None:
        marker = f"deployctl-{nonce}-start\n" if started else ""
        channel.sendall(marker.encode() + (data.encode() if isinstance(data, str) else data))
        if then == "close":
            channel.send_exit_status(0)
            channel.close()
        elif then == "eof":
            channel.shutdown_write()
        else:
            while not channel.closed:
                threading.Event().wait(0.02)

    return reply


def floods(data: bytes, *, stderr: bool = False, started: bool = True) -> Reply:
    """The same bytes over and over, as long as anybody listens."""

    def reply(channel: paramiko.Channel, nonce: str) -> None:
        if started:
            channel.sendall(f"deployctl-{nonce}-start\n".encode())
        much = data * max(1, 100_000 // len(data))
        while True:
            (channel.sendall_stderr if stderr else channel.sendall)(much)

    return reply
