"""Two people at once, and somebody with an editor."""

import signal
import time
from collections.abc import Callable

from deployctl.lab.machine import COMPOSE_FILE

from .client import Client, eventually
from .expect import assert_as_before, assert_at_rest, assert_refused, assert_rolled_back
from .server import Before, Server

HOTFIX = "d73cfb1"
SOON = {"min_healthy": "1s", "deadline": "8s"}


def test_the_second_of_two_hotfixes_is_turned_away(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout={"min_healthy": "8s", "deadline": "60s"})
    first = client.start_hotfix(HOTFIX)
    first.until("stageStarted", stage="ship")
    second = client.hotfix("next")
    assert_refused(second, 75, "Another rollout is running", HOTFIX)
    assert first.end().code == 0
    assert client.status()["sha"].startswith(HOTFIX)
    assert_at_rest(server)


def test_with_lock_wait_both_go_in_their_turn(
    server: Server, make_client: Callable[..., Client]
) -> None:
    """The second plans on what the first left, not on what it found when it came."""
    client = make_client()
    first = client.start_hotfix(HOTFIX)
    first.until("stageStarted", stage="ship")
    second = client.hotfix("next", "--lock-wait", "2m")
    assert first.end().code == 0
    assert second.code == 0, second.explained
    assert second.document["previous"]["sha"].startswith(HOTFIX)
    assert [r["release"] for r in client.history()["releases"]] == ["r2", "r1", "r0"]


def test_looking_is_always_possible(server: Server, make_client: Callable[..., Client]) -> None:
    client = make_client(rollout={"min_healthy": "8s", "deadline": "60s"})
    first = client.start_hotfix(HOTFIX)
    first.until("gateAttempt", when="after")
    status = client.status()
    assert "A rollout is running" in status["sentence"]
    assert HOTFIX in status["lock"]
    plan = client.run("plan", "--sha", "next", "--output", "json")
    assert plan.code in {0, 23}, plan.explained
    assert first.end().code == 0


def test_two_rollbacks_of_one_run_go_one_release_back(
    server: Server, client: Client, make_client: Callable[..., Client]
) -> None:
    """The second may prove the same, or be refused: it never becomes another command."""
    assert client.hotfix(HOTFIX).code == 0
    run = make_client(rollout={"min_healthy": "60s", "deadline": "180s"}).start_hotfix("next")
    run.until("gateAttempt", when="after")
    run.send(signal.SIGKILL)
    run.process.wait(timeout=10)
    eventually("its client is gone", lambda: "lost its client" in client.status()["sentence"])

    slow = make_client(rollout={"min_healthy": "6s", "deadline": "60s"})
    first = slow.start("rollback", "--yes")
    first.until("rollbackStarted")
    time.sleep(1)
    second = slow.rollback("--lock-wait", "1m")
    done = first.end()
    assert second.code in {0, 23}, second.explained
    assert done.code == 0, f"{done.explained}\n{second.explained}"
    assert client.status()["sha"].startswith(HOTFIX)
    # To hold the lock while what serves is proven is no run of its own.
    told = [(run["command"], run["result"]) for run in client.history()["runs"]]
    assert sorted(told) == [("hotfix", "confirmed"), ("hotfix", "rolled-back")]
    assert_at_rest(server)


def edit(after: str, client: Client, script: str, **parameters: str) -> tuple[str, str]:
    """A playbook in which somebody edits the Compose file after that stage."""
    step = {"name": "somebody", "command": f"sed -i '{script}' {COMPOSE_FILE}", **parameters}
    return "--playbook", str(client.playbook({after: [{"run": step}]}))


def test_a_file_edited_between_plan_and_swap_is_not_overwritten(
    server: Server, before: Before, client: Client
) -> None:
    done = client.hotfix(HOTFIX, *edit("ship", client, "$ a # by hand"))
    assert_refused(done, 23, "no longer what was planned for", COMPOSE_FILE)
    assert server.compose_text().endswith("# by hand\n")
    after = server.look()
    assert (after.container, after.database) == (before.container, before.database)
    assert_at_rest(server)


def test_a_file_edited_between_backup_and_arming_is_not_overwritten(
    server: Server, before: Before, client: Client
) -> None:
    done = client.hotfix(HOTFIX, *edit("backup", client, "$ a # by hand"))
    assert_refused(done, 23, "no longer what was planned for")
    assert server.compose_text().endswith("# by hand\n")
    assert server.look().container == before.container


def test_a_container_replaced_between_plan_and_swap_stops_the_run(
    server: Server, client: Client
) -> None:
    up = f"docker compose -f {COMPOSE_FILE} up -d --force-recreate --no-deps api"
    step = {"run": {"name": "somebody", "command": up}}
    done = client.hotfix(HOTFIX, "--playbook", str(client.playbook({"ship": [step]})))
    assert_refused(done, 23, "no longer what was planned for")
    assert_at_rest(server)


def test_an_edit_during_the_gates_is_kept_and_only_the_image_goes_back(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=SOON)
    text = server.compose_text()
    words = edit("swap", client, "$ a # by hand", rollback="safe")
    done = client.hotfix("broken/metrics-404", *words)
    assert_rolled_back(done, 21, "metrics")
    assert "was edited during the run" in done.stderr
    assert server.compose_text() == text + "# by hand\n"
    after = server.look()
    assert after.image == before.image
    assert after.file.split()[1:] == before.file.split()[1:]
    assert server.get("/metrics")[0] == 404
    assert client.status()["drift"] == []


def test_a_rollback_days_later_keeps_what_others_edited(
    server: Server, before: Before, client: Client
) -> None:
    """It puts the image into the file of now; an old copy would undo others' work."""
    text = server.compose_text()
    assert client.hotfix(HOTFIX).code == 0
    server.edit_compose("$ a # by hand")
    assert client.rollback().code == 0
    assert server.compose_text() == text + "# by hand\n"
    assert_as_before_but_for_the_file(server, before)


def assert_as_before_but_for_the_file(server: Server, before: Before) -> None:
    after = server.look()
    assert (after.image, after.database, after.orders) == (
        before.image, before.database, before.orders,
    )  # fmt: skip


def test_two_clients_roll_back_the_same_release_once(
    server: Server, before: Before, client: Client
) -> None:
    assert client.hotfix(HOTFIX).code == 0
    first = client.start("rollback", "--yes")
    first.until("stageStarted", stage="backup")
    second = client.rollback()
    assert second.code in {23, 75}, second.explained
    assert first.end().code == 0
    assert_as_before(server, before, client, release="r0")
