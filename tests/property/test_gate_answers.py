"""Whatever a server answers a gate: a verdict that says why, and never a bug or a pass."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.config.gates import (
    GateSettings,
    HealthGateSettings,
    MetricsGateSettings,
    PrometheusGateSettings,
    QueryGateSettings,
)
from deployctl.events import Events
from deployctl.gates import promapi, runner
from deployctl.gates.base import AnyGate
from deployctl.gates.build import build
from tests.cases import works
from tests.unit.gates.support import Answer, Server, container, context, serving

DEEP = "[" * 900 + "]" * 900
HUGE = "9" * 400
TARGET = {
    "scrapePool": "api", "labels": {"job": "api", "instance": "a:1"}, "scrapeUrl": "http://a:1/",
    "health": "down", "lastError": "", "lastScrape": "2026-01-03T07:32:01Z",
    "scrapeInterval": "15s", "discoveredLabels": {"__address__": "a:1"},
}  # fmt: skip
SAMPLE = {"metric": {"job": "api"}, "value": [1767425520, "0"]}
TARGETS = {"status": "success", "data": {"activeTargets": [TARGET]}}
VECTOR = {"status": "success", "data": {"resultType": "vector", "result": [SAMPLE]}}
MATRIX_SAMPLE = {"metric": {}, "values": [[1, "0"], [2, "0"]]}
MATRIX = {"status": "success", "data": {"resultType": "matrix", "result": [MATRIX_SAMPLE]}}
SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1, "0"]}}
EXPOSITION = '# HELP up It.\n# TYPE up gauge\nup{job="api",x="\\"y"} 0 1767425520\ndown 2\n'

LABELS = ",".join(f'a{number}="b"' for number in range(9999))

odd: st.SearchStrategy[object] = st.sampled_from(
    [
        None, True, 0, -1, 1.5, "", "x", "NaN", "Infinity", "1e999", "9" * 5000, "\ud800",
        "\x1b[2J", [], {}, [[]], {"a": {}}, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9Z",
        "1h1m1x", float("nan"), float("inf"), int(HUGE),
    ]
)  # fmt: skip


@st.composite
def bent(draw: st.DrawFn, whole: object) -> object:
    """The document with a value of another kind somewhere in it."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(whole)))
        return {**whole, key: draw(bent(whole[key]))}
    if isinstance(whole, list) and whole and draw(st.integers(0, 5)):
        return [draw(bent(whole[0])), *whole[1:]]
    return draw(odd)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    data = whole
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 9))
        piece = draw(
            st.sampled_from(
                [b"{", b"}", b'"', b",", b"=", b"\n", b"#", b" ", b"\\", b"\xff", b"\x00", b"1e999",
                 b"NaN", b"# TYPE up histogram\n", b'up_bucket{le="x"} 1\n', b"# EOF\n",
                 b"\xed\xa0"]
            )
        )  # fmt: skip
        data = data[:start] + piece + data[end:]
    return data


documents = st.sampled_from([TARGETS, VECTOR, MATRIX, SCALAR]).flatmap(bent).map(json.dumps)
bodies = st.one_of(
    documents.map(str.encode),
    damaged(EXPOSITION.encode()),
    st.binary(max_size=60),
    st.sampled_from(
        [
            DEEP, f'{{"status": {DEEP}, "error": {DEEP}}}', "[" * 99_999, f'{{"status": {HUGE}}}',
            "<html>\x1b[2Jlog in</html>", f"up{{{LABELS}}} 1\n",
            json.dumps({"status": "error", "error": "x" * 100_000}), "null", "NaN", "\ufeff{}",
        ]
    ).map(str.encode),
)  # fmt: skip
types = st.sampled_from(
    [
        "application/json", "text/plain", "text/plain; version=0.0.4", "text/html", "", "\xff/\xfe",
        "application/openmetrics-text; version=1.0.0", "text/plain; version*=x''%ff; version=1",
        "text/plain; charset=\x1b[2J",
    ]
)  # fmt: skip
heads = st.sampled_from(
    [
        "", "X: 1\r\n" * 99, "X: 1\r\n" * 500, "X: " + "x" * 99_999 + "\r\n", "no colon\r\n",
        ": \r\n",
        "Content-Length: 5\r\nContent-Length: 7\r\n", "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length: ten\r\n",
        "Transfer-Encoding: chunked\r\n", "Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n",
        "Content-Encoding: " + "gzip, " * 99 + "gzip\r\n", "Location: http://[::1\r\n",
        "Location: //elsewhere/\r\n", "Location: /\r\n", "Location: \xff\r\n", "Location: \r\n",
    ]
)  # fmt: skip
status_lines = st.sampled_from(
    ["HTTP/1.1 200 OK"] * 6
    + ["HTTP/1.1 302 Found", "HTTP/1.1 307 Again", "HTTP/1.1 503 No", "HTTP/1.1 404 No", "HTTP/9 x",
       "HTTP/1.1 99999 Much", "HTTP/1.1 -1 Less", "\x1b[31m", "", "SSH-2.0-OpenSSH",
       "HTTP/1.1 101 S"]
)  # fmt: skip


@st.composite
def raw_answers(draw: st.DrawFn) -> bytes:
    head = f"{draw(status_lines)}\r\nContent-Type: {draw(types)}\r\n{draw(heads)}\r\n"
    return head.encode("latin-1", "replace") + draw(bodies)


class Hostile:
    """A real server whose answer is replaced for each example."""

    def __init__(self) -> None:
        self.raw = b""
        self.gates: tuple[AnyGate, ...] = ()

    def __call__(self, _: BaseHTTPRequestHandler) -> Answer:
        return Answer(raw=self.raw)


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    """Less is too much here than in earnest."""
    hostile = Hostile()
    with pytest.MonkeyPatch.context() as patch, serving(hostile) as server:
        patch.setattr(promapi, "_MAX_BYTES", 1024 * 1024)
        hostile.gates = gates_of(server)
        yield hostile


def gates_of(server: Server, timeout: float = 5.0) -> tuple[AnyGate, ...]:
    every: dict[str, Any] = {"url": server.url("/x"), "timeout": timeout}
    small: dict[str, Any] = {"max_bytes": 1024 * 1024}
    wanted: dict[str, GateSettings] = {
        "health": HealthGateSettings(type="health", json={"status": "ok"}, **every, **small),
        "metrics": MetricsGateSettings(type="metrics", require=("there",), **every, **small),
        "prometheus": PrometheusGateSettings(type="prometheus", job="api", **every),
        "query": QueryGateSettings(type="query", query="up", min=1, **every),
    }
    return tuple(gate for gate in build(wanted, ("api",), {}) if gate.name != "container")


def assert_told(gates: tuple[AnyGate, ...]) -> None:
    """None of these answers is what any of the gates asks for."""
    for result in runner.look(gates, context(container()), "after", Events()):
        assert result.state != "pass", result
        assert result.reason, result
        assert "bug" not in result.reason, result
        assert len(result.reason) + len(result.observed) < 3000
        assert json.loads(result.model_dump_json())


@works("Hostile input", "gate answers of any bytes: headers, lengths, chunks, JSON, expositions")
@given(raw_answers())
@settings(max_examples=80, deadline=None)
def test_any_answer_is_a_verdict_with_a_reason(hostile: Hostile, raw: bytes) -> None:
    hostile.raw = raw
    assert_told(hostile.gates)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"


@works("Hostile input", "gate answers that never end, or grow without end when unpacked")
@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + b"-1\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffff\r\nx",
        CHUNKED + b"z\r\n",
        CHUNKED + b"5\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"\0" * 5_000_000),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n"
        + gzip.compress(gzip.compress(b"\0" * 5_000_000)),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"0" * 5_000_000,
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",
    ],
    ids=["-1", "huge", "no hex", "cut", "bomb", "bomb in a bomb", "large", "redirect loop"],
)
def test_an_answer_without_end_has_one(hostile: Hostile, answer: bytes) -> None:
    hostile.raw = answer
    assert_told(hostile.gates)


@pytest.mark.parametrize(
    "drip", [b"X: 1\r\n", b"x", b"1\r\nx\r\n"], ids=["header", "line", "chunk"]
)
def test_a_drip_without_end_is_given_up(drip: bytes) -> None:
    over = threading.Event()

    def respond(handler: BaseHTTPRequestHandler) -> None:
        start = CHUNKED if drip.startswith(b"1") else b"HTTP/1.1 200 OK\r\n"
        handler.wfile.write(start)
        while not over.wait(0.02):
            handler.wfile.write(drip)

    with serving(respond) as server:
        assert_told(gates_of(server, timeout=0.3))
        over.set()
