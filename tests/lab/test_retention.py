"""Retention on a real host: what goes, what stays, and a disk that can't take the build."""

from collections.abc import Callable, Iterator

import pytest

from deployctl.lab.service import Lab
from tests.cases import Case, refuses

from .client import Client, Ended
from .conftest import QUICK
from .expect import assert_at_rest, assert_refused, assert_status, assert_untouched
from .server import STATE, Server

HOTFIX = "d73cfb1"
EACH = "RUN head -c 20000000 /dev/urandom > /index.bin"
"""What a release of these tests adds to the disk."""


@pytest.fixture(scope="module")
def small(worker: str) -> Iterator[tuple[Lab, Server]]:
    """A host of its own, whose Docker data are on a disk of 2 GB."""
    lab = Lab(f"t-{worker}-retention").up(disk="2000m")
    yield lab, Server(lab.hosts[0])
    lab.down()


@pytest.fixture
def server(small: tuple[Lab, Server]) -> Server:
    return small[1]


@pytest.fixture
def keeping(
    small: tuple[Lab, Server], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Client]:
    """A client that keeps so many releases, with a home of its own."""
    lab, server = small

    def make(keep: int, **retention: object) -> Client:
        changes = {"rollout": QUICK, "retention": {"keep": keep, **retention}}
        folder = tmp_path_factory.mktemp("client")
        return Client(lab.record, server.host.record, folder, changes)

    return make


def release(client: Client, number: int) -> str:
    """A commit of its own, with an image that takes some room."""
    dockerfile = client.file_at("Dockerfile")
    return client.commit({"Dockerfile": f"{dockerfile}\n{EACH} # {number}\n"})


def released(client: Client, number: int) -> None:
    """Has so many releases on record, the one that was found among them."""
    while (there := len(client.history()["releases"])) < number:
        good(client.hotfix(release(client, there) if there else HOTFIX))


def tag(done: Ended) -> str:
    return str(done.document["release"]["image"])


def good(done: Ended) -> Ended:
    assert done.code == 0, done.explained
    return done


def images(server: Server) -> set[str]:
    listing = server.sh("docker image ls --format '{{.Repository}}:{{.Tag}}'")
    return set(listing.split())


def keepers(server: Server) -> list[str]:
    names = server.sh("docker ps -a --filter label=io.deployctl.keeps --format '{{.Names}}'")
    return sorted(names.split())


def runs(server: Server) -> set[str]:
    return set(server.sh(f"ls {STATE}/runs").split())


def evidence(client: Client) -> set[str]:
    return {path.parent.name for path, _ in client.written() if path.name == "seal.json"}


def on_host(client: Client) -> dict[str, bool]:
    return {each["release"]: each["onHost"] for each in client.history()["releases"]}


def cache_bytes(server: Server) -> int:
    """What of the build cache no image shares."""
    rows = server.sh(
        "docker system df -v --format"
        " '{{range .BuildCache}}{{.Shared}} {{.Size}}{{println}}{{end}}'"
    ).split("\n")
    return sum(20_000_000 for row in rows if row == "false 20MB")


def test_the_last_two_releases_stay_and_nothing_of_anybody_elses_goes(
    server: Server, keeping: Callable[..., Client]
) -> None:
    client = keeping(2)
    found = images(server)
    first = good(client.hotfix(HOTFIX))
    failing = client.hotfix("broken/crash-at-start")
    assert failing.code == 21
    # Somebody has a use for what deployctl made, images of his own, and left an upload half-way.
    server.sh(
        f"docker tag {tag(first)} registry.example.com/api:kept;"
        " docker tag python:3.11-slim techno-os-api:base;"
        " docker create --name theirs python:3.11-slim true"
    )
    server.sh(f"echo half > {STATE}/upload/other.tar.gz.part", user="deploy")
    earlier = evidence(client)
    assert len(earlier) == len(runs(server)) == 2

    second = good(client.hotfix(release(client, 2)))
    assert on_host(client) == {"r0": True, "r1": True, "r2": True}
    assert keepers(server) == ["deployctl-pin.techno-os.api.r1"]
    third = good(client.hotfix(release(client, 3)))

    # r0 was found: its tag is its owner's, and so is the way back by it.
    assert on_host(client) == {"r0": True, "r1": False, "r2": True, "r3": True}
    theirs = {"registry.example.com/api:kept", "techno-os-api:base"}
    ours = {tag(second), tag(third), "deployctl-pin/techno-os/api:r2"}
    assert images(server) == found | theirs | ours
    assert keepers(server) == ["deployctl-pin.techno-os.api.r2"]
    assert server.sh("docker ps -aq --filter name=theirs").strip()
    assert server.sh(f"ls -A {STATE}/upload").split() == []
    assert runs(server) == {done.document["runId"] for done in (second, third)}
    assert evidence(client) == runs(server)
    assert_at_rest(server)
    assert_status(server, client, "r3")
    assert "Removed from the host" in third.stderr
    assert "r1 (d73cfb1)" in third.stderr

    # There is a way back to all that is told to be there, and to nothing else.
    assert_refused(client.rollback("--to", HOTFIX), 23, "not on the host any more")
    good(client.rollback())
    assert_status(server, client, "r2")
    assert images(server) == found | theirs | ours | {"deployctl-pin/techno-os/api:r3"}
    good(client.rollback("--to", "r3"))
    assert_status(server, client, "r3")
    server.sh("docker rm theirs; docker rmi registry.example.com/api:kept techno-os-api:base")


def test_what_keeps_three_keeps_three_and_bounds_the_build_cache_if_it_shall(
    server: Server, keeping: Callable[..., Client]
) -> None:
    released(keeping(2), 4)
    assert cache_bytes(server) == 0, "nothing has gone of which the cache has a copy"
    client = keeping(3, build_cache="1MB", evidence="all")
    good(client.hotfix(release(client, 4)))
    assert on_host(client) == {"r0": True, "r1": False, "r2": True, "r3": True, "r4": True}
    good(client.hotfix(release(client, 5)))
    assert [number for number, there in on_host(client).items() if there] == [
        "r5",
        "r4",
        "r3",
        "r0",
    ]
    assert cache_bytes(server) == 0
    assert_at_rest(server)


@refuses("Hosts", "a disk that can't take the build", 23, "What could be freed: ")
def test_a_disk_that_cannot_take_the_build_is_refused_with_what_could_be_freed(
    server: Server, keeping: Callable[..., Client], refusal: Case
) -> None:
    """As much as the last build took; the command that is named frees what it says."""
    client = keeping(3)
    released(client, 6)
    before = server.look()
    server.sh(f"sed -i '$s/[0-9]*$/3000000000/' {STATE}/made", user="deploy")
    sha = release(client, 6)

    done = client.hotfix(sha)
    assert_refused(done, refusal.code, refusal.sentence, "the last build took 2861 MiB")
    assert "the image of r3" in done.reason
    assert done.document["shippedBytes"] == 0
    assert_untouched(server, before)
    told = client.run("doctor")
    assert told.code == 23
    assert "What could be freed" in told.stdout

    [command] = [each for each in done.document["nextStep"].split(" Or: ") if "api.r3" in each]
    server.sh(command.partition("on the host: ")[2] or command, user="deploy")
    assert not on_host(client)["r3"]
    # A release that the host has needs no build.
    good(client.rollback())
    assert_status(server, client, "r4")
