"""What is said of a run that ends otherwise than at its last stage."""

from collections.abc import Callable

from deployctl.lab.machine import COMPOSE_FILE

from .client import Client
from .expect import (
    assert_as_before,
    assert_refused,
    assert_rolled_back,
    assert_status,
    assert_untouched,
)
from .server import Before, Server

HOTFIX = "d73cfb1"
SOON = {"min_healthy": "1s", "deadline": "8s"}
FAILS_ITS_GATES = "broken/metrics-404"


def test_a_step_that_fails_after_the_confirmation_is_only_told(
    server: Server, client: Client
) -> None:
    """The release is live: a chat that is down does not undo that, nor hold up the next step."""
    notify = {"http": {"name": "notify", "method": "POST", "url": "http://127.0.0.1:9/"}}
    later = {"run": {"name": "later", "command": "touch /tmp/later"}}
    playbook = client.playbook({"confirm": [notify, later]})
    done = client.hotfix(HOTFIX, "--playbook", str(playbook))
    assert done.code == 0, done.explained
    assert done.stage("notify") == "failed"
    assert done.stage("later") == "passed"
    assert "stays live" in done.stderr
    assert done.document["seal"] is not None
    server.sh("rm /tmp/later")
    assert_status(server, client, "r1")


def test_a_step_that_ran_here_is_undone_here(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    mark = client.folder / "mark"
    step = {
        "name": "mark", "where": "client", "env": ["HOME"],
        "command": 'echo "$DEPLOYCTL_RELEASE" > "$HOME/mark"', "rollback": 'rm "$HOME/mark"',
    }  # fmt: skip
    playbook = client.playbook({"arm": [{"run": step}]})
    done = client.hotfix(FAILS_ITS_GATES, "--playbook", str(playbook))
    assert_rolled_back(done, 21, "metrics")
    assert not mark.exists()
    assert "What the step mark changed was undone." in done.document["production"]
    assert_as_before(server, before, client)


def test_what_could_not_be_undone_needs_a_person(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    step = {"name": "migrate", "command": "true", "rollback": "exit 3"}
    playbook = client.playbook({"arm": [{"run": step}]})
    done = client.hotfix(FAILS_ITS_GATES, "--playbook", str(playbook))
    assert done.code == 22, done.explained
    assert "migrate changed could not be undone" in done.reason
    assert "serves again" in done.document["production"]
    assert "exit 3" in done.document["nextStep"]
    assert "rollback" not in done.document["nextStep"]
    assert_as_before(server, before, client)
    [ended, *_] = client.history()["runs"]
    assert ended["result"] == "rolled-back, undo of migrate failed"


def test_a_variable_that_a_step_needs_is_asked_for_before_anything_else(
    server: Server, before: Before, client: Client
) -> None:
    notify = {"http": {"name": "notify", "method": "POST", "url_env": "CHAT_WEBHOOK"}}
    done = client.hotfix(HOTFIX, "--playbook", str(client.playbook({"confirm": [notify]})))
    assert_refused(done, 78, "CHAT_WEBHOOK")
    assert_untouched(server, before)


def test_a_gate_that_can_not_work_is_refused_before_the_switch(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    """No release could pass it: it would be rolled back for want of proof."""
    gates = {"health": {"path": "/health", "bearer_env": "HEALTH_TOKEN"}}
    client = make_client(gates=gates)
    done = client.hotfix(HOTFIX)
    assert_refused(done, 23, "health", "HEALTH_TOKEN")
    assert "--advisory health" in done.document["nextStep"]
    assert_untouched(server, before)


def test_what_was_taken_down_is_deployed_again_although_it_is_recorded_as_live(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client(compose={"files": [COMPOSE_FILE], "project": "techno-os"})
    assert client.hotfix(HOTFIX).code == 0
    server.sh("docker rm -f techno-os-api")
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert done.document["result"] == "sealed"
    assert server.get("/metrics")[0] == 200
    assert_status(server, client, "r2")
    assert client.history()["releases"][0]["previous"] == "r1"


def test_a_project_that_was_taken_down_is_found_again_and_started_with_what_it_needs(
    server: Server, make_client: Callable[..., Client]
) -> None:
    """Without a container, only the state directory knows where the project's files are."""
    client = make_client()
    assert client.hotfix(HOTFIX).code == 0
    server.sh(f"docker compose -f {COMPOSE_FILE} down")
    status = client.status()
    assert "no container any more. r1 (d73cfb1) was live" in status["sentence"]
    assert status["nextStep"].endswith("--to r1")
    done = client.rollback("--to", "r1")
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200
    assert_status(server, client, "r1")


def test_a_live_release_that_was_stopped_is_started_again(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client()
    assert client.hotfix(HOTFIX).code == 0
    server.sh("docker stop -t 1 techno-os-api")
    status = client.status()
    assert "techno-os-api is exited" in status["sentence"]
    assert "--to r1 starts it again" in status["nextStep"]
    done = client.rollback("--to", "r1")
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200
    server.sh("docker stop -t 1 techno-os-api")
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200
    assert_status(server, client, "r1")


def test_a_look_by_the_doctor_leaves_nothing_behind(server: Server, client: Client) -> None:
    server.sh("rm -rf /var/lib/deployctl/techno-os")
    assert client.run("doctor").code == 0
    server.sh("test ! -e /var/lib/deployctl/techno-os")


def test_a_rollback_to_a_container_that_was_stopped_does_not_say_that_it_serves(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    server.sh("docker stop techno-os-api")
    done = client.hotfix(FAILS_ITS_GATES)
    assert done.code == 21, done.explained
    assert "stopped as it was before" in done.document["production"]
    assert "no gate held before" in done.document["rollback"]["reason"]
    assert done.document["untouched"], "the others are compared here as well"
    assert server.sh("docker inspect -f '{{.State.Running}}' techno-os-api").strip() == "false"
