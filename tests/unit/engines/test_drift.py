"""Drift, field by field: from what Compose and Docker print to words without a secret in them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployctl.engines.compose.drift import OTHER, follows, told
from deployctl.host import programs
from deployctl.host.wire import Answer, Record, RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
ID = "sha256:" + "a" * 64
RENDERED: dict[str, Any] = {
    "name": "shop",
    "networks": {"back": {"name": "shop_back", "ipam": {}}},
    "services": {
        "api": {
            "command": ["serve", "--price", "5$$"],
            "entrypoint": None,
            "environment": {"TOKEN": "s3cr&t<x>", "MODE": "a=b,", "UNSET": None},
            "image": "shop-api:v1",
            "mem_limit": "268435456",
            "networks": {"back": None},
            "ports": [
                {"mode": "ingress", "host_ip": "127.0.0.1", "target": 8000, "published": "8000",
                 "protocol": "tcp"},
            ],
            "restart": "unless-stopped",
            "healthcheck": {
                "test": ["CMD-SHELL", "curl -H 'k: h3alth' && true"], "interval": "1m30s",
                "timeout": "500ms", "retries": 5,
            },
            "volumes": [
                {"type": "volume", "source": "data", "target": "/data", "volume": {}},
                {"type": "bind", "source": "/etc/a b", "target": "/etc/x", "read_only": True},
            ],
        },
        "other": {"image": "other", "environment": {"TOKEN": "not ours"}},
    },
    "volumes": {"data": {"name": "shop_data"}},
}  # fmt: skip
CONTAINER: dict[str, Any] = {
    "Id": "c1",
    "Image": ID,
    "Config": {
        "Env": ["TOKEN=s3cr&t<x>", "MODE=a=b,", "PATH=/usr/bin"],
        "Cmd": ["serve", "--price", "5$"],
        "Entrypoint": ["/entry"],
        "Image": "shop-api:v1",
        "User": "app",
        "WorkingDir": "/srv",
        "Labels": {"secret-label": "hidden"},
        "Healthcheck": {
            "Test": ["CMD-SHELL", "curl -H 'k: h3alth' && true"], "Interval": 90_000_000_000,
            "Timeout": 500_000_000, "Retries": 5, "StartPeriod": 4_000_000_000,
        },
    },
    "HostConfig": {
        "NetworkMode": "shop_back",
        "Memory": 268435456,
        "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
        "PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}]},
    },
    "Mounts": [
        {"Type": "volume", "Name": "shop_data", "Source": "/var/lib/docker/volumes/x",
         "Destination": "/data", "RW": True},
        {"Type": "bind", "Source": "/etc/a b", "Destination": "/etc/x", "RW": False},
        {"Type": "volume", "Name": "b" * 64, "Destination": "/cache", "RW": True},
        {"Type": "bind", "Source": "/srv/s", "Destination": "/run/secrets/s", "RW": False},
    ],
    "NetworkSettings": {"Networks": {"shop_back": {"NetworkID": "n1", "Aliases": ["api"]}}},
}  # fmt: skip
IMAGE: dict[str, Any] = {
    "Id": ID,
    "Config": {
        "Env": ["PATH=/usr/bin"], "Cmd": ["other"], "Entrypoint": ["/entry"], "User": "app",
        "WorkingDir": "/srv", "Healthcheck": {"Test": ["CMD", "x"], "StartPeriod": 4_000_000_000},
    },
}  # fmt: skip


class Engine:
    """A `docker` that prints what it is given, as the real ones indent and escape it."""

    def __init__(self, folder: Path, shell: list[str]) -> None:
        self.folder, self.shell, self.said = folder, shell, b""
        script = f"""#!/bin/sh
case "$*" in
    *config*) cat {folder}/rendered ;;
    ps*) echo c1 ;;
    *"type container"*) cat {folder}/container ;;
    *"type image"*) cat {folder}/image ;;
esac
"""
        (folder / "docker").write_text(script)
        (folder / "docker").chmod(0o755)

    def compare(self, rendered: Any, container: Any, image: Any) -> tuple[str, ...]:
        compose = json.dumps(rendered, indent=2, ensure_ascii=False)
        (self.folder / "rendered").write_text(compose)
        for name, one in (("container", container), ("image", image)):
            text = json.dumps([one], indent=4, ensure_ascii=False)
            for plain, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
                text = text.replace(plain, escaped)
            (self.folder / name).write_text(text)
        params = {
            "DOCKER": f"{self.folder}/docker", "COMPOSE_WORDS": "-p\nshop", "PROJECT": "shop",
            "SERVICES": "api",
        }  # fmt: skip
        script = programs.script("fields", params)
        ran = subprocess.run(
            self.shell, input=script.data, capture_output=True, timeout=20, check=False
        )
        self.said = ran.stdout
        reader = RecordReader(script.nonce)
        reader.feed(ran.stdout)
        records = []
        while record := reader.next():
            records.append(record)
        return told(Answer(records))


@pytest.fixture(params=SHELLS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return Engine(tmp_path, [*words, "-c", 'IFS= read -r b && eval "$b"'])


def with_(tree: dict[str, Any], *way: str, value: Any) -> dict[str, Any]:
    """The tree with another value at the end of `way`; None takes it out."""
    copy = json.loads(json.dumps(tree))
    node = copy
    for name in way[:-1]:
        node = node[name]
    if value is None:
        del node[way[-1]]
    else:
        node[way[-1]] = value
    return copy  # type: ignore[no-any-return]


def test_a_container_that_is_what_the_file_says(engine: Engine) -> None:
    """What is left is something that isn't compared."""
    assert engine.compare(RENDERED, CONTAINER, IMAGE) == (f"api: {OTHER}",)
    for value in (b"s3cr", b"a=b", b"not ours", b"hidden", b"serve", b"--price", b"h3alth"):
        assert value not in engine.said


API = ("services", "api")
ENV = (*API, "environment")
HEALTH = (*API, "healthcheck")
NAMES = ("file", "container", "image")


@pytest.mark.parametrize(
    ("way", "value", "says"),
    [
        ((*ENV, "TOKEN"), "another-secret", "environment (TOKEN has another value)"),
        ((*ENV, "NEW"), "value-of-new", "environment (NEW only in the file)"),
        ((*ENV, "MODE"), None, "environment (MODE only in the container)"),
        ((*ENV, "PATH"), "/bin", "environment (PATH has another value)"),
        ((*API, "command"), ["serve"], "command"),
        ((*API, "command"), None, "command"),
        ((*API, "entrypoint"), ["/other"], "entrypoint"),
        ((*API, "image"), "shop-api:v2", "image (shop-api:v2 in the file, shop-api:v1 in the"),
        ((*API, "mem_limit"), None, "memory limit (none in the file, 268435456 in the container)"),
        ((*API, "restart"), None, "restart policy (no in the file, unless-stopped in the"),
        ((*API, "user"), "root", "user (root in the file, app in the container)"),
        ((*API, "ports"), None, "ports (127.0.0.1:8000->8000/tcp only in the container)"),
        (
            (*API, "ports"),
            [{"target": 8000, "published": "80", "protocol": "tcp"}],
            "ports (80->8000/tcp only in the file, 127.0.0.1:8000->8000/tcp only in the container)",
        ),
        (
            (*API, "volumes"),
            [{"type": "bind", "source": "/etc/a b", "target": "/etc/x", "read_only": True}],
            "mounts (shop_data at /data only in the container)",
        ),
        (
            (*API, "networks"),
            {"back": None, "front": None},
            "networks (front only in the file)",
        ),
        (
            (*HEALTH, "retries"),
            6,
            "api: health check: retries (6 in the file, 5 in the container)",
        ),
        ((*HEALTH, "test"), ["CMD", "other"], "api: health check: test"),
        ((*HEALTH, "interval"), "5s", "interval (5000000000 in the file, 90000000000 in the"),
        ((*API, "healthcheck"), {"disable": True}, "health check: test, interval (none in the"),
        ((*API, "network_mode"), "host", "networks (host only in the file, shop_back only in the"),
    ],
    ids=str,
)
def test_an_edit_of_the_file_is_told(
    tmp_path: Path, way: tuple[str, ...], value: Any, says: str
) -> None:
    engine = Engine(tmp_path, ["sh", "-c", 'IFS= read -r b && eval "$b"'])
    [line] = engine.compare(with_(RENDERED, *way, value=value), CONTAINER, IMAGE)
    assert says in line
    assert b"another-secret" not in engine.said
    assert b"value-of-new" not in engine.said


def test_a_tag_that_has_moved(engine: Engine) -> None:
    moved = {**IMAGE, "Id": "sha256:" + "b" * 64}
    [line] = engine.compare(RENDERED, CONTAINER, moved)
    assert line == "api: image (shop-api:v1 is another one now than the one that runs)"


def test_of_an_image_that_is_not_on_the_host_nothing_is_made_up(engine: Engine) -> None:
    edited = with_(RENDERED, *API, "image", value="shop-api:v9")
    [line] = engine.compare(edited, CONTAINER, {})
    assert line == "api: image (shop-api:v9 in the file, shop-api:v1 in the container)"


def test_a_service_that_may_only_follow_another_is_told_as_that() -> None:
    rows = {
        "service": b"db",
        "file": b'services\tdb\timage\t"db:2"',
        "container": b"",
        "image": b"",
    }
    columns = [*rows.items(), ("service", b"api"), *[(name, b"") for name in NAMES]]
    db, api = told(Answer([Record(name, data) for name, data in columns]))
    assert db.startswith("db: image (db:2 in the file")
    assert api == f"api: {follows(['db'])}"


def test_a_host_that_can_tell_nothing() -> None:
    assert told(Answer()) == ()
