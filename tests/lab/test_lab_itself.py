"""The lab is what it says: a rented server that runs the first release, and then is gone."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployctl.lab import sample
from deployctl.lab.changes import FIRST_RELEASE, HOTFIX
from deployctl.lab.docker import LABEL, listing
from deployctl.lab.machine import COMPOSE_DIR, COMPOSE_FILE, ENV_FILE, Host
from deployctl.lab.service import Lab

pytestmark = pytest.mark.lab

_INVENTORY = (
    "docker image ls --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort;"
    " docker ps --format '{{.Names}} {{.Image}}' | sort"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("state")
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder / "deployctl"


@pytest.fixture(scope="module")
def lab(home: Path) -> Iterator[Lab]:
    # A name of its own, whatever other workers, or a run that was killed, have left.
    lab = Lab(f"itself-{secrets.token_hex(3)}").up(hosts=2)
    yield lab
    lab.down()


@pytest.fixture
def host(lab: Lab) -> Host:
    host = lab.hosts[0]
    host.reset()
    return host


def ssh(
    lab: Lab, command: str, *, user: str = "deploy", known_hosts: Path | None = None
) -> subprocess.CompletedProcess[str]:
    record = lab.record
    pinned = known_hosts or record.known_hosts
    return subprocess.run(
        ["ssh", "-F", "/dev/null", "-i", str(record.key_file), "-p", str(record.hosts[0].port),
         "-o", f"UserKnownHostsFile={pinned}", "-o", "StrictHostKeyChecking=yes",
         "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", f"{user}@127.0.0.1", command],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def build(lab: Lab, host: Host, branch: str) -> str:
    """Build a commit as deploy does, with no way out to a network; return the image's name."""
    sha = sample.revision(lab.record.repository, branch)
    sources = sample.archive(lab.record.repository, branch)
    host.must(["sh", "-c", "mkdir -p /tmp/src && tar -x -C /tmp/src"], stdin=sources)
    host.sh("iptables -I DOCKER-USER -j DROP")
    try:
        image = f"techno-os-api:{sha[:7]}"
        words = ["docker", "build", "-q", "-t", image, f"--build-arg=GIT_SHA={sha}", "/tmp/src"]
        host.must(words, user="deploy")
    finally:
        host.sh("iptables -D DOCKER-USER -j DROP; rm -rf /tmp/src")
    return image


def release(host: Host, image: str) -> None:
    host.sh(f"sed -i 's/image: techno-os-api:.*/image: {image}/' {COMPOSE_FILE}", user="deploy")
    host.sh(f"docker compose -f {COMPOSE_FILE} up -d --wait api", user="deploy")


def code(host: Host, path: str) -> str:
    words = f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:8000{path}"
    return host.sh(words).strip()


def scraped(host: Host) -> str:
    answer = json.loads(host.sh("curl -s http://127.0.0.1:9090/api/v1/targets"))
    return str(answer["data"]["activeTargets"][0]["health"])


def test_the_first_release_serves_without_metrics(host: Host) -> None:
    assert host.sh("curl -s http://127.0.0.1:8000/health") == '{"status":"ok"}'
    assert code(host, "/metrics") == "404"
    assert scraped(host) == "down"


def test_the_running_image_is_the_first_release(lab: Lab, host: Host) -> None:
    image = host.sh("docker inspect --format '{{.Config.Image}}' techno-os-api").strip()
    assert image == f"techno-os-api:{sample.revision(lab.record.repository, FIRST_RELEASE)[:7]}"


def test_the_environment_file_is_outside_the_tree_and_private(host: Host) -> None:
    assert host.sh(f"stat -c '%a %U' {ENV_FILE}").strip() == "600 deploy"
    assert not ENV_FILE.startswith(COMPOSE_DIR)


def test_deploy_reaches_docker_with_the_pinned_host_key(lab: Lab) -> None:
    done = ssh(lab, "docker compose version && docker buildx version && docker ps -q")
    assert done.returncode == 0, done.stderr


def test_an_unpinned_host_key_is_refused(lab: Lab, tmp_path: Path) -> None:
    done = ssh(lab, "true", known_hosts=tmp_path / "empty")
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_each_host_has_a_key_of_its_own(lab: Lab) -> None:
    keys = {line.split()[2] for line in lab.record.known_hosts.read_text().splitlines()}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("user", "command", "succeeds"),
    [
        ("sudoer", "docker ps", False),
        ("sudoer", "sudo -n docker ps", True),
        ("sudoer", f"test -w {COMPOSE_FILE}", True),
        ("nodocker", "docker ps", False),
        ("nodocker", "sudo -n docker ps", False),
        ("minimal", "docker ps", True),
        ("minimal", "readlink -f $(which sh) | grep busybox", True),
        ("minimal", "date +%N | grep '[0-9]'", False),
        ("minimal", "curl --version || python3 --version || bash --version", False),
    ],
)
def test_users_differ_in_what_they_reach(lab: Lab, user: str, command: str, succeeds: bool) -> None:
    done = ssh(lab, command, user=user)
    assert (done.returncode == 0) is succeeds, done.stderr


def test_the_hotfix_builds_without_a_network_and_brings_metrics(lab: Lab, host: Host) -> None:
    image = build(lab, host, HOTFIX)
    assert image == "techno-os-api:d73cfb1"
    release(host, image)
    metrics = host.sh("curl -s http://127.0.0.1:8000/metrics")
    assert "process_start_time_seconds" in metrics
    assert f'revision="{sample.revision(lab.record.repository, HOTFIX)}"' in metrics
    host.sh(
        "timeout 15 sh -c 'until curl -s http://127.0.0.1:9090/api/v1/targets"
        ' | grep -q "\\"health\\":\\"up\\""; do sleep 0.2; done\''
    )
    assert scraped(host) == "up"


def test_a_reset_undoes_everything(lab: Lab, host: Host) -> None:
    before = host.sh(_INVENTORY)
    release(host, build(lab, host, HOTFIX))
    host.sh(
        "curl -s -H 'content-type: application/json' -d '{\"item\":\"tea\"}'"
        " http://127.0.0.1:8000/orders"
    )
    host.sh(f"rm {ENV_FILE}; echo broken > {COMPOSE_FILE}; mkdir -p /var/lib/deployctl/x")
    host.sh("docker volume create foreign; docker network create foreign; service prometheus stop")
    host.sh("docker run -d --name foreign --restart always python:3.11-slim sleep 600")
    host.sh(
        "echo '@reboot true' | crontab -u deploy -; iptables -I INPUT -p tcp --dport 22 -j DROP"
    )
    host.reset()
    assert host.sh(_INVENTORY) == before
    assert code(host, "/metrics") == "404"
    assert host.sh("curl -s http://127.0.0.1:8000/orders") == '{"count":0}'
    assert host.exec(["test", "-e", "/var/lib/deployctl"]).returncode == 1
    assert host.exec(["crontab", "-u", "deploy", "-l"]).returncode == 1
    assert "foreign" not in host.sh("docker volume ls; docker network ls")
    assert ssh(lab, "true").returncode == 0


def test_a_reset_makes_the_host_anew_if_its_image_is_gone(lab: Lab, host: Host) -> None:
    host.sh("docker rm -f techno-os-api && docker rmi $(docker image ls -q techno-os-api)")
    host.reset()
    assert code(host, "/health") == "200"
    assert ssh(lab, "true").returncode == 0


def test_after_a_power_cut_the_host_comes_back_with_its_data(host: Host) -> None:
    key = host.host_key()
    boot = host.sh("docker inspect --format '{{.Id}}' techno-os-db")
    host.kill()
    host.start()
    assert host.host_key() == key
    assert host.sh("docker inspect --format '{{.Id}}' techno-os-db") == boot
    assert host.sh("docker inspect --format '{{.State.Status}}' techno-os-db").strip() == "exited"


def test_another_lab_lives_beside_it_and_leaves_nothing(lab: Lab, home: Path) -> None:
    other = Lab("itself-other").up()
    ports = {host.record.port for host in [*lab.hosts, *other.hosts]}
    assert len(ports) == 3
    other.down()
    own = f"--filter=label={LABEL}=itself-other"
    assert listing("ps", "--all", "--quiet", own) == []
    assert listing("volume", "ls", "--quiet", own) == []
    assert not list(home.rglob("*itself-other*"))
    assert ssh(lab, "true").returncode == 0


def test_up_again_changes_nothing(lab: Lab) -> None:
    before = lab.status()
    lab.up(hosts=2)
    assert lab.status() == before


def test_a_small_disk_is_really_full_when_it_is_full(home: Path) -> None:
    small = Lab("itself-small").up(disk="1500m")
    try:
        host = small.hosts[0]
        filled = host.exec(["fallocate", "-l", "2G", "/var/lib/docker/filler"])
        assert b"No space left" in filled.stderr
    finally:
        small.down()
