"""`deployctl status`: what it says of each state that a host can be in."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines.compose.survey import Unfinished
from deployctl.engines.releases import ServiceImage
from deployctl.rollout.status import StatusDocument, describe_host
from tests.unit.engines.support import API, NEW, POSTGRES, record, survey

SETTINGS = Settings(
    target="lab", host=HostSettings(host="h"), services=("api",), repository=Path("/r")
)
D73 = "d73cfb1" + "0" * 33
DRIFTED = " Container techno-os-api  Recreate\n"


def status(**changes: Any) -> StatusDocument:
    return describe_host(SETTINGS, survey(**changes), "deploy@h:22")


def test_a_release_that_is_live() -> None:
    found = status(releases=(record("r1", sha=D73, subject="Expose /metrics"),), live="r1")
    assert (found.release, found.sha, found.by) == ("r1", D73, "ann")
    assert found.subject == "Expose /metrics"
    assert found.sentence == "r1 (d73cfb1) is live."
    assert (found.result, found.exit_code) == ("ok", 0)
    assert found.lock is None


@pytest.mark.parametrize(
    ("releases", "live", "next_step"),
    [
        (("r0",), "r0", "deployctl hotfix --target lab --sha SHA"),
        (
            ("r0", "r1"),
            "r1",
            "deployctl hotfix --target lab --sha SHA, or deployctl rollback --target lab",
        ),
    ],
)
def test_a_way_back_is_named_only_where_there_is_one(
    releases: tuple[str, ...], live: str, next_step: str
) -> None:
    shas = {"r0": None, "r1": D73}
    before = {"r0": None, "r1": "r0"}
    images = {"r0": NEW, "r1": API.image_id} if len(releases) > 1 else {"r0": API.image_id}
    known = tuple(
        record(
            name, sha=shas[name], previous=before[name],
            services={"api": ServiceImage(image="api", image_id=images[name])},
        )
        for name in releases
    )  # fmt: skip
    assert status(releases=known, live=live).next_step == next_step


def test_a_release_that_is_live_again_is_so_since_it_is_again() -> None:
    again = datetime(2026, 3, 1, tzinfo=UTC)
    found = status(releases=(record("r1", sha=D73),), live="r1", live_since=again)
    assert found.live_since == again


@pytest.mark.parametrize(
    ("holder", "about", "state", "says"),
    [
        ("run-7", {}, "swapped", "The host puts it back by itself in 90 s."),
        ("run-7", {"command": "rollback"}, "swapped", "The host brings it to its end by itself."),
        ("run-7", {}, "rollback_failed no space", "The host does nothing more about it by itself."),
        ("", {}, "swapped", "The host does nothing more about it by itself."),
    ],
)
def test_what_the_host_does_if_nobody_does_anything(
    holder: str, about: dict[str, str], state: str, says: str
) -> None:
    found = status(
        unfinished=(Unfinished("run-7", state, about, 60, 90),),
        lock_holder={"runId": holder} if holder else None,
    )
    assert found.sentence.endswith(says)


ABOUT = {"command": "hotfix", "revision": "d73cfb1", "by": "ben"}
HOLDER = {**ABOUT, "runId": "run-7", "at": "07:32", "phase": "gate"}


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        ("armed", "It is armed, and has not finished its switch yet"),
        ("swapped", "It has switched, but is not proven yet"),
        ("rolling_back a gate failed", "It is being put back"),
    ],
)
def test_how_far_a_run_is_whose_client_was_there_just_now(state: str, stands: str) -> None:
    """Also in the seconds after that client was killed."""
    found = status(unfinished=(Unfinished("run-7", state, ABOUT, 4, 90),), lock_holder=HOLDER)
    assert "hotfix d73cfb1 by ben since 07:32, run run-7, in gate. " in found.sentence
    assert (
        f"{stands}; its client was heard of 4 s ago, and counts as gone if nothing is heard of it "
        "for 12 s more. "
    ) in found.sentence
    assert found.sentence.endswith(
        "The host brings that to its end by itself."
        if state.startswith("rolling_back")
        else "Without a confirmation the host puts it back by itself in 90 s."
    )


@pytest.mark.parametrize(
    ("state", "silent"), [("swapped", -1), ("armed", -1), ("rolling_back late", 60)]
)
def test_a_run_that_the_host_puts_back_by_itself_after_a_restart_or_its_deadline(
    state: str, silent: int
) -> None:
    found = status(unfinished=(Unfinished("run-7", state, ABOUT, silent, 0),), lock_holder=HOLDER)
    assert found.sentence == (
        "Run run-7 (hotfix d73cfb1 by ben) is being put back by the host (the client is gone)."
    )
    assert "deployctl attach --target lab run-7" in found.next_step


def test_every_container_of_the_project_is_listed() -> None:
    assert [service.service for service in status().services] == ["api", "postgres"]


def test_what_somebody_started_by_hand() -> None:
    containers = (replace(API, image_id=NEW), POSTGRES)
    found = status(containers=containers, releases=(record("r1"),), live="r1")
    assert found.release is None
    assert "by hand" in found.sentence


@pytest.mark.parametrize(
    ("changes", "says", "next_step"),
    [
        ({"containers": (replace(API, status="exited"),)}, "techno-os-api is exited", "logs"),
        ({"containers": (POSTGRES,)}, "no container any more", "docker compose up -d"),
        (
            {"containers": (), "releases": (record("r1", sha=D73),), "live": "r1"},
            "no container any more. r1 (d73cfb1) was live",
            "--to r1",
        ),
        (
            {
                "containers": (replace(API, status="exited"),),
                "releases": (record("r1", sha=D73),),
                "live": "r1",
            },
            "techno-os-api is exited",
            "--to r1 starts it again",
        ),
        (
            {
                "unfinished": (Unfinished("run-7", "swapped", {}, 60),),
                "containers": (replace(API, status="exited"),),
            },
            "The service is down: techno-os-api is exited",
            "deployctl rollback --target lab --run run-7 puts back",
        ),
        ({"config_error": "line 3"}, "Compose refuses", "diagnose"),
        ({"dry_run": DRIFTED, "dry_run_alone": DRIFTED}, "not what the Compose file", "edit"),
        (
            {"dry_run": "no such image"},
            "can't be told: its dry run failed: no such image",
            "doctor",
        ),
        ({"lock_holder": {"by": "ben"}}, "A rollout is running", "status"),
        (
            {"unfinished": (Unfinished("run-7", "swapped", {"by": "ben"}, 60),)},
            "Run run-7 (a run by ben) lost its client: it has switched, but is not proven yet",
            "deployctl rollback",
        ),
    ],
)
def test_a_host_that_needs_a_person(changes: dict[str, Any], says: str, next_step: str) -> None:
    found = status(**changes)
    assert says in found.sentence
    assert next_step in found.next_step


def test_a_run_left_unfinished_is_told_before_all_else() -> None:
    left = (Unfinished("run-7", "swapped", {}, 60),)
    containers = (replace(API, status="exited"),)
    found = status(unfinished=left, lock_holder={"runId": "run-7"}, containers=containers)
    assert "run-7" in found.sentence
    assert found.unfinished == ("run-7: swapped",)


def test_who_made_it_live_again_is_told_and_not_who_first_did() -> None:
    found = status(releases=(record("r1", sha=D73),), live="r1", live_by="carol")
    assert found.by == "carol"


def test_what_could_not_be_put_back_is_told_as_that() -> None:
    line = (
        '{"run":{"runId":"run-9","command":"hotfix","revision":"bad","by":"ann"},'
        '"state":"kept the image that ran before is gone","epoch":1767425520}'
    )
    found = status(last_run=line)
    assert found.sentence.startswith("What runs was not proven good: run run-9 (hotfix bad by ann)")
    assert "the image that ran before is gone" in found.sentence
    assert "FIX" in found.next_step


def test_a_rollback_that_the_host_finished_by_itself_is_told_as_not_proven() -> None:
    line = (
        '{"run":{"runId":"run-9","command":"rollback","revision":"","by":"ann"},'
        '"state":"confirmed unproven","epoch":1767425520}'
    )
    found = status(releases=(record("r1", sha=D73),), live="r1", last_run=line)
    assert found.sentence == (
        "r1 (d73cfb1) is live; the run that made it so is not proven good: the host finished "
        "run-9 (rollback by ann) by itself."
    )
