"""The Prometheus gate against a real server, where one is installed."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from deployctl.config.gates import PrometheusGateSettings, QueryGateSettings
from deployctl.events import Events
from deployctl.gates.base import Gate
from deployctl.gates.prometheus import PrometheusGate
from deployctl.gates.query import QueryGate
from deployctl.gates.runner import hold, look
from deployctl.result import GateResult
from tests.listening import Listener
from tests.unit.gates.support import Answer, Server, closed_port, container, context, serving

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")

CONFIG = """\
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - {{job_name: api, static_configs: [{{targets: ["127.0.0.1:{app}"]}}]}}
  - {{job_name: empty, static_configs: [{{targets: ["127.0.0.1:{empty}"]}}]}}
  - {{job_name: down, static_configs: [{{targets: ["127.0.0.1:{down}"]}}]}}
"""


def app(started: float) -> Answer:
    body = f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n"
    return Answer(body=body, content_type="text/plain; version=0.0.4")


class Forwarder:
    """Sends each new connection to the backend of the moment; leaves the others alone."""

    def __init__(self, backend: Server) -> None:
        self.backend = backend
        self._open: list[socket.socket] = []
        self._listener = Listener(self._forward)
        self.port = self._listener.port

    def _forward(self, near: socket.socket) -> None:
        far = socket.create_connection(("127.0.0.1", self.backend.port))
        self._open += [near, far]
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            return

    def drop(self) -> None:
        for each in self._open:
            each.close()
        self._open = []

    def close(self) -> None:
        self._listener.close()
        self.drop()


@dataclass
class World:
    url: str
    forwarder: Forwarder
    old: Server
    new: Server
    started: float


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    started, folder = time.time(), tmp_path_factory.mktemp("prometheus")
    empty = Answer(body="# nothing\n", content_type="text/plain; version=0.0.4")
    with (
        serving(app(started - 1000)) as old,
        serving(app(started)) as new,
        serving(empty) as nothing,
    ):
        forwarder, port = Forwarder(old), closed_port()
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(app=forwarder.port, empty=nothing.port, down=closed_port()))
        server = subprocess.Popen(
            [
                str(PROMETHEUS),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.external-url=http://127.0.0.1/prom",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/prom"
            _wait_until_up(url)
            yield World(url, forwarder, old, new, started)
        finally:
            server.kill()
            server.wait()
            forwarder.close()


def _wait_until_up(url: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            query = requests.get(f"{url}/api/v1/query", params={"query": "up == 1"}, timeout=1)
            if len(query.json()["data"]["result"]) == 2:
                return
        except (requests.RequestException, ValueError, KeyError):
            pass
        time.sleep(0.05)
    raise AssertionError("Prometheus did not start")


def held(gate: Gate[Any], world: World, deadline: float = 5, **more: Any) -> GateResult:
    started_at = datetime.fromtimestamp(world.started, UTC)
    ctx = context(container(started_at=started_at), **more)
    (result,) = hold(
        [gate],
        ctx,
        min_healthy=0,
        deadline=deadline,
        when="after",
        events=Events(),
        cancelled=threading.Event(),
    )
    return result


def gate(world: World, job: str) -> PrometheusGate:
    settings = PrometheusGateSettings(url=world.url, job=job, interval=0.05)
    return PrometheusGate("prometheus", settings, "api")


def test_up_counts_only_when_scraped_from_the_new_process(world: World) -> None:
    (before,) = look([gate(world, "api")], context(container()), "before", Events())
    assert before.state == "pass"

    world.forwarder.backend = world.new
    stale = held(gate(world, "api"), world, deadline=1.5, old_gone=True)
    assert stale.state == "fail", stale
    assert "still reads a process" in stale.reason

    world.forwarder.drop()
    fresh = held(gate(world, "api"), world)
    assert fresh.state == "pass", fresh
    assert "proof by process start" in fresh.observed


def test_what_else_is_not_a_pass(world: World) -> None:
    down = held(gate(world, "down"), world, deadline=1.0)
    assert (down.state, "connection refused" in down.reason) == ("fail", True)
    missing = held(gate(world, "absent"), world, deadline=0.3)
    assert missing.state == "fail"
    assert "jobs: api, down, empty" in missing.reason
    empty = held(gate(world, "empty"), world, deadline=1.0, old_gone=True)
    assert (empty.state, "empty exposition" in empty.reason) == ("fail", True)

    query = {"url": world.url, "query": 'up{job="api"}', "min": 1, "settle": 0.5}
    settings = QueryGateSettings.model_validate(query)
    assert held(QueryGate("query", settings, "api"), world).state == "pass"
    early = held(QueryGate("query", settings, "api"), world, deadline=0.3)
    assert (early.state, "of the old container" in early.reason) == ("inconclusive", True)
