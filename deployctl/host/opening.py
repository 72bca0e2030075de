"""Opening the way to a host: each hop connected through the one before, checked and authenticated.

fabric's Connection opens each hop; its host key policy, transport and authentication are ours.
"""

import logging
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import fabric
import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from deployctl.errors import UnreachableError
from deployctl.host.authentication import KeyAuthentication, PromptTooLongError
from deployctl.host.failures import forwarding_refused
from deployctl.host.keys import Keyring
from deployctl.host.sockets import ProxyProcess, connect_tcp, not_connected
from deployctl.host.ssh_config import Endpoint
from deployctl.host.transport import SshTransport
from deployctl.host.trust import ALL_TYPES, StrictPolicy, Trust, trust_for

# Without a handler, Python prints paramiko's complaints to standard error.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

PROHIBITED = 1
CONNECT_FAILED = 2


@dataclass
class Opened:
    """An authenticated transport, and what must be closed after it."""

    transport: SshTransport
    beneath: ExitStack

    def close(self) -> None:
        self.transport.close()
        self.beneath.close()


def open_route(route: Sequence[Endpoint], keyring: Keyring) -> Opened:
    """Connects hop by hop. Raises UnreachableError or ConfigError; leaves nothing open then."""
    with ExitStack() as stack:
        transport: SshTransport | None = None
        for endpoint in route:
            transport = Hop(endpoint, transport, keyring, stack).open()
        if transport is None:
            raise ValueError("a route has at least one hop")
        return Opened(transport, stack.pop_all())


@dataclass
class Hop:
    """One server of a route, about to be connected to; `stack` gets what must be closed."""

    endpoint: Endpoint
    through: SshTransport | None
    keyring: Keyring
    stack: ExitStack

    def open(self) -> SshTransport:
        trust = trust_for(self.endpoint)
        try:
            return self._patiently(trust, trust.key_types())
        except IncompatiblePeer as error:
            raise UnreachableError(
                f"{self.endpoint.label} and deployctl have no algorithm in common: {error}. "
                "deployctl uses none of the outdated ones (SHA-1, DSA, CBC).",
                next_step=f"Compare with: ssh -vv {self.endpoint.ssh_words}",
            ) from error

    def _patiently(self, trust: Trust, key_types: Sequence[str]) -> SshTransport:
        try:
            return self._handshake(trust, key_types)
        except PromptTooLongError:
            # As often as there are keys that a person is asked for: each of them only once.
            return self._patiently(trust, key_types)
        except IncompatiblePeer:
            if key_types == ALL_TYPES:
                raise
            # The host has none of the key types that are known of it. Look at what it has, so
            # that the refusal can show both keys: the policy refuses, whatever that is.
            return self._patiently(trust, ALL_TYPES)

    def _handshake(self, trust: Trust, key_types: Sequence[str]) -> SshTransport:
        process: ProxyProcess | None = None
        with ExitStack() as opened:
            if self.endpoint.proxy_command is not None:
                process = ProxyProcess(self.endpoint.proxy_command)
                opened.callback(process.close)
            sock = process.sock if process is not None else self._socket()
            opened.callback(sock.close)
            transport = SshTransport(sock, key_types)
            transport.handshake_timeout = self.endpoint.connect_timeout
            connection = self._connection(transport)
            opened.callback(connection.client.close)
            connection.client.set_missing_host_key_policy(StrictPolicy(trust))
            began = time.monotonic()
            try:
                connection.open()
                transport.watch()
            except (IncompatiblePeer, PromptTooLongError):
                raise
            except (paramiko.SSHException, EOFError, OSError) as error:
                status = process.ended() if process and not transport.remote_version else None
                said = process.last_words() if process else ""
                waited = time.monotonic() - began
                if status is not None:
                    raise self._proxy_failed(status, said) from error
                raise self._broken(error, transport, said, waited) from error
            self.stack.push(opened.pop_all())
            return transport

    def _connection(self, transport: SshTransport) -> fabric.Connection:
        endpoint = self.endpoint
        timeout = endpoint.connect_timeout
        return fabric.Connection(
            endpoint.host,
            user=endpoint.user,
            port=endpoint.port,
            # Neither fabric's own files nor ssh_config again: the endpoint is settled.
            config=fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig()),
            gateway=False,
            forward_agent=False,
            connect_kwargs={
                "sock": transport.sock,
                "timeout": timeout,
                "banner_timeout": timeout,
                "auth_timeout": timeout,
                "channel_timeout": timeout,
                "transport_factory": lambda _sock, **_: transport,
                "auth_strategy": KeyAuthentication(endpoint, self.keyring),
            },
        )

    def _socket(self) -> socket.socket | paramiko.Channel:
        endpoint, through = self.endpoint, self.through
        if through is None:
            return connect_tcp(
                endpoint.host,
                endpoint.port,
                endpoint.connect_timeout,
                family=endpoint.family,
                source=endpoint.bind_address,
            )
        try:
            return through.open_channel(
                "direct-tcpip",
                (endpoint.host, endpoint.port),
                ("127.0.0.1", 0),
                timeout=endpoint.connect_timeout,
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            code = through.refusal()
            before = str(endpoint.through)
            if code == PROHIBITED:
                raise forwarding_refused(before, endpoint.host, endpoint.port) from error
            cause = ConnectionRefusedError() if code == CONNECT_FAILED else TimeoutError()
            beyond = not_connected(endpoint.host, endpoint.port, cause, endpoint.connect_timeout)
            beyond.what = f"From {before}: {beyond.what}"
            raise beyond from error

    def _proxy_failed(self, status: int, said: str) -> UnreachableError:
        """The ProxyCommand ended before any SSH server had answered through it."""
        host = self.endpoint.asked.host
        how = f"exit status {status}" if status >= 0 else f"ended by signal {-status}"
        last = said.splitlines()[-1].strip() if said else ""
        told = last.rstrip(".") or "it said nothing"
        return UnreachableError(
            f"The ProxyCommand of {host} failed before an SSH server answered ({how}): {told}.",
            next_step=(
                f"{f'Mend what it says ({told})' if last else 'Mend the command'}; it is the "
                f"ProxyCommand of: ssh -G {host}"
            ),
            detail=said,
        )

    def _broken(
        self, error: Exception, transport: SshTransport, said: str, waited: float
    ) -> UnreachableError:
        """The connection was made, but what came was not an SSH session."""
        endpoint = self.endpoint
        silent = not transport.said_first and waited >= endpoint.connect_timeout
        if not transport.remote_version and silent:
            return UnreachableError(
                f"{endpoint.label} was reached, but no SSH session came of it: it takes the "
                f"connection and says nothing for {endpoint.connect_timeout:g} s.",
                next_step=(
                    "Check that an SSH server listens on that port. On a very slow link, raise "
                    "`host.connect_timeout`."
                ),
                detail=said,
            )
        if not transport.remote_version:
            heard = f" ({transport.said_first})" if transport.said_first else ""
            return UnreachableError(
                f"{endpoint.label} was reached, but no SSH session came of it: it closed the "
                f"connection before it said who it is{heard}.",
                next_step=(
                    "An SSH server does so when too many are logging in (MaxStartups) or when it "
                    "has shut this address out. Try again later, or compare with: ssh -v "
                    f"{endpoint.ssh_words}"
                ),
                detail=said,
            )
        why = transport.last_words or str(error) or type(error).__name__
        return UnreachableError(
            f"{endpoint.label} was reached, but no SSH session came of it: {why}.",
            next_step=f"Compare with: ssh -v {endpoint.ssh_words}",
            detail=said,
        )
