"""HTTP through the SSH connection: a requests session whose sockets are tunnels."""

import ssl
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.ssl_ import resolve_cert_reqs
from urllib3.util.ssltransport import SSLTransport

from deployctl.host.tunnel import TunnelSocket

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
POOL_CONNECTIONS = 32

Dial = Callable[[str, int, float], TunnelSocket]


def tunnel_session(dial: Dial) -> requests.Session:
    """A session for http:// and https:// by `dial`; no proxies, no netrc, no retries.

    Failures are those of requests, but for a dead link (LinkLostError) and forbidden forwarding
    (ForwardingRefused): neither says anything of the service. Without a timeout of the caller's,
    10 s to connect and 30 s for each read hold. May be used by several threads.
    """
    session = requests.Session()
    session.trust_env = False
    adapter = TunnelAdapter(dial)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class TunnelAdapter(HTTPAdapter):
    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        super().__init__(pool_connections=POOL_CONNECTIONS, pool_maxsize=POOL_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        plain, secure = connection_classes(self._dial)
        pools = {
            "http": type("TunnelPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TlsTunnelPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
        self.poolmanager.pool_classes_by_scheme = pools

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        return super().send(request, *args, **kwargs)


def connection_classes(
    dial: Dial,
) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    """urllib3's connection classes with `dial` in place of TCP."""

    class TunnelConnection(HTTPConnection):
        once = False

        def _new_conn(self) -> Any:
            return new_socket(self, dial)

        def request(self, *args: Any, **kwargs: Any) -> None:
            self.once = asks_to_close(kwargs.get("headers"))
            super().request(*args, **kwargs)

        @property
        def is_connected(self) -> bool:
            return not self.once and not dropped(self.sock)

    class TlsTunnelConnection(HTTPSConnection):
        once = False

        def connect(self) -> None:
            if self.ssl_context is None:
                # One a connection: urllib3 sets on it what this request wants verified.
                self.ssl_context = TunnelTlsContext(ssl.PROTOCOL_TLS_CLIENT)
                if resolve_cert_reqs(self.cert_reqs) == ssl.CERT_NONE:
                    self.ssl_context.check_hostname = False
            super().connect()

        def _new_conn(self) -> Any:
            return new_socket(self, dial)

        def request(self, *args: Any, **kwargs: Any) -> None:
            self.once = asks_to_close(kwargs.get("headers"))
            super().request(*args, **kwargs)

        @property
        def is_connected(self) -> bool:
            return not self.once and not dropped(self.sock)

    return TunnelConnection, TlsTunnelConnection


def asks_to_close(headers: Mapping[str, str] | None) -> bool:
    """Whether a request says `Connection: close`.

    Many servers then close without saying so themselves; urllib3 would use the connection again,
    and the next request would look refused.
    """
    return any(
        name.lower() == "connection" and str(value).lower() == "close"
        for name, value in (headers or {}).items()
    )


class TunnelTlsContext(ssl.SSLContext):
    """TLS over something that is no operating system's socket, by urllib3's own transport."""

    def wrap_socket(  # type: ignore[override]
        self,
        sock: Any,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | None = None,
        session: Any = None,
    ) -> SSLTransport:
        del server_side, do_handshake_on_connect, session
        return SSLTransport(sock, self, server_hostname, suppress_ragged_eofs)


def new_socket(connection: HTTPConnection, dial: Dial) -> TunnelSocket:
    """Connects, with urllib3's errors for a refused and a slow port."""
    timeout = connection.timeout
    seconds = float(timeout) if isinstance(timeout, (int, float)) else CONNECT_SECONDS
    host = connection.host.removeprefix("[").removesuffix("]")
    try:
        return dial(host, connection.port or connection.default_port, seconds)
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, str(error)) from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error


def dropped(sock: Any) -> bool:
    """Whether an idle connection can't be used again."""
    if sock is None:
        return True
    tunnel = sock.socket if isinstance(sock, SSLTransport) else sock
    return not isinstance(tunnel, TunnelSocket) or tunnel.dropped
