"""The bytes beneath SSH: a TCP socket of our own, or the standard streams of a ProxyCommand."""

import queue
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, Any

from deployctl.errors import UnreachableError

ENDING_SECONDS = 2.0
_FAMILIES = {None: None, 4: socket.AF_INET, 6: socket.AF_INET6}
AddressInfo = tuple[Any, ...]  # as `socket.getaddrinfo` gives it


def connect_tcp(
    host: str, port: int, timeout: float, *, family: int | None = None, source: str | None = None
) -> socket.socket:
    """Connects within `timeout` seconds over all of the name's addresses. UnreachableError.

    `family` 4 or 6 takes only those of that version; `source` is the address to connect from.
    """
    until = time.monotonic() + timeout
    wanted = _FAMILIES[family]
    addresses = [each for each in resolve(host, port, timeout) if wanted in {None, each[0]}]
    if not addresses:
        raise UnreachableError(
            f"{host} has no IPv{family} address, and no other is wanted (AddressFamily).",
            next_step="Check AddressFamily in ~/.ssh/config, and DNS.",
        )
    last: OSError = TimeoutError()
    for position, (version, kind, protocol, _, address) in enumerate(addresses):
        # One silent address must not use up the time of the others.
        share = (until - time.monotonic()) / (len(addresses) - position)
        sock = socket.socket(version, kind, protocol)
        try:
            sock.settimeout(max(share, 0.05))
            if source is not None:
                sock.bind((source, 0))
            sock.connect(address)
            # paramiko never does: without it, every small message waits for an acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            last = error
        else:
            return sock
    raise not_connected(host, port, last, timeout) from last


def resolve(host: str, port: int, timeout: float) -> list[AddressInfo]:
    """The addresses of a name. Raises UnreachableError, after `timeout` seconds at the latest."""
    results: queue.Queue[list[AddressInfo] | Exception] = queue.Queue()

    def ask() -> None:
        try:
            results.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            results.put(error)

    # The system's resolver has time limits of its own, often longer than anyone waits.
    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        result = results.get(timeout=timeout)
    except queue.Empty:
        result = TimeoutError(f"no answer in {timeout:g} s")
    if isinstance(result, Exception):
        raise UnreachableError(
            f"The name {host} can't be resolved: {getattr(result, 'strerror', None) or result}.",
            next_step="Check the spelling, ~/.ssh/config and DNS.",
        ) from result
    return result


def not_connected(host: str, port: int, error: OSError, timeout: float) -> UnreachableError:
    """The three ways in which a host does not answer, told apart."""
    if isinstance(error, TimeoutError):
        return UnreachableError(
            f"{host} did not answer on port {port} within {timeout:g} s.",
            next_step="Check that the host is up, and the firewall in between.",
        )
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"{host} refused the connection on port {port}: no SSH server listens there.",
            next_step="Check the port, and that sshd runs on the host.",
        )
    return UnreachableError(
        f"{host} can't be reached on port {port}: {error.strerror or error}.",
        next_step="Check the network.",
    )


class ProxyProcess:
    """A ProxyCommand whose standard input and output are one end of a socket."""

    def __init__(self, command: str) -> None:
        ours, theirs = socket.socketpair()
        self.sock = ours
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        with theirs:
            # As ssh does: the user's own words, run by a shell.
            self._process = subprocess.Popen(  # noqa: S602
                f"exec {command}",
                shell=True,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._stderr,
            )

    def ended(self) -> int | None:
        """Its exit status once it has ended (negative: by that signal), else None."""
        # It lets go of the socket a moment before it is gone.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_SECONDS)
        return self._process.returncode

    def last_words(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read(4096).decode("utf-8", "replace").strip()

    def close(self) -> None:
        self.sock.close()
        self._process.terminate()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()
