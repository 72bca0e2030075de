"""Results as runs end, and a real HTTP server on loopback that behaves as it is told."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deployctl.notify.story import Where
from deployctl.result import Availability, Release, Result, Rollback, SealRef, StageResult
from tests.listening import Listener

START = datetime(2026, 1, 3, 7, 32, tzinfo=UTC)
WHERE = Where(project="shop", environment="production", services=("api", "worker"))
NEW = Release(number="r2", sha="d73cfb1" + "0" * 33, image="shop/api:d73cfb1", image_id="sha256:2")
OLD = Release(number="r1", sha="a" * 40, image="shop/api:aaaaaaa", image_id="sha256:1")


def stage(name: str, second: int, milliseconds: int = 1000, state: Any = "passed") -> StageResult:
    return StageResult(
        name=name, state=state, started_at=START.replace(second=second), duration_ms=milliseconds
    )


SWITCHED = [stage("swap", 20, 3000), stage("gate", 23), stage("confirm", 30)]


def result(word: str = "sealed", **values: Any) -> Result:
    made: dict[str, Any] = {
        "command": "hotfix",
        "result": word,
        "exit_code": 0 if word in {"sealed", "unchanged"} else 21,
        "reason": "r2 (d73cfb1) is live and every gate holds.",
        "production": "r2 serves.",
        "next_step": "deployctl rollback goes back to the release before.",
        "run_id": "20260103T073200Z-hotfix-1f2e3d",
        "target": "production",
        "started_at": START,
        "duration_ms": 40_000,
        "release": NEW,
        "previous": OLD,
        "stages": SWITCHED,
        "plan_digest": "sha256:p",
        "availability": Availability(
            probes=900, failures=48, unknown=0, downtime_ms=1200, resolution_ms=25
        ),
        "seal": SealRef(path="/e/seal.json", digest="sha256:5ea1"),
    }
    return Result(**{**made, **values})


def put_back(word: str = "rolled-back", **values: Any) -> Result:
    return result(
        word,
        **{
            "reason": "health: 503",
            "next_step": "Mend the commit.",
            "stages": [stage("swap", 20, 3000), stage("rollback", 30, 4000)],
            "rollback": Rollback(performed=True, state="proven", duration_ms=4000),
            **values,
        },
    )


def refused(**values: Any) -> Result:
    return result(
        "refused",
        **{"exit_code": 23, "stages": [], "availability": None, "previous": None, "release": None}
        | values,
    )


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


Answer = bytes | Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} X", "Content-Length: 0", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Receiver:
    """Gives each connection the next answer, the last one again and again."""

    port: int
    answers: Sequence[Answer]
    seen: list[Request] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/T0123/a-secret-path"


@contextmanager
def receiver(*answers: Answer) -> Iterator[Receiver]:
    def take(talk: socket.socket) -> None:
        threading.Thread(target=_answer, args=(talk, made), daemon=True).start()

    listener = Listener(take)
    made = Receiver(listener.port, answers or (OK,))
    try:
        yield made
    finally:
        listener.close()


def _answer(talk: socket.socket, made: Receiver) -> None:
    with talk:
        talk.settimeout(10)
        request = _read(talk)
        if request is None:
            return
        made.seen.append(request)
        answer = made.answers[min(len(made.seen), len(made.answers)) - 1]
        made.arrived.set()
        try:
            if callable(answer):
                answer(talk)
            else:
                talk.sendall(answer)
        except OSError:
            return


def _read(talk: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = talk.recv(65536)
        if not piece:
            return None
        data += piece
        if data[:1] == b"\x16":
            return Request("a TLS hello", {}, b"")
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += talk.recv(65536)
    return Request(line, headers, body)
