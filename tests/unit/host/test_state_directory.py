"""The state directory as a survey meets it, in every shell; a script stands for Docker.

What lies there is run as the operator, some of it after the next restart: it matters who may write.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployctl.engines.compose.refusals import refusal
from deployctl.errors import ExitCode
from deployctl.host import programs
from deployctl.host.wire import RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
DOCKER = """#!/bin/sh
case "$*" in
info*) printf '{"root":"/","plugins":[{"Name":"compose"}]}' ;;
"ps -a --no-trunc"*)
    [ -z "$LABELLED" ] || printf 'c1\\t%s\\tapi\\tFalse\\t/\\t/x\\t\\n' "$LABELLED"
    ;;
esac
"""
NOBODY = 65534
Survey = Callable[..., dict[str, str]]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that another user can reach too."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(params=SHELLS)
def survey(request: pytest.FixtureRequest, place: Path, monkeypatch: pytest.MonkeyPatch) -> Survey:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    docker = place / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    project = place / "project"
    project.mkdir()
    (project / "compose.yml").write_text("services:\n  api: {image: 'api:1'}\n")
    monkeypatch.setenv("LABELLED", "")

    def survey(*before: str, **params: str) -> dict[str, str]:
        """Its records; `before` are words that run the shell, as another user or with a umask."""
        script = programs.script(
            "survey",
            {
                "DOCKER_WORDS": str(docker), "PROJECT": "demo", "SERVICES": "api", "DIRECTORY": "",
                "FILES": f"{project}/compose.yml", "STATE_DIR": f"{place}/state",
                "STATE_GROUP": "", "PUBLIC": "", "MARK_KEYS": "", "JOURNAL_BYTES": "0",
                "PROBE_WRITE": "keep", **params,
            },
        )  # fmt: skip
        command = [*before, *words, "-c", 'IFS= read -r b && eval "$b"']
        done = subprocess.run(
            command, input=script.data, capture_output=True, timeout=30, check=False, cwd="/"
        )
        reader = RecordReader(script.nonce)
        reader.feed(done.stdout)
        found = {record.name: record.text for record in iter(reader.next, None)}
        assert "end" in found, done.stderr
        return found

    return survey


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


FOLDERS = ("", "runs", "releases", "upload")


@pytest.mark.parametrize("umask", ["000", "077"])
def test_it_is_made_for_one_user_whatever_the_umask(
    survey: Survey, place: Path, umask: str
) -> None:
    found = survey("sh", "-c", f'umask {umask}; exec "$@"', "-")
    assert found["state-dir"] == f"{place}/state"
    assert {mode(place / "state" / name) for name in FOLDERS} == {0o700}


@pytest.mark.parametrize("umask", ["000", "077"])
def test_or_for_the_operators_group(survey: Survey, place: Path, umask: str) -> None:
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True)
    words = ("sh", "-c", f'umask {umask}; exec "$@"', "-")
    survey(*words, STATE_GROUP=group.stdout.strip())
    assert {mode(place / "state" / name) for name in FOLDERS} == {0o2770}


def test_what_was_made_is_used_again(survey: Survey) -> None:
    assert "fail" not in survey()
    assert "fail" not in survey()
    assert "fail" not in survey(PROBE_WRITE="no")


@pytest.mark.parametrize("probe", ["keep", "undo", "no"])
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("open_to", [0o777, 0o1777, 0o722])
def test_one_in_which_others_may_write_is_refused(
    survey: Survey, place: Path, folder: str, open_to: int, probe: str
) -> None:
    survey()
    (place / "state" / folder).chmod(open_to)
    found = survey(PROBE_WRITE=probe)
    assert (found["fail-kind"], Path(found["fail"])) == ("state-open", place / "state" / folder)
    told = refusal(found["fail-kind"], found["fail"], "deploy@vps")
    assert told.code is ExitCode.REFUSED
    assert "run commands as this user" in told.what


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can play two users")
class TestAnotherUsers:
    AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")

    def test_that_was_there_first_is_refused(self, survey: Survey, place: Path) -> None:
        """In /tmp anybody can make it before us."""
        (place / "project").chmod(0o777)
        (place / "state").mkdir(mode=0o755)
        os.chown(place / "state", 1, 1)
        found = survey(*self.AS_NOBODY)
        assert found["fail-kind"] == "state-open"

    def test_of_a_group_that_is_not_the_operators_is_refused(
        self, survey: Survey, place: Path
    ) -> None:
        (place / "state").mkdir()
        os.chown(place / "state", NOBODY, 1)
        (place / "state").chmod(0o770)
        assert survey(*self.AS_NOBODY)["fail-kind"] == "state-open"
        (place / "state").chmod(0o750)
        assert "fail-kind" not in survey(*self.AS_NOBODY)


class TestAtANameThatWeWillUse:
    """Somebody who knows our process's number has put something there."""

    def test_a_link_is_not_written_through(self, survey: Survey, place: Path) -> None:
        precious = place / "precious"
        precious.write_text("precious")
        plant = f'ln -s {precious} {place}/project/.deployctl-probe.$$; exec "$@"'
        assert survey("sh", "-c", plant, "-")["file-writable"] == "yes"
        assert precious.read_text() == "precious"

    def test_a_pipe_is_not_waited_for(self, survey: Survey, place: Path) -> None:
        small = place / "small"
        small.mkdir()
        plant = f'export TMPDIR={small}; mkfifo {small}/.deployctl.$$; exec "$@"'
        assert survey("sh", "-c", plant, "-")["tmp-unusable"] == str(small)


@pytest.mark.parametrize("label", ["../../tmp/x", "a/b", "-f", ".x", "a b", "a;b", "$(x)"])
def test_a_projects_name_from_a_label_leads_nowhere(
    survey: Survey, place: Path, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    monkeypatch.setenv("LABELLED", label)
    found = survey(PROJECT="")
    assert (found["fail-kind"], found["fail"]) == ("odd-project", label)
    assert sorted(path.name for path in place.iterdir()) == ["docker", "project"]


@pytest.mark.parametrize(("boot", "silent"), [("", "^[0-9]{1,2}$"), ("another boot's", "^-1$")])
def test_after_a_restart_what_was_heard_is_not_the_client(
    survey: Survey, place: Path, boot: str, silent: str
) -> None:
    """The job that goes on then writes the same file."""
    run = place / "state/runs/run-1"
    run.mkdir(parents=True)
    for folder in (run, run.parent, run.parent.parent):
        folder.chmod(0o700)
    now = int(float(Path("/proc/uptime").read_text().split()[0]))
    boot = boot or Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    for name, text in (
        ("state", "swapped"), ("about.json", "{}"), ("heard", f"{now}"),
        ("deadline", f"{now + 90} {boot}"), ("log", ""),
    ):  # fmt: skip
        (run / name).write_text(f"{text}\n")
    assert re.search(silent, survey()["unfinished-silent"])


DOWN = "Cannot connect to the Docker daemon at unix:///d.sock. Is the docker daemon running?"
DENIED = "permission denied while trying to connect to the Docker daemon socket"


@pytest.mark.parametrize(
    ("said", "kind", "next_step"),
    [
        (DOWN, "docker-down", "systemctl status docker"),
        ("dial tcp 10.0.0.1:2375: connect: connection refused", "docker-down", "systemctl"),
        (DENIED, "docker-denied", "docker group"),
    ],
)
def test_a_docker_that_is_not_there_is_told_from_one_that_may_not_be_asked(
    survey: Survey, place: Path, said: str, kind: str, next_step: str
) -> None:
    (place / "docker").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    found = survey()
    assert found["fail-kind"] == kind
    error = refusal(kind, found["fail"], "h")
    assert next_step in error.next_step
    assert said in error.what
    assert ("the services may be down" in error.production) == (kind == "docker-down")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("kept the image that ran before is gone", True),
        ("confirmed unproven", True),
        ("confirmed", False),
        ("rolled_back ended by ann", False),
    ],
)
def test_what_a_run_left_unproven_is_told(
    survey: Survey, place: Path, state: str, told: bool
) -> None:
    survey()
    run = place / "state/runs/run-7"
    run.mkdir()
    (run / "state").write_text(f"{state}\n")
    (run / "about.json").write_text('{"by": "ann", "release": "r6", "runId": "run-7"}')
    (run / "release.r5.json").write_text("what was found before it")
    (run / "release.r6.json").write_text("what it was to make live")
    found = survey(PROBE_WRITE="no")
    assert found.get("left") == ("run-7" if told else None)
    assert found.get("left-release") == ("what it was to make live" if told else None)


def ended_run(place: Path, name: str, *log: str, state: str) -> None:
    """Its log as job.sh writes it: a moment of /proc/uptime, then what it says."""
    run = place / "state/runs" / name
    run.mkdir()
    (run / "log").write_text("".join(f"{line}\n" for line in log))
    (run / "state").write_text(f"{state}\n")


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def test_what_changed_the_live_release_last_is_told_and_how_long_ago(
    survey: Survey, place: Path
) -> None:
    survey()
    now = uptime()
    ended_run(
        place, "run-1",
        f"{now - 40:.2f}\tstate\trolling_back ended by ann",
        f"{now - 30:.2f}\tstate\trolled_back ended by ann", state="rolled_back ended by ann",
    )  # fmt: skip
    ended_run(place, "run-2", f"{now - 1:.2f}\tstate\treleased", state="released")
    run, ago = survey(PROBE_WRITE="no")["settled"].split()
    assert run == "run-1"
    assert 30 <= float(ago) < 30 + uptime() - now + 1


def test_what_another_boot_settled_is_long_ago(survey: Survey, place: Path) -> None:
    survey()
    ended_run(place, "run-1", "12.00\tstate\tconfirmed", state="confirmed")
    before = time.time() - uptime() - 60
    os.utime(place / "state/runs/run-1/state", (before, before))
    assert not survey(PROBE_WRITE="no").get("settled")
