"""Hosts on which something is wrong, before the hotfix or during it."""

from collections.abc import Callable, Iterator

import pytest

from deployctl.lab.machine import ENV_FILE
from deployctl.lab.service import Lab

from .client import Client, eventually
from .expect import (
    assert_as_before,
    assert_at_rest,
    assert_refused,
    assert_rolled_back,
    assert_untouched,
)
from .server import API, Before, Server

HOTFIX = "d73cfb1"
SOON = {"min_healthy": "1s", "deadline": "8s"}


# -- Prometheus ---------------------------------------------------------------------------------


def test_a_prometheus_that_is_the_incident_can_be_left_out_with_a_reason(
    server: Server, make_client: Callable[..., Client]
) -> None:
    server.sh("service prometheus stop")
    client = make_client()
    done = client.hotfix(HOTFIX, "--advisory", "prometheus", "--reason", "it is being moved")
    assert done.code == 0, done.explained
    gate = done.gate("prometheus")
    assert gate["mode"] == "advisory"
    assert gate["state"] != "pass"


FORWARDER = """
import pathlib, socket, threading

def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    sink.close()

server = socket.create_server(("127.0.0.1", 8001))
while True:
    client, _ = server.accept()
    port = int(pathlib.Path("/tmp/backend").read_text())
    try:
        backend = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        continue
    threading.Thread(target=pump, args=(client, backend), daemon=True).start()
    threading.Thread(target=pump, args=(backend, client), daemon=True).start()
"""


def test_up_through_a_connection_kept_alive_to_the_old_process(
    server: Server, make_client: Callable[..., Client]
) -> None:
    """A forwarder sends new connections to the new container, but Prometheus keeps its old one.

    The target is up, with fresh scrapes, and every one of them is of a process of before.
    """
    client = make_client()
    assert client.hotfix(HOTFIX).code == 0
    good = server.look()
    image = f"techno-os-api:{HOTFIX}"
    server.sh(
        f"docker run -d --name old --network techno-os_techno-network --env-file {ENV_FILE}"
        f" -p 127.0.0.1:8002:8000 {image} uvicorn app.main:app --host 0.0.0.0 --port 8000"
    )
    server.sh("timeout 20 sh -c 'until curl -sf http://127.0.0.1:8002/health; do sleep 0.2; done'")
    server.sh("echo 8002 > /tmp/backend")
    server.in_host_network("forwarder", FORWARDER, image=image)
    server.prometheus_scrapes("127.0.0.1:8001")
    eventually("Prometheus scrapes the old process", lambda: server.scraped() == "up")
    server.sh("echo 8000 > /tmp/backend")

    run = make_client(rollout={"min_healthy": "1s", "deadline": "10s"}).start_hotfix("next")
    # Once the old process has gone, so has the connection: now the target tells the truth again.
    run.until("rollbackStarted")
    server.sh("docker rm -f old")
    done = run.end()

    assert_rolled_back(done, 21, "prometheus", "a connection kept alive")
    assert "up" in done.gate("prometheus")["observed"]
    assert done.gate("metrics")["state"] == "pass"
    server.sh("docker rm -f forwarder")
    assert_as_before(server, good, client, release="r1")


# -- ports, files, memory, disk -----------------------------------------------------------------

THIEF = """
import socket, time
while True:
    try:
        server = socket.create_server(("127.0.0.1", 8000))
        break
    except OSError:
        time.sleep(0.001)
time.sleep({seconds})
"""


def test_a_port_that_another_process_took_meanwhile(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    """It lets go after a few seconds: the rollback is patient enough to get the port back."""
    client = make_client(rollout=SOON)
    server.in_host_network("thief", THIEF.format(seconds=5))
    done = client.hotfix(HOTFIX)
    server.sh("docker rm -f thief")
    assert_rolled_back(done, 21)
    assert "address already in use" in done.stdout or "port is already allocated" in done.stdout
    assert_as_before(server, before, client)


def test_a_port_that_is_never_given_back_needs_a_person(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    """Neither release can be started: said as it is, with the commands to type."""
    client = make_client(rollout=SOON)
    server.in_host_network("thief", THIEF.format(seconds=600))
    done = client.hotfix(HOTFIX)
    assert done.code == 22, done.explained
    document = done.document
    assert document["result"] == "rollback-failed"
    assert document["rollback"]["state"] in {"failed", "unproven"}
    assert "person" in document["production"]
    assert "docker compose" in document["nextStep"]
    after = server.look()
    assert (after.file, after.database, after.orders) == (
        before.file, before.database, before.orders,
    )  # fmt: skip
    assert_at_rest(server)
    # What it says to do works once the cause is gone.
    server.sh("docker rm -f thief")
    assert client.rollback().code == 0
    assert_as_before(server, before, client)


def test_an_environment_file_that_is_missing_stops_nothing(
    server: Server, before: Before, client: Client
) -> None:
    server.sh(f"mv {ENV_FILE} {ENV_FILE}.gone")
    done = client.hotfix(HOTFIX)
    server.sh(f"mv {ENV_FILE}.gone {ENV_FILE}")
    assert_refused(done, 23, ENV_FILE)
    assert_untouched(server, before)


def test_an_environment_file_that_vanishes_during_the_build_is_missed_before_the_switch(
    server: Server, before: Before, client: Client
) -> None:
    sha = client.commit({"Dockerfile": client.file_at("Dockerfile") + "\nRUN sleep 7\n"})
    run = client.start_hotfix(sha)
    run.until("logLine", source="host", text="done backup")
    server.sh(f"mv {ENV_FILE} {ENV_FILE}.gone")
    done = run.end()
    server.sh(f"mv {ENV_FILE}.gone {ENV_FILE}")
    assert_refused(done, 23, ENV_FILE)
    assert_untouched(server, before)


def test_a_compose_file_that_compose_refuses_stops_nothing(
    server: Server, before: Before, client: Client
) -> None:
    server.edit_compose("s/^services:/servicez:/")
    broken = server.look()
    done = client.hotfix(HOTFIX)
    assert_refused(done, 23, "Compose")
    after = server.look()
    assert after == broken
    assert after.container == before.container


def test_a_compose_file_that_was_edited_but_not_applied_is_drift(
    server: Server, before: Before, client: Client
) -> None:
    server.edit_compose("s/mem_limit: 256m/mem_limit: 300m/")
    edited = server.look()
    done = client.hotfix(HOTFIX)
    assert_refused(done, 23, "not what the Compose file says")
    assert server.look() == edited
    status = client.status()
    assert status["drift"]
    assert edited.container == before.container


def test_drift_may_go_along_with_a_reason(server: Server, client: Client) -> None:
    server.edit_compose("s/mem_limit: 256m/mem_limit: 300m/")
    done = client.hotfix(HOTFIX, "--accept-drift", "--reason", "the new limit is wanted")
    assert done.code == 0, done.explained
    memory = server.sh(f"docker inspect -f '{{{{.HostConfig.Memory}}}}' {API}").strip()
    assert memory == str(300 * 1024**2)


def test_a_service_that_is_down_already_can_be_mended(
    server: Server, before: Before, client: Client
) -> None:
    """A stopped container is a valid start: the hotfix may be what repairs it."""
    server.sh(f"docker stop -t 1 {API}")
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200


def test_a_service_that_was_down_is_down_again_after_a_failed_hotfix(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    server.sh(f"docker stop -t 1 {API}")
    done = make_client(rollout=SOON).hotfix("broken/metrics-404")
    assert_rolled_back(done, 21, "metrics")
    after = server.look()
    assert after.file == before.file
    assert after.image == before.image
    assert after.database == before.database
    assert after.status in {"exited", "created"}


@pytest.fixture
def small(worker: str) -> Iterator[tuple[Lab, Server]]:
    """A host of its own whose Docker data are on a disk of 2 GB."""
    lab = Lab(f"t-{worker}-disk").up(disk="2000m")
    yield lab, Server(lab.hosts[0])
    lab.down()


def test_a_disk_that_fills_up_during_the_build(
    small: tuple[Lab, Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lab, server = small
    client = Client(lab.record, server.host.record, tmp_path_factory.mktemp("disk"))
    dockerfile = client.file_at("Dockerfile")
    sha = client.commit(
        {"Dockerfile": dockerfile + "\nRUN head -c 3000000000 /dev/zero > /index.bin\n"}
    )
    before = server.look()
    done = client.hotfix(sha)
    assert_refused(done, 20)
    assert "No space left on device" in done.stdout + done.stderr
    assert_untouched(server, before)


def test_a_disk_that_is_full_already_is_refused_before_anything_is_sent(
    small: tuple[Lab, Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lab, server = small
    client = Client(lab.record, server.host.record, tmp_path_factory.mktemp("disk"))
    server.sh(
        "free=$(df -m --output=avail /var/lib/docker | tail -1);"
        " fallocate -l $((free - 100))M /var/lib/docker/filler"
    )
    before = server.look()
    done = client.hotfix(HOTFIX)
    assert_refused(done, 23, "Too little space at /var/lib/docker")
    assert done.document["shippedBytes"] == 0
    assert_untouched(server, before)
