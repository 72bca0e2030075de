"""The program that unpacks and builds, in every shell and tar that may be there, but for Docker.

A script stands for Docker: it copies what it is given to build from.
"""

import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deployctl.host import programs
from deployctl.host.wire import Record, RecordReader
from deployctl.source.archive import Archive, HashedFile
from deployctl.source.places import OUTSIDE
from deployctl.source.tree import Entry

USERLANDS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
DOCKER = """#!/bin/sh
case $1 in
image) echo sha256:built ;;
*)
    echo "$*" >"$SEEN/words"
    while [ $# -gt 1 ]; do
        case $1 in
        -f) cp "$2" "$SEEN/dockerfile"; cp "$2.dockerignore" "$SEEN/dockerignore" 2>/dev/null ;;
        --secret) name=${2%%,*}; cp "${2#*src=}" "$SEEN/${name#id=}" ;;
        esac
        shift
    done
    cp -a "$1" "$SEEN/context"
    echo building
    [ ! -e "$SEEN/wait" ] || {
        echo "$$" >"$SEEN/pid"
        while [ -e "$SEEN/wait" ]; do sleep 0.05; done
        echo 'end 0'
        echo
        echo built
    }
    ;;
esac
"""


@pytest.fixture(params=USERLANDS)
def words(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The shell's words; BusyBox brings its own tar and other tools."""
    found = USERLANDS[request.param]
    if shutil.which(found[0]) is None:
        pytest.skip(f"{found[0]} is not installed")
    if request.param == "busybox":
        tools = tmp_path / "tools"
        tools.mkdir()
        for tool in (
            "tar",
            "gzip",
            "gunzip",
            "sha256sum",
            "cp",
            "rm",
            "mv",
            "mkdir",
            "chmod",
            "dd",
            "mkfifo",
        ):
            (tools / tool).symlink_to(str(shutil.which("busybox")))
        monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return [*found, "-c", 'IFS= read -r b && eval "$b"']


class Host:
    """This machine as a host with a run's job, and a script in the place of Docker."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.words = words
        self.seen = folder / "seen"
        self.upload = folder / "state" / "upload"
        self.work = self.upload / "run-1"
        self._run = folder / "state" / "runs" / "run-1"
        for each in (self.seen, self.upload, self._run):
            each.mkdir(parents=True)
        self._docker = folder / "docker"
        self._docker.write_text(DOCKER)
        self._docker.chmod(0o755)
        (self._run / "job.sh").write_text("while :; do sleep 0.1; done")
        self.job = subprocess.Popen(["sh", self._run / "job.sh"])
        (self._run / "pid").write_text(f"{self.job.pid}\n")

    def end_job(self) -> None:
        self.job.kill()
        self.job.wait()

    def __call__(self, files: dict[bytes, bytes], **params: str) -> list[Record]:
        """Packs files (path -> content), and builds them."""
        with self.start(files, **params) as client:
            return client.to_the_end()

    def start(self, files: dict[bytes, bytes], **params: str) -> "Client":
        archive = self.upload / "source.tar.gz"
        data = _archive(files)
        archive.write_bytes(data)
        self._params = {
            "RUN": str(self._run), "TIMEOUT": "60", "READ": "0", "DOCKER": str(self._docker),
            "ARCHIVE": str(archive), "WORK": str(self.work), "IMAGE": "api:1",
            "SHA256": hashlib.sha256(data).hexdigest(), "DOCKERFILE": "Dockerfile", "OUTSIDE": "",
            "STAGE": "", "PLATFORM": "", "LABELS": "", "ARGS": "", "SECRETS": "", "BUILDX": "0",
            "ROOT": str(self.seen), "STATE_GROUP": "", **params,
        }  # fmt: skip
        return Client(self.words, self._params)

    def again(self, read: int) -> "Client":
        """Another client of the same build, which has read so many bytes of what it said."""
        return Client(self.words, {**self._params, "READ": str(read)})


class Client:
    def __init__(self, words: list[str], params: dict[str, str]) -> None:
        script = programs.script("build", params)
        self._reader = RecordReader(script.nonce)
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        self._stdin = self.process.stdin
        self.say(script.data)

    def say(self, data: bytes) -> None:
        self._stdin.write(data)
        self._stdin.flush()

    def next(self) -> Record:
        assert self.process.stdout is not None
        while (record := self._reader.next()) is None:
            data = os.read(self.process.stdout.fileno(), 4096)
            assert data, "it ended without `end`"
            self._reader.feed(data)
        return record

    def to_the_end(self) -> list[Record]:
        """What it says from here on; then it is told that this was read."""
        records = [*iter(self.next, Record("end", b""))]
        with suppress(BrokenPipeError):  # of one that failed to start, nobody is left
            self.say(b"read\n")
        return records

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        """The line breaks: all that the host is told of it."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def build(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    host = Host(words, tmp_path)
    yield host
    host.end_job()
    until_gone(host.work)


def until_gone(path: Path) -> None:
    until = time.monotonic() + 15
    while path.exists():
        assert time.monotonic() < until, f"{path} stays"
        time.sleep(0.05)


def _archive(files: dict[bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    archive = Archive(HashedFile(buffer))
    for path, content in sorted(files.items()):
        mode = "100755" if path.endswith(b".sh") else "100644"
        archive.add(Entry(path, mode, "0" * 40, len(content), 0), io.BytesIO(content))
    archive.close()
    return buffer.getvalue()


def told(records: list[Record]) -> dict[str, bytes]:
    return {record.name: record.data for record in records}


def test_the_context_is_the_tree(build: Host, tmp_path: Path) -> None:
    files = {
        b"Dockerfile": b"FROM scratch\n", b".dockerignore": b"*.md\n", b"bin/run.sh": b"#!\n",
        b"new\nline": b"1", b"latin-\xe9": b"2", b"-rf": b"3", b"d/" * 60 + b"f": b"4",
        b"back\\slash": b"5", "é/😀".encode(): b"6", b"x" * 250: b"7",
    }  # fmt: skip
    assert told(build(files))["image-id"] == b"sha256:built"
    context = tmp_path / "seen" / "context"
    found = {
        bytes(path.relative_to(context)): path.read_bytes()
        for path in context.rglob("*")
        if path.is_file()
    }
    assert found == files
    assert (context / "bin/run.sh").stat().st_mode & 0o777 == 0o755
    assert (context / "Dockerfile").stat().st_mode & 0o777 == 0o644


def test_a_dockerfile_from_elsewhere_is_not_in_the_context(build: Host, tmp_path: Path) -> None:
    own = OUTSIDE.encode()
    files = {
        own + b"/api.Dockerfile": b"FROM scratch\n",
        own + b"/api.Dockerfile.dockerignore": b"*\n",
        b"app.py": b"",
    }
    done = told(build(files, DOCKERFILE=f"{OUTSIDE}/api.Dockerfile", OUTSIDE=OUTSIDE))
    assert done["image-id"] == b"sha256:built"
    seen = tmp_path / "seen"
    assert (seen / "dockerfile").read_text() == "FROM scratch\n"
    assert (seen / "dockerignore").read_text() == "*\n"
    assert [path.name for path in (seen / "context").iterdir()] == ["app.py"]


def test_secrets_arrive_byte_for_byte_and_leave_nothing(build: Host, tmp_path: Path) -> None:
    secrets = {"token": b'it\'s $HOME `x` "q" \\n %s', "netrc": b"\xff\xfe\r\ntwo\n\n"}
    values = {
        f"SECRET_{number}": value.decode("utf-8", "surrogateescape")
        for number, value in enumerate(secrets.values(), 1)
    }
    done = build({b"Dockerfile": b""}, SECRETS="\n".join(secrets), **values)
    assert told(done)["image-id"] == b"sha256:built"
    seen = tmp_path / "seen"
    assert {name: (seen / name).read_bytes() for name in secrets} == secrets
    assert "HOME" not in (seen / "words").read_text()
    until_gone(build.work)
    assert list(build.upload.iterdir()) == []


def test_what_cut_off_runs_left_is_removed(build: Host, tmp_path: Path) -> None:
    upload = build.upload
    (upload / "run-0" / "secrets").mkdir(parents=True)
    (upload / "run-0" / "secrets" / "1").write_text("left by a power cut")
    (upload / "other.tar.gz.part").write_text("half")
    assert told(build({b"Dockerfile": b""}))["image-id"] == b"sha256:built"
    until_gone(build.work)
    assert list(upload.iterdir()) == []


def test_an_archive_that_is_not_what_was_sent(build: Host) -> None:
    assert told(build({b"Dockerfile": b""}, SHA256="0" * 64))["fail-kind"] == b"bad-archive"


class TestALostClient:
    """The build goes on without it, and ends with the run."""

    @pytest.fixture
    def cut_off(self, build: Host) -> Iterator[int]:
        """A build in its middle whose client has gone; the bytes that it had read."""
        (build.seen / "wait").touch()
        with build.start({b"Dockerfile": b""}, SECRETS="token", SECRET_1="s3cret") as client:
            first = client.next()
            assert first == Record("line", b"building")
        yield first.size
        (build.seen / "wait").unlink(missing_ok=True)

    def test_reads_on_where_it_was(self, build: Host, cut_off: int) -> None:
        (build.seen / "wait").unlink()
        with build.again(cut_off) as client:
            assert [(each.name, each.data) for each in client.to_the_end()] == [
                ("line", b"end 0"), ("line", b""), ("line", b"built"),
                ("image-id", b"sha256:built"),
            ]  # fmt: skip
        until_gone(build.work)

    @pytest.mark.usefixtures("cut_off")
    def test_may_come_after_the_build_has_ended(self, build: Host) -> None:
        (build.seen / "wait").unlink()
        until_gone(build.work / "going")
        assert list(build.work.rglob("secrets")) == []
        with build.again(0) as client:
            assert told(client.to_the_end())["image-id"] == b"sha256:built"

    def test_leaves_no_build_after_its_run(self, build: Host, cut_off: int) -> None:
        pid = int((build.seen / "pid").read_text())
        build.end_job()
        until_gone(Path(f"/proc/{pid}"))
        until_gone(build.work)
        with build.again(cut_off) as client:
            assert told(client.to_the_end())["fail-kind"] == b"no-job"

    def test_that_never_comes_back_keeps_no_build_beyond_its_time(self, build: Host) -> None:
        (build.seen / "wait").touch()
        with build.start({b"Dockerfile": b""}, TIMEOUT="1") as client:
            assert told(client.to_the_end())["fail-kind"] == b"late"
        (build.seen / "wait").unlink()

    def test_hears_of_a_build_that_was_killed(self, build: Host, cut_off: int) -> None:
        """With whatever would have said so."""
        everybody = {*users_of(build.work / "said"), int((build.seen / "pid").read_text())}
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in everybody:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        with build.again(cut_off) as client:
            assert told(client.to_the_end())["fail-kind"] == b"died"


def users_of(file: Path) -> Iterator[int]:
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # it may end while we look
            if descriptor.readlink() == file:
                yield int(descriptor.parts[2])


def test_without_a_job_nothing_is_built(build: Host) -> None:
    build.end_job()
    assert told(build({b"Dockerfile": b""}))["fail-kind"] == b"no-job"
    assert not (build.seen / "words").exists()


@pytest.mark.parametrize(("root", "taken"), [("seen", "[0-9]+"), ("gone", "-")])
def test_what_was_made_is_noted_for_retention(
    build: Host, tmp_path: Path, root: str, taken: str
) -> None:
    build({b"Dockerfile": b""}, ROOT=str(tmp_path / root))
    noted = (tmp_path / "state" / "made").read_text()
    assert re.fullmatch(f"run-1\tsha256:built\tapi:1\t{taken}\n", noted)
