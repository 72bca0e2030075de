"""The line to the host's job over connections that break: nothing is lost, nothing comes twice."""

import os
import queue
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployctl.engines.compose import job_line
from deployctl.engines.compose.job_line import JobEvent, JobLine
from deployctl.engines.compose.survey import CLIENT_GONE_AFTER
from deployctl.host import programs, transport
from deployctl.host.link import Link

from .conftest import Sshd, StartSshd

JOB = """
exec 3<>"$1/control"
while IFS= read -r order <&3; do
    printf '1.5\\tdone\\t%s\\n' "$order" >>"$1/log"
    [ "$order" != end ] || break
done
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run's directory with a job that says of every order that it was done."""
    run = tmp_path / "run"
    run.mkdir()
    os.mkfifo(run / "control")
    (run / "log").touch()
    (run / "job.sh").write_text(JOB)
    with subprocess.Popen(["sh", run / "job.sh", run]) as job:
        (run / "pid").write_text(f"{job.pid}\n")
        yield run
        job.kill()


@pytest.fixture
def sshd(start_sshd: StartSshd) -> Sshd:
    return start_sshd()


@pytest.fixture
def link(sshd: Sshd) -> Iterator[Link]:
    link = Link(sshd.address)
    yield link
    link.close()


@pytest.fixture
def line(link: Link, run: Path) -> Iterator[JobLine]:
    line = JobLine(link, str(run))
    line.attach()
    yield line
    line.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "KEEPALIVE_SECONDS", 0.2)
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.6)
    monkeypatch.setattr(transport, "TICK_SECONDS", 0.1)


def until_done(line: JobLine, order: str) -> list[JobEvent]:
    """The events up to the one that says so."""
    seen = []
    while event := line.next(10):
        seen.append(event)
        if event.kind == "done" and event.fields == (order,):
            return seen
    raise AssertionError(f"not done: {order}; seen: {seen}")


def done(run: Path) -> list[str]:
    lines = (run / "log").read_text().splitlines()
    return [line.split("\t")[2] for line in lines if line.split("\t")[1] == "done"]


def test_an_order_stands_in_the_log_before_it_is_carried_out(line: JobLine, run: Path) -> None:
    line.order("swap")
    until_done(line, "swap")
    assert [each.split("\t")[1:] for each in (run / "log").read_text().splitlines()] == [
        ["ordered", "swap"],
        ["done", "swap"],
    ]


def test_after_a_cut_it_goes_on_where_it_was(line: JobLine, run: Path, sshd: Sshd) -> None:
    line.order("backup")
    until_done(line, "backup")
    sshd.kill_sessions()
    line.order("swap")
    assert [event.kind for event in until_done(line, "swap")] == ["ordered", "done"]
    assert done(run) == ["backup", "swap"]


@pytest.mark.usefixtures("impatient")
def test_an_order_that_a_silent_line_swallowed_is_given_again(
    run: Path, sshd: Sshd, link: Link, line: JobLine
) -> None:
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGSTOP)
    line.order("swap")
    assert done(run) == []
    until_done(line, "swap")
    sshd.kill_sessions(signal.SIGCONT)  # and now the lost line's own end comes to life
    line.order("confirm")
    until_done(line, "confirm")
    assert done(run) == ["swap", "confirm"]


def test_one_that_arrived_is_not(line: JobLine, run: Path) -> None:
    line.order("swap")
    until_done(line, "swap")
    line.attach()
    line.order("confirm")
    until_done(line, "confirm")
    assert done(run) == ["swap", "confirm"]


def test_whether_the_job_lives_is_asked_of_the_host(line: JobLine, run: Path, sshd: Sshd) -> None:
    sshd.kill_sessions()
    line.attach()
    assert line.lives()
    line.order("end")
    until_done(line, "end")
    (run / "state").write_text("released the client went away\n")
    line.attach()
    assert not line.lives()
    assert line.state == "released the client went away"


def test_a_clock_of_its_own_stands_still_while_there_is_no_line(
    line: JobLine, monkeypatch: pytest.MonkeyPatch, sshd: Sshd, link: Link
) -> None:
    """The time that a lost link takes is not the job's."""
    restore = link.restore

    def slowly(within: float) -> None:
        time.sleep(0.5)
        restore(within)

    monkeypatch.setattr(link, "restore", slowly)
    before = line.now()
    sshd.kill_sessions()
    line.order("swap")
    assert line.now() - before < 0.5


def test_once_armed_a_loss_is_told_and_mended_though_nobody_asks_for_the_line(
    run: Path, sshd: Sshd, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gates look by other ways: the next heartbeat would be the first to notice."""
    monkeypatch.setattr(job_line, "HEARTBEAT", 3600.0)
    told: queue.Queue[str] = queue.Queue()
    link.tell = told.put
    line = JobLine(link, str(run))
    params = {"RUN": str(run), "SKIP": "0", "ORDER": ""}
    line.begin(link.host.open("attach", params), lambda: "gate")
    line.stay(60)
    sshd.kill_sessions()
    assert "was lost" in told.get(timeout=10)
    assert "is back" in told.get(timeout=10)
    line.close()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_client_that_nobody_said_goodbye_to_does_not_keep_it_after_the_job(
    shell: str, run: Path
) -> None:
    """A dead link has no end: its programs would stay for hours."""
    script = programs.script("attach", {"RUN": str(run), "SKIP": "0", "ORDER": ""})
    words = [shell, "-c", 'IFS= read -r b && eval "$b"']
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as follower:
        assert follower.stdin is not None
        follower.stdin.write(script.data + b"end\n")
        follower.stdin.flush()
        follower.wait(timeout=15)
        follower.stdin.close()


def test_after_silence_others_may_have_taken_the_client_for_gone(
    line: JobLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not line.away
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + CLIENT_GONE_AFTER)
    assert line.away
