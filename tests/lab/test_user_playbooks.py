"""The example playbook as a user would run it: a migration in the new image, and a message."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.cases import works

from .client import Client
from .expect import assert_as_before, assert_rolled_back, assert_status
from .server import Before, Server

EXAMPLE = Path(__file__).parents[2] / "examples" / "playbooks" / "migrate-and-notify.yml"
SOON = {"min_healthy": "1s", "deadline": "8s"}
MIGRATION = """import sys

from app.orders import _connect

with _connect() as connection:
    if sys.argv[1] == "up":
        connection.execute("CREATE TABLE audit (id int)")
    else:
        connection.execute("DROP TABLE audit")
"""
FAILS_ITS_GATES = "broken/metrics-404"


@contextmanager
def chat() -> Iterator[tuple[str, list[str]]]:
    """A chat's webhook on this machine: its address, and what it was told."""
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append(json.loads(body)["text"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hooks/hunter2hunter2", told
        server.shutdown()


def migrating(client: Client, base: str = "stage/f9.8-observability") -> str:
    return client.commit({"app/migrate.py": MIGRATION}, base)


def tables(server: Server) -> str:
    return server.sh("docker exec techno-os-db psql -tA -U techno_user -d techno -c '\\dt audit'")


def changed(client: Client, change: Callable[[dict[str, Any]], None]) -> Path:
    """The example with its migration changed."""
    document = yaml.safe_load(EXAMPLE.read_text())
    [step] = [item["run"] for item in document["stages"] if "run" in item]
    change(step)
    path = client.folder / "own.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


@works("Playbooks", "a migration in the new image, and a message to a chat that tells the end")
def test_the_example_migrates_and_tells_that_it_went_well(server: Server, client: Client) -> None:
    with chat() as (address, told):
        done = client.hotfix(
            migrating(client), "--playbook", str(EXAMPLE), env={"CHAT_WEBHOOK": address}
        )
    assert done.code == 0, done.explained
    assert done.stage("migrate") == done.stage("notify") == "passed"
    assert "audit" in tables(server)
    assert told == [f"{client.target}: r1 sealed. {done.reason}"]
    assert not any(b"hunter2hunter2" in data for _, data in client.written()), "it is a secret"
    assert_status(server, client, "r1")
    server.sh("docker exec techno-os-db psql -q -U techno_user -d techno -c 'DROP TABLE audit'")


@works("Playbooks", "a failed gate undoes the migration, and is told")
def test_a_failed_gate_undoes_the_migration_and_is_told(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    with chat() as (address, told):
        done = client.hotfix(
            migrating(client, FAILS_ITS_GATES),
            *("--playbook", str(EXAMPLE)),
            env={"CHAT_WEBHOOK": address},
        )
    assert_rolled_back(done, 21, "metrics")
    assert done.stage("rollback") == "passed"
    assert tables(server).strip() == ""
    [text] = told
    assert "rolled-back" in text
    assert "metrics" in text
    assert_as_before(server, before, client)


@works(
    "Playbooks", "a notification that fails after a failed gate: the gate's code and reason stay"
)
def test_a_notification_that_fails_masks_neither_code_nor_reason(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    done = client.hotfix(
        migrating(client, FAILS_ITS_GATES),
        *("--playbook", str(EXAMPLE)),
        env={"CHAT_WEBHOOK": "http://127.0.0.1:9/hooks/hunter2hunter2"},
    )
    assert_rolled_back(done, 21, "metrics")
    assert "notify" not in done.reason
    assert done.stage("notify") == "failed"
    assert "How the run ended is not changed" in done.stderr
    assert_as_before(server, before, client)


@works(
    "Playbooks", "an unsafe migration that fails before the switch: 22, and what ran before runs"
)
def test_an_unsafe_migration_that_fails_leaves_what_ran_before(
    server: Server, before: Before, client: Client
) -> None:
    def break_it(step: dict[str, Any]) -> None:
        step["command"] = step["command"].replace("migrate up", "migrate no-such-word")
        step["rollback"] = "unsafe"

    with chat() as (address, told):
        done = client.hotfix(
            migrating(client),
            *("--playbook", str(changed(client, break_it))),
            env={"CHAT_WEBHOOK": address},
        )
    assert done.code == 22, done.explained
    assert "is declared `rollback: unsafe`" in done.reason
    assert "'migrate' failed with exit code 1" in done.reason
    assert "what ran before still runs" in done.document["production"]
    assert done.stage("rollback") == "failed"
    assert "rollback-failed" in told[0]
    assert server.look().outcome == before.outcome
