"""The strict types of single settings: what each takes, and what it refuses."""

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from deployctl.config import fields
from deployctl.config.address import Address, split_address
from deployctl.config.durations import Duration, PositiveDuration
from deployctl.config.sizes import Size

KEY = base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519" + bytes(36)).decode()


def accept(kind: Any, value: object, **context: object) -> Any:
    return TypeAdapter(kind).validate_python(value, context=context or None)


GOOD = [
    (fields.ImageName, "techno-os-api"),
    (fields.ImageName, "registry.example.com:5000/team/api"),
    (fields.ImageName, "ghcr.io/owner/a_b__c.d-e"),
    (fields.ProjectName, "techno-os"),
    (fields.ServiceName, "api_v2.1"),
    (fields.GateName, "error-rate"),
    (fields.RepositoryPath, "services/api"),
    (fields.HostPath, "/var/lib/deployctl/techno-os"),
    (fields.HttpPath, "/health?full=1"),
    (fields.Platform, "linux/arm64/v8"),
    (fields.DockerCommand, "sudo -n docker"),
    (fields.Port, 22),
    (fields.EnvName, "DEPLOY_KEY"),
    (fields.UnixName, "deploy"),
]

BAD = [
    (fields.ImageName, "techno-os-api:latest"),
    (fields.ImageName, "api@sha256:" + "0" * 64),
    (fields.ImageName, "Techno"),
    (fields.ImageName, "a//b"),
    (fields.ImageName, "-a"),
    (fields.ImageName, "a" * 300),
    (fields.ImageName, ""),
    (fields.ProjectName, "-x"),
    (fields.ProjectName, "a b"),
    (fields.ProjectName, "a\n"),
    (fields.ServiceName, "--rm"),
    (fields.ServiceName, "a;reboot"),
    (fields.GateName, "Health"),
    (fields.GateName, "a_b"),
    (fields.RepositoryPath, "../other"),
    (fields.RepositoryPath, "a/../../b"),
    (fields.RepositoryPath, "/etc"),
    (fields.RepositoryPath, "-rf"),
    (fields.RepositoryPath, "a\\..\\b"),
    (fields.HostPath, "relative"),
    (fields.HostPath, "/"),
    (fields.HostPath, "/a/../b"),
    (fields.HostPath, "/a\nb"),
    (fields.HttpPath, "health"),
    (fields.HttpPath, "/a b"),
    (fields.HttpPath, "/a\r\nHost: x"),
    (fields.Platform, "linux"),
    (fields.DockerCommand, "docker; reboot"),
    (fields.DockerCommand, "$(docker)"),
    (fields.Port, 0),
    (fields.Port, 65536),
    (fields.Port, True),
    (fields.EnvName, "A-B"),
    (fields.UnixName, "-l"),
    (fields.UnixName, "a b"),
    (fields.BuildArgument, "a\nb"),
    (fields.HostKey, "ssh-ed25519"),
    (fields.HostKey, "ssh-ed25519 not-base64!"),
    (fields.HostKey, f"ssh-rsa {KEY}"),
    (fields.HostKey, "AAAA"),
]


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_good_values_stay_as_they_are(kind: Any, value: object) -> None:
    assert accept(kind, value) == value


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_bad_values_are_refused_with_what_was_expected(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError, match="expected "):
        accept(kind, value)


@pytest.mark.parametrize(
    "line", ["ssh-ed25519 {}", "ssh-ed25519 {} root@vps", "vps.example.com ssh-ed25519 {}"]
)
def test_a_host_key_may_be_a_line_of_a_file(line: str) -> None:
    assert accept(fields.HostKey, line.format(KEY)) == f"ssh-ed25519 {KEY}"


def test_a_local_path_starts_at_the_directory_of_the_settings() -> None:
    directory = Path("/project")
    assert accept(fields.LocalPath, "key", directory=directory) == Path("/project/key")
    assert accept(fields.LocalPath, "/key", directory=directory) == Path("/key")
    assert accept(fields.LocalPath, "~/key", directory=directory) == Path.home() / "key"


def test_a_local_path_of_an_unknown_user_is_refused() -> None:
    with pytest.raises(ValidationError, match="~user exists"):
        accept(fields.LocalPath, "~nobody-of-this-name/key")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("10s", 10),
        ("500ms", 0.5),
        ("2m", 120),
        ("1h", 3600),
        ("1m30s", 90),
        ("1.5s", 1.5),
        (3, 3),
        (0.25, 0.25),
        ("15", 15),
        (0, 0),
        (" 5s ", 5),
    ],
)
def test_durations_become_seconds(written: object, seconds: float) -> None:
    assert accept(Duration, written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "10 s",
        "-1s",
        "10d",
        "1e3",
        "ten",
        True,
        None,
        [],
        -1,
        float("nan"),
        float("inf"),
        "25h",
        86401,
        "9" * 400,
        "1s" * 50,
    ],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="expected a duration"):
        accept(Duration, written)


def test_a_timeout_of_zero_is_refused() -> None:
    with pytest.raises(ValidationError, match="longer than zero"):
        accept(PositiveDuration, 0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("vps", Address("vps", None, None)),
        ("vps.example.com:2222", Address("vps.example.com", None, 2222)),
        ("deploy@vps", Address("vps", "deploy", None)),
        ("deploy@10.0.0.1:22", Address("10.0.0.1", "deploy", 22)),
        ("a@corp@vps", Address("vps", "a@corp", None)),
        ("::1", Address("::1", None, None)),
        ("[::1]", Address("::1", None, None)),
        ("deploy@[2001:db8::1]:2222", Address("2001:db8::1", "deploy", 2222)),
        ("[fe80::1%eth0]:22", Address("fe80::1%eth0", None, 22)),
        ("my_alias", Address("my_alias", None, None)),
    ],
)
def test_an_address_is_taken_apart(text: str, address: Address) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@vps",
        "-oProxyCommand=x",
        "a@-b",
        "vps:",
        "vps:0",
        "vps:70000",
        "vps:ssh",
        "a b",
        "a\n",
        "[::1",
        "[vps]:22",
        "[::1]22",
        "ssh://vps",
        "vps/x",
        "a@b:22:22x",
        "-a@b",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        split_address(text)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("2GB", 2 * 10**9), ("2 GB", 2 * 10**9), ("500MB", 5 * 10**8), ("1.5GiB", 3 * 2**29),
        ("1kB", 1000), ("1KiB", 1024), ("0", 0), ("42", 42), (42, 42), ("42B", 42),
        ("1TB", 10**12),
    ],
)  # fmt: skip
def test_sizes_become_bytes(written: object, size: int) -> None:
    assert accept(Size, written) == size


@pytest.mark.parametrize(
    "written",
    ["", "GB", "2G", "2gb", "-1", -1, "1e9", 1.5, True, None, "2GB ; reboot", "9" * 20, "9999TB"],
)
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="expected a size"):
        accept(Size, written)


@pytest.mark.parametrize("written", [1, 0, -5, 1001, True, "many", 2.5])
def test_fewer_than_two_releases_leave_no_way_back(written: object) -> None:
    with pytest.raises(ValidationError):
        accept(fields.ReleaseCount, written)
