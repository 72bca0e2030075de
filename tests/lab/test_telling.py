"""Who is told how a run on a real host ended, and the figures that remain of it."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.notify.support import Receiver, receiver, status

from .client import Client
from .expect import assert_rolled_back
from .server import Server

HOTFIX = "d73cfb1"
FAILS_ITS_GATES = "broken/metrics-404"
DIRECTORY = "/var/lib/node_exporter/textfile"
SOON = {"min_healthy": "1s", "deadline": "8s"}


@pytest.fixture
def textfile(server: Server) -> Iterator[str]:
    server.sh(f"install -d -o deploy {DIRECTORY}")
    yield DIRECTORY
    server.sh("rm -rf /var/lib/node_exporter")


@pytest.fixture
def listening() -> Iterator[tuple[Receiver, Receiver]]:
    """A receiver of results that fails at first, and one that is a chat."""
    with receiver(status(503), status(200)) as hook, receiver() as chat:
        yield hook, chat


def series(server: Server) -> dict[str, tuple[dict[str, str], float]]:
    text = server.sh(f"cat {DIRECTORY}/*.prom")
    # The host has a Prometheus, and with it the tool that is the strictest of readers.
    said = server.sh(f"cat {DIRECTORY}/*.prom | promtool check metrics 2>&1; echo $?").split()
    assert said == ["0"]
    return {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_good_run_and_one_that_is_put_back_are_told_to_all(
    server: Server,
    make_client: Callable[..., Client],
    textfile: str,
    listening: tuple[Receiver, Receiver],
    tmp_path: Path,
) -> None:
    hook, chat = listening
    client = make_client(
        rollout=SOON,
        notify=[
            {"type": "webhook", "url": hook.url, "secret_env": "HOOK_SECRET"},
            {"type": "webhook", "url_env": "CHAT_URL", "format": "slack"},
            {"type": "cdevents", "file": str(tmp_path / "events.ndjson")},
            {"type": "textfile", "directory": textfile},
        ],
    )
    env = {"HOOK_SECRET": "a secret of the hook", "CHAT_URL": chat.url}

    planned = client.run("plan", "--sha", HOTFIX, env=env)
    assert planned.code == 0, planned.explained
    assert hook.seen == chat.seen == []

    done = client.hotfix(HOTFIX, env=env)
    assert done.code == 0, done.explained
    sent = json.loads(hook.seen[1].body)
    assert (sent["end"], sent["sealDigest"]) == ("success", done.document["seal"]["digest"])
    assert hook.seen[1].headers["x-deployctl-signature-256"].startswith("sha256=")
    assert json.loads(chat.seen[0].body)["text"].startswith("*OK* `techno-os/")
    found = series(server)
    assert found["deployctl_last_rollout_success"][1] == 1
    assert found["deployctl_release_info"][0]["release"] == "r1"
    assert found["deployctl_last_rollout_outage_seconds"][1] > 0
    mode = server.sh(f"stat -c '%a %U' {DIRECTORY}/*.prom; ls -A {DIRECTORY} | wc -l").split()
    assert mode == ["644", "deploy", "1"]

    failed = client.hotfix(FAILS_ITS_GATES, env=env)
    assert_rolled_back(failed, 21, "metrics")
    assert json.loads(chat.seen[1].body)["text"].startswith("*ROLLED BACK* `techno-os/")
    found = series(server)
    assert found["deployctl_last_rollout_success"][1] == 0
    assert found["deployctl_release_info"][0]["sha"].startswith(HOTFIX)
    types = [
        json.loads(line)["context"]["type"]
        for line in (tmp_path / "events.ndjson").read_text().splitlines()
    ]
    assert types == [
        "dev.cdevents.service.upgraded.0.3.0",
        "dev.cdevents.service.rolledback.0.3.0",
    ]
    for ended in (done, failed):
        assert "a-secret-path" not in ended.stdout + ended.stderr
        assert "a secret of the hook" not in ended.stdout + ended.stderr

    counted = client.run_plain("stats", "--format", "json", "--target", client.target)
    [service] = counted.document["services"]
    figures = {figure["name"]: figure for figure in service["figures"]}
    assert service["project"] == "techno-os"
    assert (figures["changeFailureRate"]["hits"], figures["changeFailureRate"]["sample"]) == (1, 2)
    assert figures["changeLeadTime"]["sample"] == 1
    assert figures["failedDeploymentRecoveryTime"]["value"] > 0
    table = client.run("history", "--format", "csv")
    kinds = [row["kind"] for row in csv.DictReader(io.StringIO(table.stdout))]
    assert set(kinds) == {"release", "run"}


def test_nobody_who_cannot_be_told_changes_how_a_run_ends(
    make_client: Callable[..., Client],
) -> None:
    with receiver(status(404)) as gone:
        client = make_client(
            notify=[
                {"type": "webhook", "url": gone.url},
                {"type": "webhook", "url": "http://127.0.0.1:1/a-secret-path"},
                {"type": "webhook", "url_env": "NOT_SET"},
                {"type": "textfile", "directory": "/root/textfile"},
            ]
        )
        done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert done.document["result"] == "sealed"
    for reason in (
        "it answered 404",
        "it can't be reached",
        "the environment variable NOT_SET is not set",
        "/root/textfile was not told how the run ended: there is no directory",
    ):
        assert reason in done.stderr
    assert "a-secret-path" not in done.stderr
