"""Releases that are broken, each in its own way: the earlier one must end up serving."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from deployctl.lab.changes import SLUGS

from .client import Client
from .expect import assert_as_before, assert_refused, assert_rolled_back, assert_untouched
from .server import Before, Server

SOON = {"min_healthy": "1s", "deadline": "8s"}
DEFAULTS = None


@dataclass(frozen=True)
class Broken:
    """What a broken release must end with; `gate` is the one that says so, in these words."""

    slug: str
    gate: str
    says: str
    rollout: dict[str, str] | None = field(default_factory=lambda: SOON)

    def __str__(self) -> str:
        return self.slug


BROKEN = (
    Broken("crash-at-start", "container", "exit code"),
    Broken("dies-after-5s", "container", "exit code 3", DEFAULTS),
    Broken("never-listens", "health", ""),
    Broken("health-500", "health", "status 500"),
    Broken("health-500-after-3s", "health", "status 500", DEFAULTS),
    Broken("health-wrong-body", "health", "degraded"),
    Broken("metrics-404", "metrics", "status 404"),
    Broken("metrics-html", "metrics", "text/html"),
    Broken("metrics-empty", "metrics", "empty"),
    Broken("metrics-wrong-type", "metrics", "application/json"),
    Broken(
        "unhealthy-healthcheck", "container", "unhealthy", {"min_healthy": "1s", "deadline": "30s"}
    ),
    Broken("out-of-memory", "container", "out of memory", {"min_healthy": "5s", "deadline": "30s"}),
    Broken("wrong-port", "health", ""),
)


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_it_is_rolled_back(
    broken: Broken, server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=broken.rollout)

    done = client.hotfix(f"broken/{broken.slug}")

    assert_rolled_back(done, 21, broken.gate)
    gate = done.gate(broken.gate)
    assert gate["state"] in {"fail", "error"}
    assert broken.says in gate["observed"] + gate["reason"], done.explained
    assert_as_before(server, before, client)
    assert "\n" not in gate["reason"], "a reason is one line"


def test_a_build_that_fails_touches_nothing(server: Server, before: Before, client: Client) -> None:
    done = client.hotfix("broken/build-fails")
    assert_refused(done, 20, "could not be built")
    assert done.document["result"] == "untouched"
    assert_untouched(server, before)
    output = client.run("hotfix", "--sha", "broken/build-fails", "--yes")
    assert "app/search.idx is missing" in output.stderr, "the end of the build's log is shown"


def test_a_failing_gate_shows_the_last_words_of_the_container(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    done = client.run("hotfix", "--sha", "broken/crash-at-start", "--yes")
    assert done.code == 21
    assert "SEARCH_URL is not set" in done.stderr


def test_every_way_to_be_broken_is_tried() -> None:
    assert {broken.slug for broken in BROKEN} | {"build-fails"} == set(SLUGS)


def test_a_broken_release_after_a_good_one_goes_back_to_the_good_one(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client()
    assert client.hotfix("d73cfb1").code == 0
    good = server.look()
    done = make_client(rollout=SOON).hotfix("broken/metrics-404")
    assert_rolled_back(done, 21, "metrics")
    held = {gate["name"] for gate in done.document["gates"] if gate["when"] == "rollback"}
    assert held == {"container", "health", "metrics", "prometheus"}, "all that held before"
    assert_as_before(server, good, client, release="r1")
