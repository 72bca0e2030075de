"""Runs without a client: what the host does by itself, and what other commands make of them."""

import signal
from collections.abc import Callable

import pytest

from .client import Client, Running, eventually
from .expect import assert_as_before, assert_at_rest, assert_refused
from .server import API, DATABASE, STATE, Before, Server

HOTFIX = "d73cfb1"
LONG = {"min_healthy": "60s", "deadline": "100s"}
"""The gates hold for so long that whoever breaks in is never late."""


@pytest.fixture
def before(server: Server) -> Before:
    return server.look()


def left(client: Client, event: str = "gateAttempt", **values: object) -> str:
    """Kills a hotfix at that event; returns its run's ID."""
    run = client.start_hotfix(HOTFIX)
    started = run.until("runStarted")
    run.until(event, **values)
    kill(run)
    return str(started["runId"])


def kill(run: Running) -> None:
    run.send(signal.SIGKILL)
    run.process.wait(timeout=10)


@pytest.fixture
def swapped(before: Before, server: Server, make_client: Callable[..., Client]) -> str:
    """A hotfix whose client was killed while its gates looked."""
    client = make_client(rollout=LONG)
    run_id = left(client, when="after")
    eventually(
        "the client counts as gone", lambda: "lost its client" in client.status()["sentence"]
    )
    return run_id


class TestARestartOfTheHost:
    def test_what_it_cut_off_is_put_back_by_the_host_alone(
        self, server: Server, before: Before, make_client: Callable[..., Client]
    ) -> None:
        client = make_client(rollout=LONG)
        left(client, when="after")
        server.host.kill()
        server.host.start()
        eventually("the host puts it back", lambda: _state(server) == "rolled_back", 60)
        eventually("the old release serves", lambda: server.get("/health")[0] == 200)
        after = server.look()
        assert (after.file, after.image, after.names) == (before.file, before.image, before.names)
        assert after.orders == before.orders
        assert _id(after.database) == _id(before.database), "Postgres kept its container"
        assert_at_rest(server)
        assert make_client().hotfix(HOTFIX).code == 0

    def test_one_without_cron_is_told_in_plan_and_doctor(
        self, server: Server, client: Client
    ) -> None:
        server.sh("service cron stop")
        try:
            plan = client.run("plan", "--sha", HOTFIX, "--output", "json")
            doctor = client.run("doctor", "--output", "json")
        finally:
            server.sh("service cron start")
        assert "restart" in plan.stderr
        assert "not after a restart of the host" in plan.stderr, plan.stderr
        told = [check["detail"] for check in doctor.document["checks"]]
        assert any("until the next deployctl command" in detail for detail in told)

    def test_nobodys_crontab_is_lost(self, server: Server, client: Client) -> None:
        server.sh("echo '5 4 * * * /usr/local/bin/backup' | crontab -", user="deploy")
        assert client.hotfix(HOTFIX).code == 0
        assert client.rollback().code == 0
        lines = server.sh("crontab -l", user="deploy").splitlines()
        assert lines[0] == "5 4 * * * /usr/local/bin/backup"
        assert [line for line in lines if "boot.sh" in line] == [
            f"@reboot sh {STATE}/boot.sh {STATE}"
        ]


class TestTheHostsJobIsKilled:
    def test_while_the_gates_look_it_is_taken_over_and_rolls_back(
        self, server: Server, before: Before, make_client: Callable[..., Client]
    ) -> None:
        client = make_client(rollout=LONG)
        run = client.start_hotfix(HOTFIX)
        run.until("gateAttempt", when="after")
        _kill_job(server)
        eventually("the host puts it back", lambda: _state(server) == "rolled_back", 60)
        run.send(signal.SIGINT)
        done = run.end()
        assert done.document["rollback"]["state"] == "proven", done.explained
        assert_as_before(server, before, client)

    def test_in_the_middle_of_the_switch_production_comes_back(
        self, server: Server, before: Before, client: Client
    ) -> None:
        run = client.start_hotfix(HOTFIX)
        run.until("logLine", source="host", text="step start-service api")
        _kill_job(server)
        done = run.end()
        assert done.code == 24, done.explained
        assert done.document["rollback"]["state"] == "proven", done.explained
        assert_as_before(server, before, client)


class TestOtherCommandsOnAnArmedRun:
    def test_a_hotfix_names_the_three_choices(
        self, swapped: str, server: Server, make_client: Callable[..., Client]
    ) -> None:
        client = make_client()
        refused = client.hotfix("next")
        assert refused.code == 23, refused.explained
        step = refused.document["nextStep"]
        assert f"--run {swapped}" in step
        assert f"{swapped} keeps its release" in step
        assert "deployctl attach" in step
        locked = client.run("unlock", "--yes", "--output", "json")
        assert locked.code == 23, locked.explained
        assert "puts run" in locked.reason
        assert server.jobs(), "what would put production back was not touched"

    def test_confirm_asks_the_gates_and_keeps_the_release(
        self, swapped: str, server: Server, make_client: Callable[..., Client]
    ) -> None:
        client = make_client()
        foreign = client.run("confirm", "20200101T000000Z-hotfix-abcdef", "--output", "json")
        assert foreign.code == 23
        assert "no run" in foreign.reason
        done = client.run("confirm", swapped, "--output", "json")
        assert done.code == 0, done.explained
        assert done.document["command"] == "confirm"
        assert {gate["state"] for gate in done.document["gates"]} == {"pass"}
        assert done.document["seal"] is not None
        assert server.get("/metrics")[0] == 200
        assert_at_rest(server)
        assert client.status()["release"] == "r1"
        again = client.run("confirm", swapped, "--output", "json")
        assert again.code == 23
        assert "it was confirmed" in again.reason
        attached = client.run("attach", swapped, "--output", "json")
        assert attached.code == 0
        assert "its release is live" in attached.document["sentence"]

    def test_confirm_does_not_keep_what_fails_its_gates(
        self, swapped: str, server: Server, before: Before, make_client: Callable[..., Client]
    ) -> None:
        client = make_client(rollout={"min_healthy": "1s", "deadline": "5s"})
        server.sh(f"docker pause {API}")
        done = client.run("confirm", swapped, "--output", "json")
        assert done.code == 23, done.explained
        assert "was not confirmed" in done.reason
        assert "puts it back by itself" in done.document["production"]
        server.sh(f"docker unpause {API}")
        attached = client.start("attach", swapped)
        _bring_deadline_near(server)
        ended = attached.process.wait(timeout=90)
        assert ended == 21
        late = client.run("confirm", swapped, "--output", "json")
        assert late.code == 23
        assert "it was put back" in late.reason
        assert_as_before(server, before, client)


class TestUnlock:
    def test_a_lock_that_nobody_holds_is_no_lock(self, client: Client) -> None:
        done = client.run("unlock", "--yes", "--output", "json")
        assert done.code == 0, done.explained
        assert done.document["result"] == "unchanged"

    def test_it_shows_whose_lock_it_breaks_and_asks(
        self, server: Server, before: Before, client: Client
    ) -> None:
        assert client.run("plan", "--sha", HOTFIX).code == 0
        server.sh(f"mkdir -p {STATE}; touch {STATE}/lock", user="deploy")
        server.sh(f"setsid flock {STATE}/lock sleep 300 >/dev/null 2>&1 &", user="deploy")
        eventually("somebody holds the lock", lambda: not server.lock_is_free())
        refused = client.hotfix(HOTFIX)
        assert refused.code == 75, refused.explained
        asked = client.run("unlock", "--output", "json")
        assert asked.code == 77, asked.explained
        assert "sleep 300" in asked.stderr
        assert not server.lock_is_free()
        done = client.run("unlock", "--yes", "--output", "json")
        assert done.code == 0, done.explained
        assert done.document["result"] == "unlocked"
        assert server.lock_is_free()
        assert server.look() == before
        assert client.hotfix(HOTFIX).code == 0


class TestTheEngineIsRestarted:
    def test_what_ran_beside_is_started_again_and_not_made_anew(
        self, server: Server, before: Before, make_client: Callable[..., Client]
    ) -> None:
        client = make_client(rollout=LONG)
        server.sh(f"docker update --restart no {API} {DATABASE}")
        run = client.start_hotfix(HOTFIX)
        run.until("gateAttempt", when="after")
        server.sh("service docker restart")
        eventually("Docker answers", lambda: _docker(server), 60)
        run.send(signal.SIGINT)
        done = run.end()
        assert done.code == 130, done.explained
        assert done.document["rollback"]["state"] == "proven", done.explained
        after = server.look()
        assert _id(after.database) == _id(before.database)
        assert after.orders == before.orders
        assert [each["same"] for each in done.document["untouched"]] == [True]
        assert [each["restarted"] for each in done.document["untouched"]] == [True]
        assert done.reason.startswith("Docker was restarted on the host during the run.")
        assert "NEW_SHA" not in done.document["nextStep"]
        assert server.get("/health")[0] == 200


def test_before_it_was_armed_what_a_restart_of_docker_stopped_is_started_again(
    server: Server, before: Before, client: Client
) -> None:
    """The report's file has no `restart:`; nothing was changed by us, and nothing stays down."""
    sha = client.commit({"Dockerfile": client.file_at("Dockerfile") + "\nRUN sleep 20\n"})
    run = client.start_hotfix(sha)
    run.until("logLine", source="build")
    server.sh("service docker restart")
    done = run.end()
    assert done.code == 20, done.explained
    eventually("the first release serves", lambda: server.get("/health")[0] == 200)
    after = server.look()
    assert _id(after.container) == _id(before.container)
    assert _id(after.database) == _id(before.database)
    assert_at_rest(server)


def _state(server: Server) -> str:
    return server.sh(f"cat {STATE}/runs/*/state 2>/dev/null | cut -d' ' -f1 | tail -n 1").strip()


def _docker(server: Server) -> bool:
    return server.host.exec(["docker", "version"]).returncode == 0


def _id(container: str) -> str:
    return container.split(maxsplit=1)[0]


def _kill_job(server: Server) -> None:
    """The process alone, as a host short of memory would; not whoever watches over it."""
    server.sh(f"kill -KILL $(cat {STATE}/runs/*/pid)")


def _bring_deadline_near(server: Server) -> None:
    server.sh(
        f"for file in {STATE}/runs/*/deadline; do read -r at boot < $file;"
        ' echo "$(($(cut -d. -f1 /proc/uptime) + 2)) $boot" > $file; done'
    )


def test_a_refusal_before_arming_leaves_no_unfinished_run(
    server: Server, before: Before, client: Client
) -> None:
    done = client.hotfix("0000000")
    assert_refused(done, 23)
    assert client.run("attach", "--output", "json").code == 23


def test_a_ci_job_that_is_cancelled_and_then_killed_leaves_no_lock_and_no_new_release(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=LONG)
    run = client.start_hotfix(HOTFIX)
    run.until("gateAttempt", when="after")
    run.send(signal.SIGTERM)
    run.until("logLine", source="host", text="step state-rolling_back")
    kill(run)
    eventually("the host puts it back", lambda: _state(server) == "rolled_back", 60)
    eventually("it is healthy", lambda: server.get("/health")[0] == 200)
    assert_as_before(server, before, client)
