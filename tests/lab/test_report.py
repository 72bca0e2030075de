"""The report's own morning: /metrics answers 404, its target is down, and one command mends it."""

import json
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from deployctl.evidence.statement import parse_seal

from .client import Client
from .expect import assert_as_before, assert_at_rest, assert_status
from .server import DATABASE, STATE, Before, Server

HOTFIX = "d73cfb1"


def test_from_404_and_a_target_down_to_all_gates_green(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    """With the defaults, and on a host that never saw deployctl."""
    client = make_client(rollout=None)
    text = server.compose_text()
    assert server.get("/metrics")[0] == 404
    assert server.scraped() == "down"

    done = client.hotfix(HOTFIX)

    assert done.code == 0, done.explained
    result = done.document
    assert result["result"] == "sealed"
    assert result["release"]["sha"].startswith(HOTFIX)
    assert result["release"]["number"] == "r1"
    assert result["previous"]["number"] == "r0"
    assert result["previous"]["imageId"] == before.image
    assert result["rollback"]["performed"] is False
    assert {stage["state"] for stage in result["stages"]} == {"passed"}

    assert {g["name"]: g["state"] for g in result["gates"] if g["when"] == "before"} == {
        "container": "pass", "health": "pass", "metrics": "fail", "prometheus": "fail",
    }  # fmt: skip
    assert {g["name"]: g["state"] for g in result["gates"] if g["when"] == "after"} == {
        "container": "pass", "health": "pass", "metrics": "pass", "prometheus": "pass",
    }  # fmt: skip

    assert server.get("/metrics")[0] == 200
    assert server.scraped() == "up"
    after = server.look()
    assert after.image == result["release"]["imageId"] == server.image_of(f"techno-os-api:{HOTFIX}")

    # Of the Compose file one line differs, and nothing else of it.
    changed = [
        (old, new)
        for old, new in zip(text.split("\n"), server.compose_text().split("\n"), strict=True)
        if old != new
    ]
    assert changed == [("    image: techno-os-api:86ad4ff", f"    image: techno-os-api:{HOTFIX}")]
    assert after.file.split()[1:] == before.file.split()[1:], "its owner and mode stay"
    assert after.listing == before.listing

    # Postgres was neither replaced nor restarted, and kept its rows.
    assert after.database == before.database
    assert after.orders == before.orders
    [postgres] = result["untouched"]
    assert postgres == {
        "service": "postgres", "containerId": before.database.split()[0], "same": True,
        "restarted": False,
    }  # fmt: skip

    assert 0 < result["shippedBytes"] < 100_000
    availability = result["availability"]
    assert availability["probes"] > 100
    assert 0 < availability["downtimeMs"] < 60_000, "one container was replaced: that is an outage"
    assert_measured_finely(client, availability["resolutionMs"])
    assert_at_rest(server)
    status = assert_status(server, client, "r1")
    assert status["sha"] == result["release"]["sha"]


def assert_measured_finely(client: Client, resolution_ms: int) -> None:
    """Asked at least each 50 ms, and the resolution told is no finer than what was reached.

    The middle gap is what the settings and the number of probes in flight make it: a machine that
    is busy for a while makes some gaps longer, and those the told resolution must own up to.
    """
    [told] = [data for path, data in client.written() if path.name == "availability.json"]
    moments = [row[0] for row in json.loads(told)["rows"]]
    gaps = sorted(after - before for before, after in pairwise(moments))
    assert median(gaps) <= 50
    assert resolution_ms >= gaps[int(0.9 * len(gaps))]


def test_the_evidence_of_a_run_is_whole(server: Server, client: Client) -> None:
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    files = {path.name: data for path, data in client.written()}
    assert parse_seal(files["seal.json"]).envelope, "the seal can be read"
    for name in ("plan.json", "compose.diff", "availability.json"):
        assert files[name], name
    diff = files["compose.diff"].decode()
    assert [line for line in diff.splitlines() if line.startswith(("- ", "+ "))] == [
        "-    image: techno-os-api:86ad4ff",
        f"+    image: techno-os-api:{HOTFIX}",
    ]  # fmt: skip
    assert b"api:" in files["compose.1.before.yml"]


def test_the_first_rollout_can_be_rolled_back(
    server: Server, before: Before, client: Client
) -> None:
    """The host had never seen deployctl: what it found there is release r0."""
    assert client.hotfix(HOTFIX).code == 0
    done = client.rollback()
    assert done.code == 0, done.explained
    assert done.document["release"]["number"] == "r0"
    assert_as_before(server, before, client, release="r0")
    assert server.get("/metrics")[0] == 404


def test_the_same_commit_again_swaps_nothing(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    live = server.look()
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert done.document["result"] == "unchanged"
    assert done.document["shippedBytes"] == 0
    assert done.gate("prometheus")["state"] == "pass"
    assert server.look() == live
    assert_status(server, client, "r1")


def test_rebuild_builds_and_swaps_the_same_commit(server: Server, client: Client) -> None:
    first = client.hotfix(HOTFIX)
    live = server.look()
    done = client.hotfix(HOTFIX, "--rebuild")
    assert done.code == 0, done.explained
    assert done.document["result"] == "sealed"
    assert done.stage("build") == "passed"
    assert done.document["release"]["number"] == "r2"
    after = server.look()
    assert after.container != live.container
    assert after.database == live.database
    # The tag of a live release is never moved.
    assert server.image_of(f"techno-os-api:{HOTFIX}") == first.document["release"]["imageId"]


def test_a_release_that_the_host_has_is_not_built_again(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    assert client.rollback().code == 0
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert (done.stage("ship"), done.stage("build")) == ("skipped", "skipped")
    assert done.document["shippedBytes"] == 0


def test_orders_taken_before_are_there_after(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    assert json.loads(server.get("/orders")[1]) == {"count": 3}
    assert server.sh(f"docker inspect -f '{{{{.RestartCount}}}}' {DATABASE}").strip() == "0"


def test_what_deployctl_keeps_on_the_host_is_private(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    mode, owner = server.sh(f"stat -c '%a %U' {STATE}").split()
    assert (mode[-3:], owner) == ("700", "deploy")
