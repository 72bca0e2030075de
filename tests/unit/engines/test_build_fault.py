"""A build that failed says what to do, which is not always to mend the commit."""

import pytest

from deployctl.engines.compose.build_fault import BuildFault, fault, registry_of

METADATA = "ERROR: failed to solve: {0}: failed to resolve source metadata for {0}: "
SUDO = ("sudo", "-n", "docker")


def of(
    *tail: str, kind: str = "build", message: str = "1", docker: tuple[str, ...] = SUDO
) -> BuildFault:
    return fault(kind, message, tail, docker, "deploy")


@pytest.mark.parametrize(
    ("image", "said", "command"),
    [
        ("registry.example.com:5000/base:1",
         "unexpected status from HEAD request to https://…/manifests/1: 401 Unauthorized",
         "sudo docker login registry.example.com:5000."),
        ("docker.io/acme/base:1",
         "pull access denied, repository does not exist or may require authorization",
         "sudo docker login."),
        ("ghcr.io/acme/base@sha256:" + "0" * 64,
         "failed to authorize: failed to fetch anonymous token: 403 Forbidden",
         "sudo docker login ghcr.io."),
    ],
)  # fmt: skip
def test_a_private_base_image_needs_a_login(image: str, said: str, command: str) -> None:
    found = of("#1 [internal] load metadata", METADATA.format(image) + said, "------")
    assert f"may not pull the base image {image}" in found.what
    assert f"On the host, as deploy: {command}" in found.next_step


def test_the_builder_of_before_says_it_in_its_own_words() -> None:
    said = (
        "pull access denied for acme/base, repository does not exist or may require 'docker login'"
    )
    found = of(said, docker=("docker",))
    assert "base image acme/base" in found.what
    assert "as deploy: docker login." in found.next_step


def test_a_base_image_that_is_not_there_is_to_be_looked_for() -> None:
    image = "docker.io/library/nothing:1"
    found = of(METADATA.format(image) + "dial tcp: lookup registry-1.docker.io: no such host")
    assert "no such host" in found.what
    assert found.next_step == f"See why on the host, as deploy: sudo docker pull {image}"


@pytest.mark.parametrize(
    "said",
    [
        'ERROR: failed to build: failed to solve: target stage "prod" could not be found',
        "failed to reach build target prod in Dockerfile",
    ],
)
def test_a_stage_that_is_not_there_may_be_the_settings_fault(said: str) -> None:
    found = of("#1 transferring dockerfile: 372B done", said, "------")
    assert found.what == "The commit's Dockerfile has no stage prod, which `source.stage` names."
    assert "Correct source.stage in deployctl.yml, then run this again" in found.next_step
    assert "NEW_SHA" in found.next_step


def test_a_package_index_that_refuses_is_the_commits_matter() -> None:
    assert "Mend the commit" in of("pip: 401 Unauthorized for https://…/simple").next_step


@pytest.mark.parametrize("kind", ["build", "unpack"])
def test_a_full_disk_is_not_the_commits_fault(kind: str) -> None:
    said = "tar: big: Cannot write: No space left on device"
    found = of(said) if kind == "build" else of(kind=kind, message=said)
    assert "disk is full" in found.what
    assert "sudo -n docker system df" in found.next_step


@pytest.mark.parametrize(
    ("kind", "what"),
    [("build", "docker exited with 1"), ("bad-archive", "digest differs"), ("unpack", "unpacked")],
)
def test_whatever_else(kind: str, what: str) -> None:
    found = of(kind=kind)
    assert what in found.what
    assert found.next_step


@pytest.mark.parametrize(
    ("image", "registry"),
    [("python:3", ""), ("acme/base", ""), ("docker.io/acme/base", ""), ("localhost/x", "localhost"),
     ("[::1]:5000/x", "[::1]:5000"), ("a.example/x/y:1", "a.example"), ("", "")],
)  # fmt: skip
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: Cannot connect to the Docker daemon at unix:///d.sock. Is the daemon running?",
        "ERROR: failed to connect to the docker API; check if the daemon is running: no such file",
        "ERROR: failed to receive status: rpc error: code = Unavailable desc = server: EOF",
    ],
)
def test_a_docker_that_went_away_is_no_fault_of_the_commit(said: str) -> None:
    found = of("#7 RUN make", said, "")
    assert "Docker stopped answering on the host" in found.what
    assert "systemctl status docker" in found.next_step
    assert "commit" not in found.next_step
    assert "This command touched nothing." in found.production
    assert "the services may be down" in found.production


def test_a_step_of_the_commit_that_wants_a_docker_is() -> None:
    said = "#7 0.2 Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    assert "Mend the commit" in of(said, "ERROR: process did not complete: exit code: 1").next_step
