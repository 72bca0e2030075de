"""A world for gates: real sockets and servers on this machine, and Docker's facts made up."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from deployctl.gates.base import CommandOutcome, GateContext
from deployctl.host.facts import ContainerState, PublishedPort

STARTED = datetime(2026, 1, 3, 7, 42, tzinfo=UTC)
IMAGE = "sha256:" + "a" * 64
OTHER_IMAGE = "sha256:" + "b" * 64

CONTAINER = ContainerState(
    id="c1",
    name="api-1",
    service="api",
    image_id=IMAGE,
    image_ref="techno-os-api:d73cfb1",
    status="running",
    started_at=STARTED,
    exit_code=0,
    restart_count=0,
    oom_killed=False,
    health="healthy",
    restart_policy="unless-stopped",
    addresses={"app": "172.20.0.3"},
)


def published(port: int, host_ip: str = "127.0.0.1", container_port: int = 8000) -> PublishedPort:
    return PublishedPort(container_port, "tcp", host_ip, port)


def container(**changes: Any) -> ContainerState:
    return replace(CONTAINER, **changes)


def context(*containers: ContainerState, **changes: Any) -> GateContext:
    def run(text: str, seconds: float) -> CommandOutcome:
        raise AssertionError(f"no command expected: {text}")

    values: dict[str, Any] = {
        "http": lambda _: requests.Session(),
        "dial": lambda _, host, port, seconds: socket.create_connection((host, port), seconds),
        "containers": lambda _: containers,
        "run": run,
        "services": ("api",),
        "proving": True,
    }
    return GateContext(**{**values, **changes})


class Answer:
    """What a server says next; `raw` bytes replace everything else."""

    def __init__(
        self,
        status: int = 200,
        body: bytes | str = b"",
        content_type: str | None = "application/json",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> None:
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.content_type = content_type
        self.headers = headers or {}
        self.raw = raw


Responder = Callable[[BaseHTTPRequestHandler], Answer | None]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, responder: Responder) -> None:
        self.responder = responder
        self.seen: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        answer = self.server.responder(self)
        if answer is None:
            self.close_connection = True
            return
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            self.close_connection = True
            return
        self.send_response(answer.status)
        if answer.content_type is not None:
            self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""


@contextmanager
def serving(responder: Responder | Answer) -> Iterator[Server]:
    answer = (lambda _: responder) if isinstance(responder, Answer) else responder
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
