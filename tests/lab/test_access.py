"""Who may reach the host, and as whom."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deployctl.lab.machine import COMPOSE_FILE
from tests.cases import Case, refuses, works

from .client import Client
from .expect import assert_as_before, assert_refused, assert_untouched
from .server import Before, Server

HOTFIX = "d73cfb1"


def new_key(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def test_a_host_key_that_is_not_the_known_one(
    server: Server, before: Before, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    other = new_key(tmp_path, "other").with_suffix(".pub").read_text().split()[:2]
    record = server.host.record
    known = tmp_path / "known_hosts"
    known.write_text(f"[{record.address}]:{record.port} {' '.join(other)}\n")
    done = make_client(host_known_hosts=str(known)).hotfix(HOTFIX)
    assert_refused(done, 69, "key")
    assert_untouched(server, before)


def test_a_host_whose_key_is_not_known(
    server: Server, before: Before, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    (tmp_path / "known_hosts").touch()
    done = make_client(host_known_hosts=str(tmp_path / "known_hosts")).hotfix(HOTFIX)
    assert_refused(done, 69, "SHA256:")
    assert_untouched(server, before)


def test_a_user_that_the_host_does_not_let_in(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    done = make_client(host_user="nobody-here").hotfix(HOTFIX)
    assert_refused(done, 69, "nobody-here")
    assert_untouched(server, before)


def test_a_key_that_the_host_does_not_accept(
    server: Server, before: Before, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    done = make_client(host_key_file=str(new_key(tmp_path, "stranger"))).hotfix(HOTFIX)
    assert_refused(done, 69)
    assert_untouched(server, before)


def test_a_port_where_nobody_listens(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    done = make_client(host_port=1).hotfix(HOTFIX)
    assert_refused(done, 69, "refused")
    assert_untouched(server, before)


@refuses("Hosts", "a user without access to Docker", 23, "can't reach Docker")
def test_a_user_without_docker(
    server: Server, before: Before, make_client: Callable[..., Client], refusal: Case
) -> None:
    done = make_client(host_user="nodocker").hotfix(HOTFIX)
    assert_refused(done, refusal.code, refusal.sentence)
    assert "docker group" in done.document["nextStep"]
    assert_untouched(server, before)


def test_a_user_who_may_not_keep_the_files_owner(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    done = make_client(host_user="sudoer").hotfix(HOTFIX)
    assert_refused(done, 23, COMPOSE_FILE, "deploy")
    assert_untouched(server, before)


def give_to(user: str, server: Server) -> None:
    """The Compose file, and the environment file that Compose has to read."""
    server.sh(f"chown {user}:techno {COMPOSE_FILE}; chown -R {user}:{user} /opt/techno-os/env")


@pytest.mark.parametrize(
    "user",
    [
        pytest.param(
            "sudoer",
            id="docker by sudo only",
            marks=works("Hosts", "Docker by passwordless sudo only"),
        ),
        pytest.param("minimal", id="BusyBox only", marks=works("Hosts", "BusyBox userland")),
    ],
)
def test_a_user_who_owns_the_file(
    user: str, server: Server, make_client: Callable[..., Client]
) -> None:
    give_to(user, server)
    before = server.look()
    client = make_client(host_user=user)
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200
    after = server.look()
    assert after.file.split()[1:] == ["664", user, "techno"]
    assert after.database == before.database
    assert client.rollback().code == 0
    assert_as_before(server, before, client, release="r0")


@pytest.mark.parametrize("user", ["sudoer", "minimal"])
def test_their_failed_hotfix_is_rolled_back_as_well(
    user: str, server: Server, make_client: Callable[..., Client]
) -> None:
    give_to(user, server)
    before = server.look()
    client = make_client(host_user=user)
    done = client.hotfix("broken/crash-at-start")
    assert done.code == 21, done.explained
    assert done.document["rollback"]["state"] == "proven"
    assert_as_before(server, before, client)
