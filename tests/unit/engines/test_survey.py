"""What the survey program said, as values; and what a dry run of Compose gives away."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deployctl.config.settings import HostSettings
from deployctl.engines.compose.inspected import parse_containers
from deployctl.engines.compose.survey import (
    NO_REASON,
    Left,
    Unfinished,
    disturbances,
    docker_words,
    parse,
)
from deployctl.engines.releases import write_record
from deployctl.host.facts import PublishedPort
from deployctl.host.wire import Answer, Record

from .support import API, LEFT_ALONE, POSTGRES, record, survey

INSPECTED: dict[str, Any] = {
    "id": "c1",
    "name": "/techno-os-api",
    "imageId": "sha256:a",
    "imageRef": "techno-os-api:v1",
    "state": {
        "Status": "running",
        "StartedAt": "2026-01-03T07:32:01.123456789Z",
        "ExitCode": 0,
        "OOMKilled": False,
        "Health": "healthy",
    },
    "restartCount": 2,
    "restartPolicy": "unless-stopped",
    "networkMode": "bridge",
    "networks": {"app": {"IPAddress": "172.20.0.3"}, "other": None},
    "ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}], "9000/udp": None},
    "asked": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}], "9000/udp": None},
    "service": "api",
    "configHash": "h1",
    "error": "",
    "health": [{"exitCode": 0, "output": "ok\n"}],
}


def answer(**texts: str) -> Answer:
    return Answer(Record(name.replace("_", "-"), text.encode()) for name, text in texts.items())


class TestContainers:
    def test_one_as_docker_inspects_it(self) -> None:
        [found] = parse_containers(json.dumps(INSPECTED) + "\n")
        assert found.name == "techno-os-api"
        assert found.started_at == datetime(2026, 1, 3, 7, 32, 1, 123456, tzinfo=UTC)
        assert found.health == "healthy"
        assert found.health_log == ("exit 0: ok",)
        assert found.restart_count == 2
        assert found.addresses == {"app": "172.20.0.3", "other": ""}
        assert found.ports == (PublishedPort(8000, "tcp", "127.0.0.1", 8000, fixed=True),)

    @pytest.mark.parametrize(
        "asked", [{"8000/tcp": [{"HostPort": ""}]}, {"8000/tcp": [{"HostPort": "8000-8010"}]},
                  {"8000/tcp": None}, {"9000/tcp": [{"HostPort": "8000"}]}, {}, None]
    )  # fmt: skip
    def test_a_port_that_nobody_asked_for_by_number_may_be_another_one_next_time(
        self, asked: Any
    ) -> None:
        [found] = parse_containers(json.dumps({**INSPECTED, "asked": asked}))
        assert not found.ports[0].fixed

    def test_one_that_never_started(self) -> None:
        never = {**INSPECTED, "state": {"Status": "created", "StartedAt": "0001-01-01T00:00:00Z"}}
        [found] = parse_containers(json.dumps(never))
        assert found.started_at is None
        assert found.health == "none"

    def test_nulls_everywhere(self) -> None:
        [found] = parse_containers(json.dumps({**dict.fromkeys(INSPECTED), "id": "c1"}))
        assert found.service == ""
        assert found.ports == ()

    @pytest.mark.parametrize(
        "line",
        [
            "not json",
            "[]",
            "{}",
            '{"id": ""}',
            '{"id": "c1", "state": []}',
            '{"id": "c1", "state": {"StartedAt": "yesterday"}}',
            '{"id": "c1", "ports": {"http/tcp": [{}]}}',
            '{"id": "c1", "ports": {"80/tcp": [{"HostPort": "-1"}]}}',
            '{"id": "c1", "restartCount": 1e999}',
            '{"id": "\\ud800"}',
            '{"id": "c1", "state": {"Health": ' + "[" * 5000 + "]" * 5000 + "}}",
        ],
    )
    def test_what_is_none_is_refused_and_not_taken_for_nothing(self, line: str) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            parse_containers(line)

    def test_no_lines_are_no_containers(self) -> None:
        assert parse_containers("\n\n") == ()

    def test_one_of_docker_compose_run_is_none_of_its_service(self) -> None:
        lines = [json.dumps({**INSPECTED, "id": i, "oneoff": i == "1"}) for i in "12"]
        lines = [line.replace("true", '"True"').replace("false", '"False"') for line in lines]
        assert [c.id for c in parse_containers("\n".join(lines))] == ["2"]

    def test_in_the_order_of_services(self) -> None:
        lines = [
            json.dumps({**INSPECTED, "id": i, "service": s}) for i, s in (("2", "b"), ("1", "a"))
        ]
        assert [c.id for c in parse_containers("\n".join(lines))] == ["1", "2"]


class TestTheWholeAnswer:
    def test_of_a_host_that_said_little(self) -> None:
        found = parse(Answer(), ("api",))
        assert found.containers == ()
        assert found.releases == ()
        assert found.lock_holder is None
        assert found.docker_space is None
        assert not found.locked

    def test_an_engine(self) -> None:
        info = {
            "version": "26.1.5",
            "plugins": [{"Name": "buildx", "Version": "0.13"}],
        }
        found = parse(answer(info=json.dumps(info), docker="sudo\n-n\ndocker"), ("api",))
        assert found.engine_version == "26.1.5"
        assert found.buildx
        assert found.docker == ("sudo", "-n", "docker")

    def test_compose_words_may_hold_spaces(self) -> None:
        words = "-p\nx\n-f\n/srv/my app/compose.yml"
        assert parse(answer(compose_words=words), ("api",)).compose_words[-1] == (
            "/srv/my app/compose.yml"
        )

    def test_a_file_that_compose_accepts(self) -> None:
        assert parse(answer(config="ok"), ("api",)).config_error == ""
        assert parse(answer(config="yaml: line 3"), ("api",)).config_error == "yaml: line 3"

    @pytest.mark.parametrize("silence", ["", "\n"])
    def test_a_file_of_which_nothing_is_told_is_not_accepted(self, silence: str) -> None:
        assert parse(answer(config=silence), ("api",)).config_error == NO_REASON

    def test_a_file_that_compose_refuses_is_not_told_by_its_warnings(self) -> None:
        warning = 'time="2026-01-03T07:32:00Z" level=warning msg="`version` is obsolete"'
        told = parse(answer(config=f"{warning}\nenv file /e not found: stat"), ("api",))
        assert told.config_error == "env file /e not found: stat"
        assert parse(answer(config=warning), ("api",)).config_error == warning

    def test_files_with_everything_about_them(self) -> None:
        records = [
            Record("file", b"/a.yml"), Record("file-real", b"/b/a.yml"), Record("file-sha", b"f"),
            Record("file-stat", b"664 deploy techno"), Record("file-writable", b"owner"),
            Record("file-bytes", b"services:\r\n\xff"),
        ]  # fmt: skip
        [found] = parse(Answer(records), ("api",)).files
        assert (found.mode, found.owner, found.group) == ("664", "deploy", "techno")
        assert found.data == b"services:\r\n\xff", "bytes stay as they are"

    def test_releases_and_unfinished_runs(self) -> None:
        records = [
            Record("live", b"r1\n"), Record("release", write_record(record("r1")).encode()),
            Record("unfinished", b"run-7 swapped"), Record("unfinished-about", b'{"by": "ann"}'),
            Record("unfinished-silent", b"40"), Record("unfinished-left", b"200"),
            Record("unfinished-step", b"start-service api"),
            Record("live-since", b"1767425520"), Record("left", b"run-6"),
            Record("left-release", write_record(record("r2")).encode()),
        ]  # fmt: skip
        found = parse(Answer(records), ("api",))
        assert found.live == "r1"
        assert found.releases == (record("r1"),)
        assert found.unfinished == (
            Unfinished("run-7", "swapped", {"by": "ann"}, 40, 200, "start-service api"),
        )
        assert found.left == (Left("run-6", record("r2")),)
        assert found.live_since == datetime(2026, 1, 3, 7, 32, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("text", "free", "inodes"),
        [("1000 4096 500 900", 4096000, 500), ("1000 4096 0 0", 4096000, -1)],
    )
    def test_space(self, text: str, free: int, inodes: int) -> None:
        space = parse(answer(disk_root=text), ("api",)).docker_space
        assert space is not None
        assert (space.free_bytes, space.free_inodes) == (free, inodes)

    @pytest.mark.parametrize("text", ["", "a b c d", "1 2 3", "stat: no such file"])
    def test_space_that_is_not_told(self, text: str) -> None:
        assert parse(answer(disk_root=text), ("api",)).docker_space is None


ALONE = " Container techno-os-db  Running\n"
MOVED = " Container techno-os-api  Recreate\n"


class TestWhatADryRunGivesAway:
    def test_nothing_where_everything_stays(self) -> None:
        assert disturbances(LEFT_ALONE) == ()

    def test_a_recreation_with_compose_own_temporary_name(self) -> None:
        text = (
            " Container 0123456789ab_techno-os-api  Recreate\n Container techno-os-api  Recreated"
        )
        assert disturbances(text) == (("techno-os-api", "Recreate"), ("techno-os-api", "Recreated"))

    @pytest.mark.parametrize("verb", ["Recreate", "Starting", "Created", "Stopping", "Removed"])
    def test_any_other_verb_disturbs(self, verb: str) -> None:
        assert disturbances(f"DRY-RUN MODE -  Container x  {verb}") == (("x", verb),)

    def test_drift_needs_both_ways_of_asking(self) -> None:
        """A container that was started with --no-deps is left alone by --no-deps only."""
        moved = " Container techno-os-api  Recreate\n"
        alone = " Container techno-os-api  Running\n"
        assert survey(dry_run=moved, dry_run_alone=alone).drift == ()
        assert survey(dry_run=moved, dry_run_alone=moved).drift == ("techno-os-api: Recreate",)

    def test_a_name_that_compose_gave_half_way_is_that_of_the_container(self) -> None:
        half = (replace(API, name="0123456789ab_techno-os-api"), POSTGRES)
        moved = (
            " Container 0123456789ab_techno-os-api  Recreate\n Container techno-os-db  Running\n"
        )
        found = survey(containers=half, dry_run=moved, dry_run_alone=moved)
        assert found.drift == ("techno-os-api: Recreate",)
        left = survey(containers=half, dry_run=moved.replace("Recreate", "Running"))
        assert (left.drift, left.untold, left.up_words) == ((), "", ())
        beside = (*half, replace(API, id="c9", status="created"))
        starts = " Container techno-os-api  Starting\n"
        assert survey(containers=beside, dry_run=starts).drift, "which of the two is not said"

    @pytest.mark.parametrize(
        ("first", "second", "told"),
        [
            ("", "", "its dry run says nothing of techno-os-api"),
            (ALONE, "", "its dry run says nothing of techno-os-api"),
            (ALONE + "no such image", "", "its dry run failed: no such image"),
            (MOVED, "no such file\n", "its dry run failed: no such file"),
            (MOVED, ALONE, "its dry run says nothing of techno-os-api"),
            (LEFT_ALONE + "a remark", "", ""),
            (MOVED, "", ""),
        ],
    )
    def test_a_dry_run_that_does_not_speak_of_what_runs_tells_nothing(
        self, first: str, second: str, told: str
    ) -> None:
        found = survey(dry_run=first, dry_run_alone=second)
        assert found.untold == told
        assert bool(found.drift) is (not told and first == MOVED), "a second that isn't there"
        assert replace(found, config_error="no").untold == ""

    def test_of_services_without_a_container_something_must_be_said(self) -> None:
        assert survey(containers=(POSTGRES,), dry_run="no such image").untold
        assert survey(containers=(POSTGRES,), dry_run=ALONE).untold == ""

    def test_that_a_stopped_container_would_be_started_is_no_drift(self) -> None:
        """Compose says `Created` of one that exists and stays as it is."""
        starts = "".join(
            f" Container techno-os-api  {verb}\n" for verb in ("Created", "Starting", "Started")
        )
        moved = " Container techno-os-api  Recreate\n"
        stopped = (replace(API, status="exited"), POSTGRES)
        assert survey(containers=stopped, dry_run=starts, dry_run_alone=moved).drift == ()
        assert survey(containers=stopped, dry_run=moved, dry_run_alone=moved).drift
        assert survey(dry_run=starts, dry_run_alone=starts).drift, "a running one would restart"

    def test_of_one_that_crash_loops_silence_is_no_drift(self) -> None:
        """Compose says nothing of one that Docker is just starting again."""
        silent = " Container techno-os-db  Running\n"
        looping = (replace(API, restart_count=7), POSTGRES)
        assert survey(containers=looping, dry_run=silent, dry_run_alone=silent).untold == ""
        assert survey(dry_run=silent, dry_run_alone=silent).untold, "one that runs is spoken of"
        moved = " Container techno-os-api  Recreate\n"
        assert survey(containers=looping, dry_run=moved, dry_run_alone=moved).drift

    def test_a_dependency_that_would_move_is_not_our_drift(self) -> None:
        moved = " Container techno-os-db  Recreate\n Container techno-os-api  Running\n"
        found = survey(dry_run=moved)
        assert found.drift == ()
        assert found.up_words == ("--no-deps",), "but it must not be touched by our `up`"

    def test_a_container_that_moves_is_told_once_and_what_it_follows_before_it(self) -> None:
        verbs = ("Recreate", "Recreated")
        alone = "".join(f" Container techno-os-api  {verb}\n" for verb in verbs)
        plain = "".join(f" Container techno-os-db  {verb}\n" for verb in verbs) + alone
        found = survey(dry_run=plain, dry_run_alone=alone)
        assert found.drift == ("techno-os-api: Recreate",)
        assert found.drift_before == ("techno-os-db: Recreate",)
        assert found.services_with({"techno-os-db"}) == ("postgres",)
        assert survey(dry_run=plain.replace("api", "other")).drift_before == ()

    def test_a_file_that_compose_refuses_has_no_drift_to_tell(self) -> None:
        assert survey(config_error="no", dry_run=" Container techno-os-api  Recreate").drift == ()

    def test_a_plain_up_where_the_dependencies_are_well(self) -> None:
        assert survey().up_words == ()

    @pytest.mark.parametrize("ill", [{"status": "exited"}, {"health": "unhealthy"}])
    def test_an_ill_dependency_must_not_stand_in_the_way(self, ill: dict[str, str]) -> None:
        assert survey(containers=(API, replace(POSTGRES, **ill))).up_words == ("--no-deps",)

    def test_a_very_first_start_brings_its_dependencies(self) -> None:
        dry_run = " Container techno-os-api  Created\n Container techno-os-db  Created\n"
        assert survey(containers=(), dry_run=dry_run).up_words == ()
        assert survey(containers=(POSTGRES,), dry_run=dry_run).up_words == ("--no-deps",)

    def test_an_ill_container_that_is_no_dependency_does_not_matter(self) -> None:
        other = replace(POSTGRES, name="reports", status="exited")
        assert survey(containers=(API, POSTGRES, other)).up_words == ()


class TestWhoHoldsTheLock:
    def test_nobody(self) -> None:
        assert not survey().locked

    def test_a_run_whose_client_lives(self) -> None:
        about = {"runId": "r"}
        live = Unfinished("r", "swapped", about, silent_s=3)
        found = survey(lock_holder=about, unfinished=(live,))
        assert found.locked
        assert found.abandoned == ()

    def test_a_run_whose_client_is_gone_holds_it_for_nobody(self) -> None:
        about = {"runId": "r"}
        gone = Unfinished("r", "swapped", about, silent_s=60)
        found = survey(lock_holder=about, unfinished=(gone,))
        assert not found.locked
        assert found.abandoned == (gone,)

    def test_a_run_whose_rollback_failed_waits_for_nobody(self) -> None:
        failed = Unfinished("r", "rollback_failed up", {}, silent_s=0)
        assert survey(unfinished=(failed,)).abandoned == (failed,)

    def test_somebody_who_left_no_name_holds_it_all_the_same(self) -> None:
        assert survey(lock_holder={}).locked


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ()),
        ({"docker": "sudo -n docker"}, ("sudo", "-n", "docker")),
        ({"docker_context": "prod"}, ("docker", "--context", "prod")),
        ({"docker_host": "unix:///run/u.sock"}, ("docker", "--host", "unix:///run/u.sock")),
        (
            {"docker": "/opt/docker", "docker_context": "prod"},
            ("/opt/docker", "--context", "prod"),
        ),
    ],
)
def test_the_words_that_run_docker(settings: dict[str, str], words: tuple[str, ...]) -> None:
    assert docker_words(HostSettings(host="h", **settings)) == words  # type: ignore[arg-type]
