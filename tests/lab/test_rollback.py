"""`deployctl rollback`: to the release before, to any other, and what can't be done."""

from collections.abc import Callable

from .client import Client, git
from .expect import assert_as_before, assert_refused, assert_status
from .server import Before, Server

HOTFIX = "d73cfb1"
SOON = {"min_healthy": "1s", "deadline": "8s"}


def test_one_release_further_each_time_and_then_no_further(
    server: Server, before: Before, client: Client
) -> None:
    assert client.hotfix(HOTFIX).code == 0
    first = server.look()
    assert client.hotfix("next").code == 0
    assert server.get("/stats")[0] == 200

    done = client.rollback()
    assert done.code == 0, done.explained
    assert done.document["release"]["number"] == "r1"
    assert_as_before(server, first, client, release="r1")

    done = client.rollback()
    assert done.code == 0, done.explained
    assert done.document["release"]["number"] == "r0"
    assert_as_before(server, before, client, release="r0")

    done = client.rollback()
    assert_refused(done, 23, "no release before r0")
    assert "r1" in done.document["nextStep"], "what is available is named"
    assert_as_before(server, before, client, release="r0")


def test_to_a_release_by_number_commit_or_tag(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    assert client.hotfix("next").code == 0
    sha = git(client.repository, "rev-parse", HOTFIX).strip()
    for name, number in ((sha, "r1"), ("86ad4ff", "r0"), ("r1", "r1")):
        done = client.rollback("--to", name)
        assert done.code == 0, done.explained
        assert done.document["release"]["number"] == number
        assert_status(server, client, number)


def test_forward_again_to_a_later_release(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    assert client.rollback().code == 0
    done = client.rollback("--to", HOTFIX)
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200


def test_to_one_that_does_not_exist_names_those_that_do(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    live = server.look()
    for name in ("r7", "abcdef0", "latest"):
        done = client.rollback("--to", name)
        assert_refused(done, 23, name)
        assert "r0" in done.document["nextStep"]
        assert "r1" in done.document["nextStep"]
    assert server.look() == live


def test_to_the_one_that_runs_is_refused(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    live = server.look()
    assert_refused(client.rollback("--to", "r1"), 23, "runs already")
    assert server.look() == live


def test_on_a_host_that_never_saw_deployctl(server: Server, before: Before, client: Client) -> None:
    assert_refused(client.rollback(), 23)
    assert server.look() == before


def test_to_a_release_whose_tag_was_removed_goes_by_its_pin(
    server: Server, before: Before, client: Client
) -> None:
    """A removed tag, a moved `latest` and `docker image prune` are daily business on a host."""
    assert client.hotfix(HOTFIX).code == 0
    server.sh("docker rmi techno-os-api:86ad4ff && docker image prune -f")
    done = client.rollback()
    assert done.code == 0, done.explained
    assert server.look().image == before.image


def test_to_a_release_whose_image_is_gone_is_refused_with_nothing_stopped(
    server: Server, client: Client
) -> None:
    assert client.hotfix(HOTFIX).code == 0
    live = server.look()
    server.sh(
        "docker image ls --format '{{.Repository}}:{{.Tag}}' |"
        " grep -E '86ad4ff|deployctl-pin' | xargs docker rmi -f"
    )
    assert_refused(client.rollback(), 23, "not on the host any more")
    assert server.look() == live


def test_a_rollback_that_does_not_hold_says_so_and_goes_no_further(
    server: Server, client: Client, make_client: Callable[..., Client]
) -> None:
    """It finishes forward: a rollback never starts another one."""
    assert client.hotfix(HOTFIX).code == 0
    assert client.hotfix("next").code == 0
    # The release before can't be scraped any more, although it could when it was sealed.
    server.prometheus_scrapes("127.0.0.1:8999")
    done = make_client(rollout=SOON).rollback("--to", "r1")
    assert done.code == 22, done.explained
    assert done.document["result"] == "rollback-failed"
    assert "prometheus" in done.reason
    assert server.get("/metrics")[0] == 200
    assert server.get("/stats")[0] == 404, "r1 was put in place all the same"
    assert client.status()["unfinished"] == []


def test_history_tells_releases_and_runs(server: Server, client: Client) -> None:
    assert client.hotfix(HOTFIX).code == 0
    assert client.hotfix("broken/crash-at-start").code == 21
    assert client.rollback().code == 0
    history = client.history()
    assert [(r["release"], r["live"]) for r in history["releases"]] == [("r1", False), ("r0", True)]
    assert [(r["command"], r["result"]) for r in history["runs"]] == [
        ("rollback", "confirmed"), ("hotfix", "rolled-back"), ("hotfix", "confirmed"),
    ]  # fmt: skip
    told = client.run("history").stdout
    for word in ("r0", "r1", HOTFIX, "rolled-back", "confirmed"):
        assert word in told


PRUNE = "docker image prune --all --force"
HOLD = "for image in python:3.11-slim haproxy:2.6; do docker create $image true; done"
"""What a new release and the other tests are made from survives a prune as well."""


def test_a_prune_of_images_leaves_the_way_back(server: Server, client: Client) -> None:
    server.sh(HOLD)
    assert client.hotfix(HOTFIX).code == 0
    server.sh(PRUNE)
    assert client.rollback().code == 0
    assert [r["onHost"] for r in client.history()["releases"]] == [True, True]

    server.sh(f"docker rm $(docker ps -aq --filter label=io.deployctl.keeps); {PRUNE}")
    assert [r["onHost"] for r in client.history()["releases"]] == [False, True]
    done = client.rollback("--to", "r1")
    assert_refused(done, 23, "is not on the host any more")
    assert f"--sha {HOTFIX}" in done.document["nextStep"]
