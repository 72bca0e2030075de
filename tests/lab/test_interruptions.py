"""Ctrl-C, a CI's SIGTERM, a client that dies: production comes back in each case."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .client import Client, Running, eventually, eventually_nothing
from .expect import (
    assert_as_before,
    assert_at_rest,
    assert_refused,
    assert_rolled_back,
    assert_untouched,
)
from .server import STATE, Before, Server

HOTFIX = "d73cfb1"
LONG = {"min_healthy": "60s", "deadline": "100s"}
"""The gates hold for so long that whoever interrupts is never late."""

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_before_the_switch_nothing_was_touched(
    number: signal.Signals, server: Server, before: Before, client: Client
) -> None:
    sha = client.commit({"Dockerfile": client.file_at("Dockerfile") + "\nRUN sleep 120\n"})
    run = client.start_hotfix(sha)
    run.until("logLine", source="build")
    run.send(number)
    done = run.end()
    assert_refused(done, 130)
    assert done.document["result"] == "interrupted"
    assert_untouched(server, before)
    eventually_nothing(
        "the build on the host ends with its client",
        lambda: server.sh(
            "ps -eo pid,ppid,stat,etimes,args | grep -E '[b]uildx build|[s]leep 120' || true"
        ),
    )


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_after_the_switch_it_is_rolled_back_first(
    number: signal.Signals,
    server: Server,
    before: Before,
    make_client: Callable[..., Client],
) -> None:
    client = make_client(rollout=LONG)
    run = client.start_hotfix(HOTFIX)
    run.until("switched")
    run.until("gateAttempt", when="after")
    run.send(number)
    done = run.end()
    assert_rolled_back(done, 130)
    assert_as_before(server, before, client)


def test_insisting_does_not_break_the_rollback_off(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=LONG)
    run = client.start_hotfix(HOTFIX)
    run.until("gateAttempt", when="after")
    run.send(signal.SIGINT)
    run.until("rollbackStarted")
    run.send(signal.SIGINT)
    run.send(signal.SIGTERM)
    assert_rolled_back(run.end(), 130)
    assert_as_before(server, before, client)


class TestAClientThatIsKilled:
    """No signal handler, no goodbye: only the host's own job is left."""

    @pytest.fixture
    def killed(self, server: Server, make_client: Callable[..., Client]) -> Client:
        client = make_client(rollout=LONG)
        run = client.start_hotfix(HOTFIX)
        run.until("gateAttempt", when="after")
        run.send(signal.SIGKILL)
        run.process.wait(timeout=10)
        eventually("the new release serves", lambda: server.get("/metrics")[0] == 200)
        return client

    @pytest.fixture
    def before(self, server: Server) -> Before:
        return server.look()

    def test_the_host_rolls_back_by_itself_at_its_deadline(
        self, before: Before, server: Server, killed: Client
    ) -> None:
        bring_deadline_near(server)
        eventually("the host's job ends", lambda: not server.jobs(), 60)
        eventually("the container is healthy", lambda: server.get("/health")[0] == 200)
        assert_as_before(server, before, killed)
        [run] = killed.history()["runs"]
        assert run["result"] == "rolled-back"

    def test_a_hotfix_is_refused_and_a_rollback_puts_it_back_at_once(
        self, before: Before, server: Server, killed: Client, make_client: Callable[..., Client]
    ) -> None:
        assert killed.hotfix("next").code in {23, 75}, "its client may only be slow"
        eventually(
            "the client counts as gone",
            lambda: "lost its client" in killed.status()["sentence"],
        )
        [unfinished] = killed.status()["unfinished"]
        assert "swapped" in unfinished

        refused = killed.hotfix("next")
        assert refused.code == 23, refused.explained
        assert "neither confirmed nor rolled back" in refused.reason
        assert "deployctl rollback" in refused.document["nextStep"]
        run_id = unfinished.partition(":")[0]
        assert f"--run {run_id}" in refused.document["nextStep"]
        assert server.get("/metrics")[0] == 200, "still as the killed run left it"

        done = make_client().rollback("--run", run_id)
        assert done.code == 0, done.explained
        assert done.document["rollback"]["state"] == "proven"
        assert_as_before(server, before, killed)

        again = make_client().rollback("--run", run_id)
        assert (again.code, again.document["result"]) == (0, "unchanged"), again.explained
        assert "was put back already" in again.reason
        assert_as_before(server, before, killed)

    def test_a_rollback_works_even_if_the_hosts_job_died_as_well(
        self, before: Before, server: Server, killed: Client, make_client: Callable[..., Client]
    ) -> None:
        server.sh("pkill -KILL -f '/runs/[^ ]*/job[.]sh'")
        eventually(
            "the client counts as gone",
            lambda: "lost its client" in killed.status()["sentence"],
        )
        done = make_client().rollback()
        assert done.code == 0, done.explained
        assert_as_before(server, before, killed)


def bring_deadline_near(server: Server) -> None:
    """Three minutes are too long for a test: the deadline that the job reads comes in 2 s."""
    server.sh(
        f"for file in {STATE}/runs/*/deadline; do read -r at boot < $file;"
        ' echo "$(($(cut -d. -f1 /proc/uptime) + 2)) $boot" > $file; done'
    )


def test_a_client_that_dies_before_the_switch_leaves_nothing(
    server: Server, before: Before, client: Client
) -> None:
    sha = client.commit({"Dockerfile": client.file_at("Dockerfile") + "\nRUN sleep 120\n"})
    run = client.start_hotfix(sha)
    run.until("logLine", source="build")
    run.send(signal.SIGKILL)
    run.process.wait(timeout=10)
    eventually("the lock is given back", lambda: not server.jobs(), 40)
    assert_untouched(server, before)
    assert client.hotfix(HOTFIX).code == 0


def test_a_run_that_was_interrupted_leaves_no_scratch_files(
    server: Server, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    client = make_client(rollout=LONG)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    client.environment["TMPDIR"] = str(scratch)
    run = client.start_hotfix(HOTFIX)
    run.until("stageStarted", stage="build")
    run.send(signal.SIGINT)
    assert run.end().code == 130
    assert list(scratch.iterdir()) == []
    assert_at_rest(server)


class TestAClientThatWasStopped:
    """Its host took it for gone, and somebody else ended its run; then it comes back."""

    @pytest.fixture
    def stopped(self, make_client: Callable[..., Client]) -> Iterator[Running]:
        client = make_client(rollout={"min_healthy": "8s", "deadline": "12s"})
        run = client.start_hotfix(HOTFIX)
        run.until("gateAttempt", when="after")
        run.send(signal.SIGSTOP)
        eventually("it counts as gone", lambda: "lost its client" in client.status()["sentence"])
        yield run
        run.process.kill()

    def test_after_a_confirmation_it_never_says_that_its_gates_hold(
        self, server: Server, stopped: Running, make_client: Callable[..., Client]
    ) -> None:
        confirmed = make_client(rollout={"min_healthy": "1s"}).run("confirm", "--output", "json")
        assert confirmed.code == 0, confirmed.explained
        stopped.send(signal.SIGCONT)
        done = stopped.end()
        assert done.code == 22, done.explained
        assert "is live: it was confirmed by " in done.reason
        assert "not proven by this run" in done.reason
        assert "gate holds" not in done.explained
        assert done.document["rollback"]["state"] == "none"
        assert [each["same"] for each in done.document["untouched"]] == [True]
        assert not any('"rollbackStarted"' in line for line in stopped.lines)
        assert server.get("/metrics")[0] == 200

    def test_after_a_rollback_it_says_first_who_rolled_it_back(
        self,
        before: Before,  # of before the run
        server: Server,
        stopped: Running,
        make_client: Callable[..., Client],
    ) -> None:
        client = make_client()
        assert client.rollback().code == 0
        stopped.send(signal.SIGCONT)
        done = stopped.end()
        assert done.code == 24, done.explained
        assert "rolled it back with `deployctl rollback`" in done.reason.split(". ")[0]
        assert done.document["nextStep"].startswith("Ask ")
        assert_as_before(server, before, client)
