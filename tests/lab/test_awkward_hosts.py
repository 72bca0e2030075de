"""Hosts as people really have them: each is a flavour of the lab, put on the worker's host."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployctl.lab import flavours
from deployctl.lab.machine import COMPOSE_DIR, COMPOSE_FILE
from deployctl.lab.service import Lab
from tests.cases import Case, refuses, works

from .client import Client, Ended
from .expect import assert_at_rest, assert_refused, assert_rolled_back, assert_untouched
from .server import Before, Server

HOTFIX = "d73cfb1"
BROKEN = "broken/crash-at-start"
AT_ONCE = {"min_healthy": "0s", "deadline": "30s"}
Awkward = Callable[..., Client]


@pytest.fixture
def awkward(lab: Lab, server: Server, tmp_path: Path) -> Awkward:
    """Makes the host an awkward one, and gives the client that its operator would have."""

    def make(flavour: str, **changes: object) -> Client:
        server.host.become(flavours.named(flavour))
        record = replace(server.host.record, flavour=flavour)
        return Client(lab.record, record, tmp_path, {"rollout": AT_ONCE, **changes})

    return make


def run_by(server: Server, service: str = "api") -> list[str]:
    """The images, by ID, of the service's containers."""
    return server.sh(
        f"docker ps -aq --filter label=com.docker.compose.service={service} |"
        " xargs -r docker inspect --format '{{.Image}}'"
    ).split()


def assert_live(done: Ended, server: Server, *services: str, replicas: int = 1) -> None:
    assert done.code == 0, done.explained
    image = done.document["release"]["imageId"]
    for service in services or ("api",):
        assert run_by(server, service) == [image] * replicas
    assert_at_rest(server)


@pytest.mark.parametrize(
    "flavour",
    [
        pytest.param(name, id=name, marks=works("Hosts", case))
        for name, case in (
            ("no-port", "a service that publishes no port"),
            ("host-network", "host network mode"),
            ("symlink", "the Compose file behind a symlink"),
            ("other-socket", "an engine at a socket of another path (`docker_host`)"),
            ("small-tmp", "room for 1 MB in /tmp"),
            ("noexec-tmp", "a noexec /tmp"),
        )
    ],
)
def test_a_hotfix_and_the_way_back(flavour: str, server: Server, awkward: Awkward) -> None:
    client = awkward(flavour)
    before = server.look()
    assert_live(client.hotfix(HOTFIX), server)
    assert client.rollback().code == 0
    after = server.look()
    assert (after.file, after.image, after.database) == (
        before.file, before.image, before.database,
    )  # fmt: skip


@works("Hosts", "rootless Docker")
def test_a_rootless_engine(server: Server, awkward: Awkward) -> None:
    client = awkward("rootless")
    assert not run_by(server), "root's engine has nothing of it"
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200
    assert client.rollback().code == 0
    assert server.get("/metrics")[0] == 404


@works("Hosts", "Docker Engine 20.10, and 26")
def test_an_old_engine(server: Server, awkward: Awkward) -> None:
    client = awkward("old-docker")
    before = server.look()
    done = client.hotfix(HOTFIX)
    assert_live(done, server)
    assert any("Docker 20.10." in str(stage["detail"]) for stage in done.document["stages"])
    assert client.rollback().code == 0
    assert server.look().image == before.image


@works("Hosts", "the very first rollout")
def test_the_first_rollout_of_all(server: Server, awkward: Awkward) -> None:
    client = awkward("never-deployed")
    broken = client.hotfix("broken/crash-at-start")
    assert_rolled_back(broken, 21, "container")
    assert not run_by(server), "there was none before"
    assert_live(client.hotfix(HOTFIX), server)
    assert server.get("/metrics")[0] == 200


@works("Hosts", "nothing running")
def test_nothing_runs(server: Server, awkward: Awkward) -> None:
    client = awkward("stopped")
    before = server.look()
    assert before.status == "exited"
    assert_live(client.hotfix(HOTFIX), server)
    assert server.get("/metrics")[0] == 200


@works("Hosts", "a container that crash-loops before")
def test_what_crash_loops_is_mended(server: Server, awkward: Awkward) -> None:
    client = awkward("crash-loop")
    before = server.look()
    broken = client.hotfix(BROKEN)
    assert_rolled_back(broken, 21, "container")
    assert (server.look().file, server.look().image) == (before.file, before.image)
    assert_live(client.hotfix(HOTFIX), server)


@works("Hosts", "two `-f` files")
def test_the_last_file_with_the_image_is_edited(server: Server, awkward: Awkward) -> None:
    client = awkward("two-files")
    first = server.compose_text()
    assert_live(client.hotfix(HOTFIX), server)
    assert server.compose_text() == first
    site = server.sh(f"cat {COMPOSE_DIR}/docker-compose.site.yml")
    assert f"image: techno-os-api:{HOTFIX} # set by the site\n" in site
    assert client.rollback().code == 0


@works("Hosts", "`image: ${REG}/api:${TAG:-latest}` with values from `.env`")
def test_an_interpolated_image_becomes_a_literal(server: Server, awkward: Awkward) -> None:
    client = awkward("env-image")
    before = server.look()
    done = client.hotfix(BROKEN)
    assert_rolled_back(done, 21, "container")
    assert server.look().file == before.file
    assert_live(client.hotfix(HOTFIX), server)
    assert f"image: registry.example/team/api:{HOTFIX}\n" in server.compose_text()
    assert client.rollback().code == 0
    assert server.look().image == before.image


@works("Hosts", "a service with only `build:`")
def test_a_service_that_is_only_built_gets_an_image(server: Server, awkward: Awkward) -> None:
    client = awkward("build-only")
    before = server.look()
    assert_live(client.hotfix(HOTFIX), server)
    assert f"image: techno-os-api:{HOTFIX}\n" in server.compose_text()
    assert "build: /opt/techno-os/source" in server.compose_text()
    assert client.rollback().code == 0
    assert server.look().image == before.image


@works("Hosts", "API, worker and scheduler from one image")
def test_all_services_of_one_image_go_together(server: Server, awkward: Awkward) -> None:
    services = ("api", "worker", "scheduler")
    client = awkward("one-image")
    before = server.look()
    [image] = {*run_by(server, "worker"), *run_by(server, "scheduler")}
    assert_rolled_back(client.hotfix(BROKEN), 21, "container:api")
    assert [run_by(server, service) for service in services] == [[image]] * 3
    assert server.look().file == before.file
    done = client.hotfix(HOTFIX)
    assert_live(done, server, *services)
    assert {gate["name"] for gate in done.document["gates"]} >= {f"container:{s}" for s in services}
    assert {service["name"] for service in done.document["services"]} == set(services)
    assert client.rollback().code == 0
    assert [run_by(server, service) for service in services] == [[image]] * 3


@works("Hosts", "three replicas")
def test_every_replica_is_replaced_and_gated(server: Server, awkward: Awkward) -> None:
    client = awkward("replicas")
    [image] = set(run_by(server))
    done = client.hotfix("broken/health-500")
    assert_rolled_back(done, 21, "health")
    assert run_by(server) == [image] * 3
    done = client.hotfix(HOTFIX)
    assert_live(done, server, replicas=3)
    assert_outage_ended(client, done)
    done = client.rollback()
    assert done.code == 0, done.explained
    assert_outage_ended(client, done)
    assert run_by(server) == [image] * 3


def assert_outage_ended(client: Client, done: Ended) -> None:
    """Docker chose the new containers' ports: the probe found them, and the outage has an end."""
    run = done.document["runId"]
    [told] = [
        json.loads(data)
        for path, data in client.written()
        if path.name == "availability.json" and run in str(path)
    ]
    outcomes = [outcome for _, _, outcome in told["rows"]]
    assert outcomes[-1] == "ok"
    failed = [n for n, outcome in enumerate(outcomes) if outcome not in {"ok", "no-link"}]
    first, last = outcomes.index("ok"), failed[-1] + 1
    between = told["rows"][last][0] - told["rows"][first][0]
    assert 0 < done.document["availability"]["downtimeMs"] <= between


@works("Hosts", "a service that speaks TCP and no HTTP")
def test_a_tcp_service(server: Server, awkward: Awkward) -> None:
    client = awkward("tcp")
    done = client.hotfix(HOTFIX)
    assert_live(done, server)
    assert done.gate("tcp")["state"] == "pass"
    assert client.rollback().code == 0


@refuses(
    "Hosts", "a Compose file edited by hand and never applied", 23, "not what the Compose file"
)
def test_an_edit_that_was_never_applied(server: Server, awkward: Awkward, refusal: Case) -> None:
    done = refused(server, awkward, "edited", refusal)
    assert (
        "api: environment (LOG_LEVEL has another value); "
        "memory limit (314572800 in the file, 268435456 in the container)." in done.reason
    )
    assert "debug" not in done.stdout + done.stderr


@refuses("Hosts", "started with shell variables that are gone", 23, "Not set on the host: ")
def test_variables_of_a_shell_that_is_gone(server: Server, awkward: Awkward, refusal: Case) -> None:
    done = refused(server, awkward, "shell-variables", refusal)
    assert "environment (REGION has another value)" in done.reason
    assert "Not set on the host: REGION" in done.reason


@refuses("Hosts", "deployed through DOCKER_HOST: label paths absent", 23, "Set `compose.files`")
def test_label_paths_of_another_machine(server: Server, awkward: Awkward, refusal: Case) -> None:
    done = refused(server, awkward, "docker-host", refusal)
    assert "/home/deploy/laptop/compose.yml does not exist" in done.reason


@works("Hosts", "deployed through DOCKER_HOST, with `compose.files` set")
def test_label_paths_of_another_machine_with_the_file_named(
    server: Server, awkward: Awkward
) -> None:
    client = awkward("docker-host", compose={"files": [COMPOSE_FILE]})
    assert_live(client.hotfix(HOTFIX), server)
    assert client.rollback().code == 0


@pytest.mark.parametrize(
    "flavour",
    [
        pytest.param(name, id=name, marks=refuses("Hosts", case, 23, sentence))
        for name, case, sentence in (
            (
                "locked-directory",
                "the Compose file in a directory that can't be written",
                "No file can be made and renamed in the directory of",
            ),
            ("root-owned", "a Compose file owned by root", "with its owner and group (root:root)"),
            (
                "read-only-mount",
                "the Compose file on a read-only mount",
                "is on a file system that is mounted read-only",
            ),
            ("compose-v1", "Compose v1 only", "There is no Docker Compose v2"),
            ("podman", "Podman's emulation of Docker", "is Podman's emulation"),
            ("swarm", "a service of Docker Swarm", "is run by Docker Swarm, not by Compose"),
            (
                "read-only-docker-root",
                "a DockerRootDir that can't be written",
                "nothing can be built or started",
            ),
        )
    ],
)
def test_refused_with_nothing_changed(
    flavour: str, server: Server, awkward: Awkward, refusal: Case
) -> None:
    refused(server, awkward, flavour, refusal)


NO_TMP = "so Docker can't run the health check of api"


@pytest.mark.parametrize(
    "flavour",
    [
        pytest.param("full-tmp", marks=refuses("Hosts", "no room in /tmp", 23, NO_TMP)),
        pytest.param("read-only-tmp", marks=refuses("Hosts", "a read-only /tmp", 23, NO_TMP)),
    ],
)
def test_a_tmp_without_which_docker_can_do_nothing(
    flavour: str, server: Server, before: Before, awkward: Awkward, refusal: Case
) -> None:
    """runc writes there for each `docker exec`, and so for each health check."""
    client = awkward(flavour)
    done = client.hotfix(HOTFIX)
    server.host.unbecome()
    assert_refused(done, refusal.code, refusal.sentence)
    assert_untouched(server, before)


def refused(server: Server, awkward: Awkward, flavour: str, refusal: Case) -> Ended:
    client = awkward(flavour)
    before: Before = server.look()
    done = client.hotfix(HOTFIX)
    assert_refused(done, refusal.code)
    assert refusal.sentence in f"{done.reason} {done.document['nextStep']}"
    assert server.look() == before
    assert_at_rest(server)
    return done
