"""Two runs on one host: the lock, the word that a client is still there, and who may be armed.

A script stands for Docker, of which these ask nothing: see job_host.
"""

import fcntl
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployctl.host import programs
from deployctl.host.wire import Answer, RecordReader

from .job_host import RUN_ID, SHELLS, JobHost


@pytest.fixture(params=SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> JobHost:
    if shutil.which(SHELLS[request.param][0]) is None:
        pytest.skip(f"{request.param} is not installed")
    return JobHost.made(tmp_path, request.param)


def until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def order(host: JobHost, text: str) -> None:
    with (host.run / "control").open("r+b", buffering=0) as control:
        control.write(f"{text}\n".encode())


@pytest.mark.usefixtures("lock")
class TestAJobThatWaitsForTheLock:
    @pytest.fixture
    def lock(self, host: JobHost) -> Iterator[Callable[[], None]]:
        """Held by another run; gives it back."""
        with (host.state_dir / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield lock.close

    @pytest.fixture
    def job(self, host: JobHost) -> Iterator["subprocess.Popen[bytes]"]:
        job = host.starts()
        until(lambda: host.said("waiting"))
        yield job
        job.kill()
        job.wait()

    def test_ends_and_has_done_nothing_when_its_client_has_gone(
        self, host: JobHost, job: "subprocess.Popen[bytes]"
    ) -> None:
        (host.run / "heard").write_text("0\n")
        assert job.wait(20) == 0
        assert host.state == "released the client went away"
        assert host.said("end") == [""]
        assert host.said("locked-by-us") == []
        assert not (host.run / "open").exists()
        assert host.asked == []

    def test_waits_on_while_its_client_is_there(
        self, host: JobHost, job: "subprocess.Popen[bytes]", lock: Callable[[], None]
    ) -> None:
        lock()
        until(lambda: host.said("locked-by-us"))
        order(host, "release")
        assert job.wait(20) == 0
        assert host.state == "released asked to"


class TestArming:
    def arm(self, host: JobHost, other: str) -> str:
        """The run's state after it, where another run is in that one."""
        another = host.state_dir / "runs" / "run-0"
        another.mkdir()
        (another / "state").write_text(f"{other} a reason\n")
        host.is_at("prepared")
        host.does("asked=$(uptime_s); obey arm arm")
        return host.state

    @pytest.mark.parametrize("other", ["armed", "swapped", "rolling_back", "rollback_failed"])
    def test_is_refused_while_another_run_is_not_at_its_end(
        self, host: JobHost, other: str
    ) -> None:
        assert self.arm(host, other) == "prepared"
        assert host.said("refused") == ["changed: the run run-0 is not at its end"]
        assert host.said("not-done") == ["arm"]

    @pytest.mark.parametrize("other", ["confirmed", "rolled_back", "kept", "released", "prepared"])
    def test_is_not_by_one_that_is(self, host: JobHost, other: str) -> None:
        assert self.arm(host, other) == "armed"
        assert host.said("done") == ["arm"]


class TestUnlock:
    """A holder that gives nothing back is ended, and what it had begun is not left open."""

    @pytest.fixture(autouse=True)
    def begun(self, host: JobHost, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in host.environment.items():
            monkeypatch.setenv(name, value)
        host.tool("sleep", "exec /bin/sleep 0.02")
        host.install()
        host.is_at("prepared")
        (host.run / "open").touch()
        (host.state_dir / "lock.json").write_text(f'{{"runId": "{RUN_ID}"}}\n')
        host.does('mkfifo "$RUN/control"')

    @contextmanager
    def held(self, host: JobHost) -> Iterator["subprocess.Popen[bytes]"]:
        text = f"exec 9>>{host.state_dir}/lock; flock -n 9; echo held; exec /bin/sleep 60"
        with subprocess.Popen(["sh", "-c", text], stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            yield holder
            holder.kill()

    def unlock(self, host: JobHost) -> Answer:
        params = {"STATE_DIR": str(host.state_dir), "RUN": str(host.run)}
        script = programs.script("unlock", params)
        words = [*host.words, "-c", 'IFS= read -r b && eval "$b"']
        ran = subprocess.run(words, input=script.data, capture_output=True, timeout=30, check=False)
        reader = RecordReader(script.nonce)
        reader.feed(ran.stdout)
        return Answer(list(iter(reader.next, None)))

    def test_brings_the_run_to_its_end(self, host: JobHost) -> None:
        with self.held(host) as holder:
            assert self.unlock(host).text("freed") == "ended"
            assert holder.wait(10) != 0
        assert host.state == "released unlocked"
        assert not (host.run / "open").exists(), "a restart of the host would find it"
        assert not (host.state_dir / "lock.json").exists()
        assert f'"runId": "{RUN_ID}"' in (host.state_dir / "history.jsonl").read_text()

    @pytest.mark.parametrize("state", ["armed", "swapped", "rolling_back"])
    def test_ends_none_that_only_a_rollback_may_end(self, host: JobHost, state: str) -> None:
        host.is_at(state)
        with self.held(host) as holder:
            assert self.unlock(host).text("fail-kind") == "armed"
            assert holder.poll() is None
        assert host.state == state
