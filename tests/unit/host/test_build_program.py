"""The program that unpacks and builds, in every shell and tar that may be there, but for Docker.

A script stands for Docker: it copies what it is given to build from.
"""

import hashlib
import io
import shutil
import subprocess
from collections.abc import Callable
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
        for tool in ("tar", "gzip", "gunzip", "sha256sum", "cp", "rm", "mv", "mkdir", "chmod"):
            (tools / tool).symlink_to(str(shutil.which("busybox")))
        monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return [*found, "-c", 'IFS= read -r b && eval "$b"']


@pytest.fixture
def build(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Record]]:
    """Packs files (path -> content), and builds them on this machine."""
    upload = tmp_path / "state" / "upload"
    upload.mkdir(parents=True)
    seen = tmp_path / "seen"
    seen.mkdir()
    monkeypatch.setenv("SEEN", str(seen))
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)

    def build(files: dict[bytes, bytes], **params: str) -> list[Record]:
        archive = upload / "source.tar.gz"
        data = _archive(files)
        archive.write_bytes(data)
        script = programs.script(
            "build",
            {
                "DOCKER": str(docker), "ARCHIVE": str(archive), "WORK": f"{upload}/run-1",
                "SHA256": hashlib.sha256(data).hexdigest(), "IMAGE": "api:1",
                "DOCKERFILE": "Dockerfile", "OUTSIDE": "", "STAGE": "", "PLATFORM": "",
                "LABELS": "", "ARGS": "", "SECRETS": "", "BUILDX": "0", **params,
            },
        )  # fmt: skip
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(script.data)
            process.stdin.flush()  # and stays open: the client is there
            out = process.stdout.read()
            process.stdin.close()
        reader = RecordReader(script.nonce)
        reader.feed(out)
        return list(iter(reader.next, None))

    return build


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


def test_the_context_is_the_tree(build: Callable[..., list[Record]], tmp_path: Path) -> None:
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


def test_a_dockerfile_from_elsewhere_is_not_in_the_context(
    build: Callable[..., list[Record]], tmp_path: Path
) -> None:
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


def test_secrets_arrive_byte_for_byte_and_leave_nothing(
    build: Callable[..., list[Record]], tmp_path: Path
) -> None:
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
    assert list((tmp_path / "state" / "upload").iterdir()) == []


def test_what_cut_off_runs_left_is_removed(
    build: Callable[..., list[Record]], tmp_path: Path
) -> None:
    upload = tmp_path / "state" / "upload"
    (upload / "run-0" / "secrets").mkdir(parents=True)
    (upload / "run-0" / "secrets" / "1").write_text("left by a power cut")
    (upload / "other.tar.gz.part").write_text("half")
    assert told(build({b"Dockerfile": b""}))["image-id"] == b"sha256:built"
    assert list(upload.iterdir()) == []


def test_an_archive_that_is_not_what_was_sent(build: Callable[..., list[Record]]) -> None:
    assert told(build({b"Dockerfile": b""}, SHA256="0" * 64))["fail-kind"] == b"bad-archive"
