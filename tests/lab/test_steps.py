"""A playbook with steps of one's own, and what a rollback means for them."""

from collections.abc import Callable
from typing import Any

from .client import Client
from .expect import assert_as_before, assert_refused, assert_rolled_back, assert_untouched
from .server import Before, Server

HOTFIX = "d73cfb1"
SOON = {"min_healthy": "1s", "deadline": "8s"}
FAILS_ITS_GATES = "broken/metrics-404"
MIGRATE = (
    "docker exec techno-os-db psql -q -U techno_user -d techno -c 'CREATE TABLE audit (id int)'"
)
UNDO = "docker exec techno-os-db psql -q -U techno_user -d techno -c 'DROP TABLE audit'"


def with_step(client: Client, after: str, **step: Any) -> list[str]:
    return ["--playbook", str(client.playbook({after: [{"run": {"name": "migrate", **step}}]}))]


def tables(server: Server) -> str:
    return server.sh("docker exec techno-os-db psql -tA -U techno_user -d techno -c '\\dt audit'")


def forget(server: Server) -> None:
    server.sh(f"{UNDO} 2>/dev/null || true")


def test_a_step_runs_on_the_host_and_knows_the_release(server: Server, client: Client) -> None:
    command = 'echo "$DEPLOYCTL_IMAGE $DEPLOYCTL_TARGET $DEPLOYCTL_RELEASE" > /tmp/step'
    words = with_step(client, "arm", command=command, rollback="safe")
    done = client.hotfix(HOTFIX, *words)
    assert done.code == 0, done.explained
    assert server.sh("cat /tmp/step").split() == [
        f"techno-os-api:{HOTFIX}", client.target, "r1",
    ]  # fmt: skip
    assert done.stage("migrate") == "passed"


def test_a_safe_step_does_not_stand_in_the_way_of_a_rollback(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    done = client.hotfix(
        FAILS_ITS_GATES, *with_step(client, "arm", command=MIGRATE, rollback="safe")
    )
    assert_rolled_back(done, 21, "metrics")
    assert "audit" in tables(server), "what it did stays"
    forget(server)
    assert_as_before(server, before, client)


def test_a_step_with_a_command_that_undoes_it_is_undone(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    done = client.hotfix(FAILS_ITS_GATES, *with_step(client, "arm", command=MIGRATE, rollback=UNDO))
    assert_rolled_back(done, 21, "metrics")
    assert tables(server).strip() == ""
    assert_as_before(server, before, client)


def test_an_unsafe_step_ends_the_automatic_rollback(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    """The new release stays where the old one could not live with what the step did."""
    client = make_client(rollout=SOON)
    words = with_step(client, "arm", command=MIGRATE, rollback="unsafe")
    done = client.hotfix(FAILS_ITS_GATES, *words)
    forget(server)
    assert done.code == 22, done.explained
    assert "migrate" in done.reason
    assert "unsafe" in done.reason
    assert done.document["rollback"]["performed"] is False
    after = server.look()
    assert after.image != before.image, "the new release still runs"
    assert after.database == before.database
    assert "docker compose" in done.document["nextStep"]

    # What was not proven is no release that a rollback goes to by itself.
    assert client.hotfix(HOTFIX).code == 0
    left = {each["release"]: each["subject"] for each in client.history()["releases"]}
    assert "not proven good" in left["r0"]
    assert client.rollback().code == 23, "nothing good was there before"


def test_a_step_that_fails_before_the_switch_changes_nothing(
    server: Server, before: Before, client: Client
) -> None:
    done = client.hotfix(HOTFIX, *with_step(client, "build", command="echo no >&2; exit 3"))
    assert_refused(done, 20, "migrate", "exit code 3")
    assert_untouched(server, before)


def test_a_step_that_fails_after_arming_rolls_back(
    server: Server, before: Before, client: Client
) -> None:
    done = client.hotfix(HOTFIX, *with_step(client, "swap", command="exit 3", rollback="safe"))
    assert_rolled_back(done, 21, "migrate", "exit code 3")
    assert_as_before(server, before, client)


def test_a_step_may_run_on_this_machine(server: Server, client: Client) -> None:
    mark = client.folder / "mark"
    words = with_step(client, "build", command=["touch", str(mark)], where="client")
    done = client.hotfix(HOTFIX, *words)
    assert done.code == 0, done.explained
    assert mark.exists()


def test_a_playbook_that_would_lose_production_is_not_run(
    server: Server, before: Before, client: Client
) -> None:
    playbook = client.playbook({})
    for stage in ("backup", "arm", "gate", "seal"):
        text = playbook.read_text()
        playbook.write_text(text.replace(f"- {stage}\n", ""))
        done = client.hotfix(HOTFIX, "--playbook", str(playbook))
        playbook.write_text(text)
        assert_refused(done, 78, stage)
    done = client.hotfix(HOTFIX, *with_step(client, "arm", command=MIGRATE))
    assert_refused(done, 78, "migrate", "rollback")
    assert_untouched(server, before)
