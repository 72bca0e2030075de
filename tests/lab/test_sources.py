"""Sources as they are in the field, up to the image that runs; the refusals are unit tests."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
import yaml

from tests.cases import Case, refuses, works

from .client import Client, git
from .expect import assert_refused, assert_untouched
from .server import API, STATE, Before, Server

HOTFIX = "stage/f9.8-observability"
ODD_NAMES = (b"new\nline", b"latin-\xe9", "😀".encode(), b"-rf", b"it's $HOME `x`", b"back\\slash")
LFS_CONTENT = b"weights\0" * 50_000
REGISTRY = "127.0.0.1:5000"
LOCAL = ("-c", "protocol.file.allow=always")


def change_settings(client: Client, **source: object) -> None:
    settings = yaml.safe_load(client.config.read_text())
    settings["source"] = {**settings.get("source", {}), **source}
    client.config.write_text(yaml.safe_dump(settings, sort_keys=False))


def in_image(server: Server, script: str) -> str:
    return server.sh(f"docker exec {API} sh -c {_quote(script)}")


def new_repository(folder: Path, files: dict[str, str]) -> Path:
    git(folder.parent, "init", "--quiet", str(folder))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "A commit of a test")
    return folder


@works("Sources", "a Dockerfile outside the build context, with a .dockerignore of its name")
def test_all_that_a_tree_can_hold_is_in_the_image(server: Server, client: Client) -> None:
    """Nested submodules, LFS content, links, modes and odd names, in a context below the root."""
    leaf = new_repository(client.folder / "leaf", {"leaf": "deep\n"})
    inner = new_repository(client.folder / "inner", {"inner": "x\n"})
    git(inner, *LOCAL, "submodule", "--quiet", "add", str(leaf), "nested")
    git(inner, "commit", "--quiet", "--message", "with a submodule")

    clone = client.clone()
    git(clone, "checkout", "--quiet", "-B", "own", HOTFIX)
    backend = clone / "backend"
    backend.mkdir()
    for name in ("app", "requirements.txt"):
        git(clone, "mv", name, f"backend/{name}")
    (clone / "docker").mkdir()
    git(clone, "mv", "Dockerfile", "docker/api.Dockerfile")
    dockerfile = clone / "docker" / "api.Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "\nCOPY . /all\n")
    (clone / "docker" / "api.Dockerfile.dockerignore").write_text("*.md\n")
    (backend / ".dockerignore").write_text("app\n")
    (backend / "notes.md").write_text("not in the image\n")
    git(clone, *LOCAL, "submodule", "--quiet", "add", str(inner), "backend/libs")
    git(clone, *LOCAL, "submodule", "--quiet", "update", "--init", "--recursive")
    (backend / "odd").mkdir()
    for name in ODD_NAMES:
        (backend / "odd" / os.fsdecode(name)).write_text("odd\n")
    (backend / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (backend / "run.sh").chmod(0o755)
    (backend / "link").symlink_to("libs/nested/leaf")
    sha256 = hashlib.sha256(LFS_CONTENT).hexdigest()
    (backend / "model.bin").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\n"
        f"size {len(LFS_CONTENT)}\n"
    )
    kept = clone / ".git" / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256
    kept.parent.mkdir(parents=True)
    kept.write_bytes(LFS_CONTENT)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "everything")
    change_settings(client, path="backend", dockerfile="../docker/api.Dockerfile")

    done = client.hotfix(git(clone, "rev-parse", "HEAD").strip())
    assert done.code == 0, done.explained
    assert in_image(server, "cat /all/link; /all/run.sh") == "deep\nran\n"
    assert in_image(server, "sha256sum </all/model.bin").split()[0] == sha256
    assert in_image(server, "cd /all && ls -d notes.md Dockerfile .deployctl* || true") == ""
    listed = in_image(server, "cd /all/odd && printf '%s\\0' * | od -An -v -tx1")
    assert set(bytes.fromhex(listed).split(b"\0")) == {b"", *ODD_NAMES}


@works("Sources", ".dockerignore")
@works("Sources", "build secrets from the environment and from files of any bytes but NUL")
def test_what_is_ignored_and_what_is_secret_is_not_in_the_image(
    server: Server, client: Client
) -> None:
    secret = b'it\'s "s3cr3t" $HOME\r\nof-two-lines \xff\n'
    (client.folder / "netrc").write_bytes(secret)
    client.environment["BUILD_TOKEN"] = "t0k3n-of-the-build-77aa"
    change_settings(
        client,
        secrets={"netrc": {"file": str(client.folder / "netrc")}, "token": {"env": "BUILD_TOKEN"}},
    )
    mounts = "--mount=type=secret,id=netrc --mount=type=secret,id=token"
    dockerfile = client.file_at("Dockerfile") + (
        f"\nRUN {mounts} cat /run/secrets/token && sha256sum </run/secrets/netrc >/sum"
        "\nCOPY . /all\n"
    )
    files = {
        "Dockerfile": dockerfile,
        ".dockerignore": "*.md\nprivate\n",
        "private": "x",
        "a.md": "x",
    }
    done = client.hotfix(client.commit(files))
    assert done.code == 0, done.explained
    assert in_image(server, "cat /sum").split()[0] == hashlib.sha256(secret).hexdigest()
    assert in_image(server, "cd /all && ls private *.md 2>/dev/null || true") == ""
    words = ["t0k3n-of-the-build-77aa", "of-two-lines"]
    history = server.sh(f"docker history --no-trunc $(docker inspect -f '{{{{.Image}}}}' {API})")
    kept = server.sh(f"grep -rl -e {words[0]} -e {words[1]} {STATE} || true")
    for word in words:
        assert word not in done.stdout + done.stderr + history
        assert not [path for path, data in client.written() if word.encode() in data]
    assert kept == ""
    assert server.sh(f"ls {STATE}/upload") == ""


@works("Sources", "100,000 files")
def test_a_hundred_thousand_files(server: Server, client: Client) -> None:
    clone = client.clone()
    subprocess.run(
        ["git", "-C", str(clone), "fast-import", "--quiet"],
        input=b"".join(_many_files(git(clone, "rev-parse", HOTFIX).strip())),
        check=True,
    )
    done = client.hotfix("many")
    assert done.code == 0, done.explained
    assert "100008 files" in done.stderr


def _many_files(parent: str) -> Iterator[bytes]:
    yield b"commit refs/heads/many\ncommitter Ann <ann@example.org> 1767425520 +0000\n"
    yield f"data 4\nmany\nfrom {parent}\n".encode()
    for number in range(100_000):
        content = b"content %d\n" % number
        yield b"M 100644 inline many/%03d/%d\ndata %d\n" % (number // 500, number, len(content))
        yield content + b"\n"


@works("Sources", "a private base image, where the user has logged in with docker login")
@refuses(
    "Sources", "a private base image, not logged in", 20,
    "is not logged in to its registry there, or may not read it. On the host, as ",
)  # fmt: skip
def test_a_private_base_image_needs_a_login_on_the_host(
    server: Server, before: Before, client: Client, registry: str, refusal: Case
) -> None:
    dockerfile = client.file_at("Dockerfile")
    private = (
        f"FROM {REGISTRY}/base:1 AS private\n{dockerfile}\nCOPY --from=private /etc /private\n"
    )
    sha = client.commit({"Dockerfile": private})
    done = client.hotfix(sha)
    assert_refused(done, refusal.code)
    sentence, *tail = done.reason.splitlines()
    assert refusal.sentence in f"{sentence} {done.document['nextStep']}"
    assert any("401" in line for line in tail), "the build's last lines are told as well"
    assert f"docker login {REGISTRY}" in done.document["nextStep"]
    assert_untouched(server, before)

    login = f"echo {registry} | docker login --username ann --password-stdin {REGISTRY}"
    server.sh(login, user="deploy")
    done = client.hotfix(sha)
    assert done.code == 0, done.explained
    assert in_image(server, "ls /private") == "hostname\n"


@pytest.fixture
def registry(server: Server) -> Iterator[str]:
    """The password of `ann` at a registry on the host, which has the image base:1."""
    password = "pa55-of-the-registry"
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$", 1)
    config = yaml.safe_dump(
        {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": "/tmp/registry"}},
            "http": {"addr": REGISTRY},
            "auth": {"htpasswd": {"realm": "lab", "path": "/tmp/htpasswd"}},
        }
    )
    installed = server.host.exec(["sh", "-c", _INSTALL_REGISTRY])
    if installed.returncode != 0:
        pytest.skip("the host can't install docker-registry from its distribution")
    server.host.must(["sh", "-c", "cat >/tmp/registry.yml"], stdin=config.encode())
    server.host.must(["sh", "-c", "cat >/tmp/htpasswd"], stdin=f"ann:{hashed}\n".encode())
    server.sh(
        "setsid docker-registry serve /tmp/registry.yml >/dev/null 2>&1 </dev/null &"
        f" timeout 15 sh -c 'until curl -s http://{REGISTRY}/v2/ >/dev/null; do sleep 0.1; done'"
    )
    server.sh(
        f"echo {password} | docker login --username ann --password-stdin {REGISTRY}"
        f" && tar -c -C / etc/hostname | docker import - {REGISTRY}/base:1"
        f" && docker push --quiet {REGISTRY}/base:1"
        f" && docker rmi {REGISTRY}/base:1 && docker logout {REGISTRY}"
    )
    yield password
    server.sh(f"docker logout {REGISTRY}", user="deploy")
    server.sh("pkill -x docker-registry; rm -rf /tmp/registry /tmp/registry.yml /tmp/htpasswd")


_INSTALL_REGISTRY = """command -v docker-registry && exit
apt-get -q update && apt-get -qy install --no-install-recommends docker-registry
"""


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
