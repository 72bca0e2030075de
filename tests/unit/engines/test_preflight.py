"""What preflight refuses, by name, and what it only warns of."""

from dataclasses import replace
from typing import Any

import pytest

from deployctl.engines.compose.preflight import (
    MIN_FREE_BYTES,
    Finding,
    Room,
    image_name,
    image_reference,
    judge,
    raise_for,
    strip_tag,
    tight,
    warnings,
)
from deployctl.engines.compose.room import Freeable
from deployctl.engines.compose.survey import Space, Survey, Unfinished
from deployctl.errors import ExitCode, RefusedError
from deployctl.host.facts import ContainerState

from .support import API, COMPOSE, NEW, OLD, POSTGRES, source, survey


def bad(found: Survey, **options: Any) -> list[Finding]:
    options = {"accept_drift": False, **options}
    return [finding for finding in judge(found, ("api",), **options) if not finding.ok]


def test_a_host_that_is_as_it_should_be() -> None:
    assert bad(survey()) == []


DRIFTED = " Container techno-os-api  Recreate\n"


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("compose", {"compose_version": "2.17.3"}, "v2.18 or newer"),
        ("compose", {"compose_version": ""}, "v2.18 or newer"),
        ("docker data", {"docker_root_read_only": True}, "/var/lib/docker is on a file system"),
        ("temporary files", {"tmp_unusable": "/tmp"}, "can't run the health check of api"),
        ("state directory", {"state_nowhere": "/var/lib/x"}, "neither at /var/lib/x nor beside"),
        (
            "service api",
            {"containers": (API, replace(API, id="c9", image_id=NEW))},
            "different images",
        ),
        ("compose file", {"config_error": "line 3: bad\n"}, "line 3: bad"),
        ("drift", {"dry_run": DRIFTED, "dry_run_alone": DRIFTED}, "techno-os-api: Recreate"),
        ("drift", {"dry_run": "permission denied"}, "dry run failed: permission denied"),
        ("drift", {"dry_run": " Container techno-os-db  Running"}, "says nothing of techno-os-api"),
        ("space /var/lib/docker", {"docker_space": Space(10**8, 10**6)}, "95 MiB"),
        ("space /var/lib/docker", {"docker_space": Space(10**10, 9)}, "9 inodes"),
        ("space /var/lib/deployctl/techno-os", {"state_space": Space(1, 10**6)}, "0 MiB"),
        (
            "armed runs",
            {"unfinished": (Unfinished("run-7", "swapped x", {}, 60),)},
            "run-7 (swapped)",
        ),
    ],
)
def test_what_is_refused(name: str, changes: dict[str, Any], says: str) -> None:
    [finding] = bad(survey(**changes))
    assert finding.name == name
    assert says in finding.detail


def test_an_environment_file_that_is_missing_is_no_fault_of_the_compose_file() -> None:
    [finding] = bad(survey(config_error="env file /e/api.env not found: stat /e/api.env: no such"))
    assert "Put the environment file back" in finding.next_step
    assert "--repair" not in finding.next_step


@pytest.mark.parametrize(
    ("writable", "says", "todo"),
    [
        ("no", "renamed", "write access"),
        ("owner", "owner and group (deploy:techno)", "write access"),
        ("read-only", "mounted read-only", "Mount it writable"),
    ],
)
def test_a_file_that_cannot_be_replaced_as_it_is(writable: str, says: str, todo: str) -> None:
    file = replace(source(COMPOSE), writable=writable)
    [finding] = bad(survey(files=(file,)))
    assert says in finding.detail
    assert todo in finding.next_step


def test_a_service_without_a_health_check_can_do_without_temporary_files() -> None:
    plain = replace(API, health="none")
    assert bad(survey(tmp_unusable="/tmp", containers=(plain, POSTGRES))) == []


def test_variables_that_are_gone_are_named_with_the_drift() -> None:
    drifted = survey(dry_run=DRIFTED, dry_run_alone=DRIFTED, unset_variables=("REGION",))
    [finding] = bad(drifted)
    assert "Not set on the host: REGION" in finding.detail


def test_drift_may_be_accepted() -> None:
    assert bad(survey(dry_run=DRIFTED, dry_run_alone=DRIFTED), accept_drift=True) == []


def test_a_run_whose_client_may_only_be_slow_is_not_abandoned() -> None:
    left = (Unfinished("run-7", "swapped", {}, 5),)
    assert bad(survey(unfinished=left, lock_holder={"runId": "run-7"})) == []


@pytest.mark.parametrize("silent", [-9_000, 5], ids=["another boot's", "its job has gone"])
def test_a_run_that_nobody_holds_is_abandoned_at_once(silent: int) -> None:
    left = (Unfinished("run-7", "swapped", {}, silent),)
    assert [finding.name for finding in bad(survey(unfinished=left))] == ["armed runs"]


def test_a_rollback_puts_an_abandoned_run_back_whatever_else_is_wrong() -> None:
    left = (Unfinished("run-7", "swapped", {}, 60),)
    assert bad(survey(unfinished=left, config_error="broken"), may_recover=True) == []


def test_inodes_that_the_file_system_does_not_count_are_no_fault() -> None:
    assert bad(survey(docker_space=Space(10**10, -1))) == []


def test_the_source_needs_room_for_its_archive_and_its_files() -> None:
    left = survey(state_space=Space(3 * 10**9, 50_000))
    assert bad(left, sent=Room(2 * 10**9, 30_000)) == []
    [bytes_lacking] = bad(left, sent=Room(5 * 10**9, 30_000))
    assert "2861 MiB" in bytes_lacking.detail
    assert "5280 MiB" in bytes_lacking.detail
    [inodes_lacking] = bad(left, sent=Room(0, 100_000))
    assert "110000 are needed" in inodes_lacking.detail


def test_every_fault_is_told_at_once() -> None:
    found = survey(compose_version="1.29.2", docker_space=Space(1, 1))
    with pytest.raises(RefusedError) as caught:
        raise_for(judge(found, ("api",), accept_drift=False), found)
    assert caught.value.code is ExitCode.REFUSED
    assert "1.29.2" in caught.value.what
    assert "Too little space" in caught.value.what
    assert "docker-compose-plugin" in caught.value.next_step


@pytest.mark.parametrize(
    ("containers", "says"),
    [
        ((API,), "The unfinished run's release may be serving."),
        ((replace(API, status="exited"),), f"The service api is down: {API.name} is exited."),
        ((replace(API, status="exited"), API), "The unfinished run's release may be serving."),
        ((POSTGRES,), "The service api is down: it has no container."),
    ],
)
def test_an_armed_run_is_refused_with_what_is_known_of_what_serves(
    containers: tuple[ContainerState, ...], says: str
) -> None:
    """After a reboot the service may be down, which the survey has seen."""
    found = survey(containers=containers, unfinished=(Unfinished("run-7", "swapped", {}, 60),))
    with pytest.raises(RefusedError) as caught:
        raise_for(judge(found, ("api",), accept_drift=False), found)
    assert caught.value.production == f"This command touched nothing. {says}"


class TestWarnings:
    def test_none(self) -> None:
        assert warnings(survey(), ("api",)) == ()

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"restart_policy": ""}, "no restart policy"),
            ({"status": "exited"}, "api is exited"),
            ({"health": "unhealthy"}, "api is unhealthy"),
        ],
    )
    def test_what_a_person_should_know(self, changes: dict[str, str], says: str) -> None:
        [warning] = warnings(survey(containers=(replace(API, **changes), POSTGRES)), ("api",))
        assert says in warning

    def test_there_is_nothing_to_go_back_to(self) -> None:
        down = replace(API, status="exited")
        facts = survey(containers=(down, POSTGRES), images_gone=frozenset({API.image_id}))
        assert any("nothing to go back to" in warning for warning in warnings(facts, ("api",)))

    def test_nothing_goes_on_after_a_restart(self) -> None:
        [warning] = warnings(survey(guard="none"), ("api",))
        assert "until the next deployctl command" in warning

    def test_said_once_for_all_replicas(self) -> None:
        replicas = tuple(replace(API, id=str(i), restart_policy="no") for i in range(3))
        assert len(warnings(survey(containers=replicas), ("api",))) == 1


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("techno-os-api:v1", "techno-os-api"),
        ("techno-os-api", "techno-os-api"),
        ("registry:5000/team/api:v1", "registry:5000/team/api"),
        ("registry:5000/team/api", "registry:5000/team/api"),
        ("team/api:v1@sha256:" + "a" * 64, "team/api"),
        ("api@sha256:" + "a" * 64, "api"),
        ("", ""),
    ],
)
def test_the_name_of_an_image_without_its_tag(reference: str, name: str) -> None:
    assert strip_tag(reference) == name


class TestTheImagesName:
    def test_from_the_settings(self) -> None:
        assert image_name(survey(), "api", "reg/api") == "reg/api"

    def test_from_the_live_container(self) -> None:
        assert image_name(survey(), "api", None) == "techno-os-api"

    @pytest.mark.parametrize("reference", ["sha256:" + "a" * 64, ""])
    def test_an_image_without_a_name_must_be_given_one(self, reference: str) -> None:
        with pytest.raises(RefusedError, match="image name"):
            image_name(survey(containers=(replace(API, image_ref=reference),)), "api", None)


class TestTheImagesReference:
    DIGEST = "sha256:0123456789abcdef"

    def reference(self, kept: dict[str, str], built: str = "", **options: bool) -> str:
        found = survey(built={self.DIGEST: built} if built else {})
        return image_reference("api", "d73cfb1", self.DIGEST, found, kept, **options)

    def test_name_and_short_commit(self) -> None:
        assert self.reference({"api:v1": OLD}) == "api:d73cfb1"

    def test_a_tag_of_a_kept_release_is_never_moved(self) -> None:
        assert self.reference({"api:d73cfb1": OLD}) == "api:d73cfb1-01234567"

    def test_nor_is_the_longer_one(self) -> None:
        kept = {"api:d73cfb1": OLD, "api:d73cfb1-01234567": OLD}
        assert self.reference(kept) == "api:d73cfb1-01234567-2"

    def test_the_image_that_it_has_already_may_keep_its_tag(self) -> None:
        assert self.reference({"api:d73cfb1": OLD}, built=OLD) == "api:d73cfb1"

    def test_unless_it_is_built_again(self) -> None:
        kept = {"api:d73cfb1": OLD}
        assert self.reference(kept, built=OLD, rebuild=True) == "api:d73cfb1-01234567"


def test_drift_names_the_dependency_that_compose_would_make_anew_first() -> None:
    alone = " Container techno-os-api  Recreate\n Container techno-os-api  Recreated\n"
    plain = f" Container techno-os-db  Recreate\n Container techno-os-db  Recreated\n{alone}"
    facts = survey(dry_run=plain, dry_run_alone=alone, differences=("postgres: image (a, b)",))
    [drift] = [f for f in judge(facts, ["api"], accept_drift=False) if f.name == "drift"]
    assert "(techno-os-db: Recreate; techno-os-api: Recreate)" in drift.detail
    assert "What differs: postgres: image (a, b)." in drift.detail


def test_another_service_on_the_same_image_is_warned_of_before_it_is_left_behind() -> None:
    worker = replace(API, id="c3", name="worker", service="worker")
    facts = survey(containers=(API, POSTGRES, worker))
    [told] = warnings(facts, ["api"])
    assert "The image of api is also that of worker, not in `services:`" in told
    assert warnings(facts, ["api", "worker"]) == ()
    assert warnings(survey(), ["api"]) == ()


class TestTheRoomThatABuildNeeds:
    GIB = 1024**3

    def refused(self, free: int, build: int, *freeable: Freeable) -> list[Finding]:
        return bad(survey(docker_space=Space(free, 10**6)), build=build, freeable=freeable)

    def test_as_much_as_the_last_one_took_and_a_fifth_more(self) -> None:
        assert self.refused(6 * self.GIB, 5 * self.GIB) == []
        [finding] = self.refused(6 * self.GIB - 1, 5 * self.GIB)
        assert "6144 MiB and 10000 are needed (the last build took 5120 MiB)" in finding.detail

    def test_never_less_than_where_nothing_is_known_of_a_build(self) -> None:
        assert self.refused(MIN_FREE_BYTES, 1000) == []
        [finding] = self.refused(MIN_FREE_BYTES - 1, 1000)
        assert "the last build" not in finding.detail

    def test_what_could_be_freed_is_named_with_its_size_and_command(self) -> None:
        cache = Freeable("the engine's build cache", 2 * self.GIB, "docker builder prune")
        [finding] = self.refused(0, 0, cache)
        assert finding.detail.endswith("freed: the engine's build cache, 2048 MiB.")
        assert finding.next_step == "Free some, on the host: docker builder prune"

    def test_it_is_worth_asking_only_where_there_is_too_little(self) -> None:
        assert tight(survey(docker_space=Space(MIN_FREE_BYTES - 1, 1)), 0)
        assert not tight(survey(docker_space=Space(MIN_FREE_BYTES, 1)), 0)
        assert not tight(survey(docker_space=None), 10**12)

    def test_what_is_free_is_told_where_it_is_enough(self) -> None:
        found = judge(survey(), ("api",), accept_drift=False, build=2 * 1024**2)
        [room] = [each for each in found if each.name == "space /var/lib/docker"]
        assert room.held == "9536 MiB free, the last build took 2 MiB"
