"""The link dies, with a word or without one, in every stage: the run goes on, or ends untouched."""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployctl.lab.service import Lab

from .client import Client, Running, eventually, eventually_nothing
from .expect import assert_at_rest, assert_refused, assert_status, assert_untouched
from .server import STATE, Before, Server

_RULES = ("INPUT -p tcp --dport 22 -j DROP", "OUTPUT -p tcp --sport 22 -j DROP")
_SESSIONS = "^sshd-session: deploy|^sshd: deploy"
SLOW_INFO = """#!/bin/sh
[ "$1" != info ] || sleep 3
exec /usr/bin/docker "$@"
"""
BALLAST_BYTES = 16 * 1024 * 1024
GATES = {"min_healthy": "3s", "deadline": "60s"}


def hang_up(server: Server) -> None:
    """Whatever sshd has of deployctl is gone at once."""
    server.sh(f"timeout 30 sh -c \"until pkill -KILL -f '{_SESSIONS}'; do sleep 0.1; done\"")


@contextmanager
def silence(server: Server) -> Iterator[None]:
    """Nothing comes through, either way, and nobody says so."""
    server.sh(";".join(f"iptables -I {rule}" for rule in _RULES))
    try:
        yield
    finally:
        server.sh(";".join(f"iptables -D {rule}" for rule in _RULES))


def until_noted(run: Running, words: str) -> dict[str, Any]:
    for event in run.events():
        if event["type"] == "note" and words in event["text"]:
            return event
    raise AssertionError(f"nobody said {words!r}: {''.join(run.lines[-30:])}")


def until_building(run: Running) -> None:
    for event in run.events():
        if event["type"] == "logLine" and "RUN sleep" in event["text"]:
            return
    raise AssertionError("nothing was built")


def dockerfile(client: Client, seconds: int) -> dict[str, str]:
    return {"Dockerfile": f"{client.file_at('Dockerfile')}\nRUN sleep {seconds}\n"}


def test_a_link_that_breaks_off_in_stage_after_stage(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client(rollout=GATES)
    ballast = base64.b64encode(os.urandom(BALLAST_BYTES)).decode()
    sha = client.commit({**dockerfile(client, 5), "ballast": ballast})
    server.sh(
        f"cat >/usr/local/bin/docker <<'END'\n{SLOW_INFO}END\nchmod 755 /usr/local/bin/docker"
    )
    try:
        run = client.start_hotfix(sha)
        eventually("it looks", lambda: server.sh("pgrep -f '[d]ocker info' || true"), 60)
        hang_up(server)
        run.until("stageStarted", stage="capture")
    finally:
        server.sh("rm /usr/local/bin/docker")
    hang_up(server)
    archive = run.until("planReady")["plan"]["facts"]["archiveBytes"]
    for event in run.events():
        if event["type"] == "progress" and event["doneBytes"] > archive * 0.7:
            break
    hang_up(server)
    until_building(run)
    hang_up(server)
    run.until("gateAttempt", when="after")
    hang_up(server)
    done = run.end()
    assert done.code == 0, done.explained
    stages = {stage["name"]: stage["state"] for stage in done.document["stages"]}
    assert set(stages.values()) == {"passed"}, stages
    assert archive <= done.document["shippedBytes"] < archive * 1.6, "it went on where it was"
    for stage in ("preflight", "ship", "build"):
        assert f"{stage}: The connection to" in "".join(run.lines), stage
    assert_status(server, client, "r1")
    assert_at_rest(server)
    assert server.sh(f"ls {STATE}/upload") == ""


def test_a_link_that_falls_silent_while_it_builds_and_while_the_gates_look(
    server: Server, make_client: Callable[..., Client]
) -> None:
    """For so long that the host gives the lock back, and the build with it."""
    client = make_client(rollout={**GATES, "min_healthy": "8s"})
    run = client.start_hotfix(client.commit(dockerfile(client, 12)))
    until_building(run)
    with silence(server):
        eventually("the host gives its lock back", lambda: not server.jobs(), 40)
        until_noted(run, "build: The connection to")
    until_noted(run, "is back")
    until_noted(run, "has given the lock back")
    run.until("gateAttempt", when="after", state="pass")
    with silence(server):
        until_noted(run, "gate: The connection to")
        seen = len(run.lines)
    done = run.end()
    assert done.code == 0, done.explained
    # What failed to come through is no failure of the service, and no outage of it.
    since = [line for line in run.lines[seen:] if '"gateAttempt"' in line]
    assert not any('"state": "fail"' in line for line in since), since
    assert done.document["availability"]["downtimeMs"] < 8000
    assert_status(server, client, "r1")
    assert_at_rest(server)


class Impatient(Client):
    def argv(self, *words: str) -> list[str]:
        python, _, _, *rest = super().argv(*words)
        return [python, "-m", "tests.lab.impatient", *rest]


def test_a_link_that_never_comes_back_while_it_builds(
    lab: Lab, server: Server, before: Before, tmp_path: Path
) -> None:
    client = Impatient(lab.record, server.host.record, tmp_path)
    client.environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    sha = client.commit(dockerfile(client, 120))
    run = client.start_hotfix(sha)
    until_building(run)
    with silence(server):
        done = run.end()
    assert_refused(done, 69, "could not be had again")
    assert "by itself" in done.document["nextStep"]
    eventually("the lock is given back", lambda: not server.jobs(), 40)
    eventually_nothing(
        "the build on the host ends with its run",
        lambda: server.sh("ps -eo pid,args | grep -E '[b]uildx build|[s]leep 120' || true"),
    )
    eventually_nothing("what was unpacked goes", lambda: server.sh(f"ls -d {STATE}/upload/*/ || :"))
    assert_untouched(server, before)
