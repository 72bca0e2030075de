"""Uploading: whole or not at all, resumed, verified."""

import hashlib
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from deployctl.errors import LinkLostError
from deployctl.host.connection import AnswerTimeoutError, Host, ProgramFailed
from deployctl.host.programs import program_text
from tests.unit.host.conftest import StartSshd


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture
def local(tmp_path: Path) -> Path:
    file = tmp_path / "local"
    file.write_bytes(os.urandom(3_000_001))
    return file


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    directory = tmp_path / "on the host's side"
    directory.mkdir()
    return directory / "it's $HOME `x`.tar.gz"


def test_the_file_arrives_under_its_name_and_private(host: Host, local: Path, remote: Path) -> None:
    seen: list[tuple[int, int]] = []
    sent = host.upload(local, str(remote), progress=lambda *p: seen.append(p), timeout=20)
    assert sent == 3_000_001
    assert remote.read_bytes() == local.read_bytes()
    assert remote.stat().st_mode & 0o777 == 0o600
    assert seen[0] == (0, sent)
    assert seen[-1] == (sent, sent)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert list(remote.parent.iterdir()) == [remote]


def test_what_is_there_already_is_not_sent(host: Host, local: Path, remote: Path) -> None:
    remote.write_bytes(local.read_bytes())
    seen: list[tuple[int, int]] = []
    assert host.upload(local, str(remote), progress=lambda *p: seen.append(p), timeout=20) == 0
    assert seen == [(3_000_001, 3_000_001)]


def test_an_earlier_attempt_is_gone_on_from(host: Host, local: Path, remote: Path) -> None:
    part = remote.with_name(f"{remote.name}.part")
    part.write_bytes(local.read_bytes()[:2_000_000])
    assert host.upload(local, str(remote), progress=ignore, timeout=20) == 1_000_001
    assert remote.read_bytes() == local.read_bytes()
    assert not part.exists()


@pytest.mark.parametrize("left", [b"something else", b"x" * 4_000_000, b""])
def test_the_rest_of_another_file_is_not(
    host: Host, local: Path, remote: Path, left: bytes
) -> None:
    remote.with_name(f"{remote.name}.part").write_bytes(left)
    assert host.upload(local, str(remote), progress=ignore, timeout=20) == 3_000_001
    assert remote.read_bytes() == local.read_bytes()


def test_another_file_under_the_name_is_replaced(host: Host, local: Path, remote: Path) -> None:
    remote.write_bytes(b"old")
    assert host.upload(local, str(remote), progress=ignore, timeout=20) == 3_000_001
    assert remote.read_bytes() == local.read_bytes()


def test_an_empty_file(host: Host, tmp_path: Path, remote: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert host.upload(empty, str(remote), progress=ignore, timeout=20) == 0
    assert remote.read_bytes() == b""


def test_a_lost_link_keeps_what_arrived(start_sshd: StartSshd, local: Path, remote: Path) -> None:
    sshd = start_sshd()
    with Host.connect(sshd.address) as host:

        def cut(done: int, total: int) -> None:
            if done > 2_500_000:
                sshd.kill_sessions()

        with pytest.raises(LinkLostError):
            host.upload(local, str(remote), progress=cut, timeout=20)
        assert not remote.exists()
        with host.reconnect() as again:
            sent = again.upload(local, str(remote), progress=ignore, timeout=20)
    assert 0 < sent < 3_000_001
    assert remote.read_bytes() == local.read_bytes()


def test_what_an_earlier_attempt_still_writes_is_not_part_of_it(
    host: Host, local: Path, remote: Path
) -> None:
    """Over a silent link that came back to life, its program goes on with what was under way."""
    part = remote.with_name(f"{remote.name}.part")
    part.write_bytes(local.read_bytes()[:2_000_000])
    with part.open("ab") as earlier:

        def write(done: int, total: int) -> None:
            earlier.write(b"late")
            earlier.flush()

        assert host.upload(local, str(remote), progress=write, timeout=20) == 1_000_001
    assert remote.read_bytes() == local.read_bytes()
    assert list(remote.parent.iterdir()) == [remote]


def test_a_directory_that_is_not_there(host: Host, local: Path, tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="no directory") as caught:
        host.upload(local, str(tmp_path / "none" / "x"), progress=ignore, timeout=20)
    assert caught.value.kind == "path"


def test_a_full_disk_is_named(
    host: Host, program: Callable[..., str], local: Path, remote: Path
) -> None:
    limited = f"trap '' XFSZ; ulimit -f 500\n{program_text('upload')}"
    program(limited, name="upload")
    with pytest.raises(ProgramFailed, match="disk full") as caught:
        host.upload(local, str(remote), progress=ignore, timeout=20)
    assert caught.value.kind == "disk"
    assert not remote.exists()


def test_bytes_that_changed_on_the_way_are_refused(host: Host, local: Path, remote: Path) -> None:
    def spoil(done: int, total: int) -> None:
        if done == 32_000:
            with local.open("r+b") as file:
                file.seek(2_000_000)
                file.write(b"changed under way")

    with pytest.raises(ProgramFailed, match="digests differ") as caught:
        host.upload(local, str(remote), progress=spoil, timeout=20)
    assert caught.value.kind == "digest"
    assert list(remote.parent.iterdir()) == []


def test_the_deadline_holds(host: Host, local: Path, remote: Path) -> None:
    with pytest.raises(AnswerTimeoutError):
        host.upload(local, str(remote), progress=ignore, timeout=0.0)


def test_memory_stays_flat(host: Host, tmp_path: Path, remote: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"x" * 12_000_000)
    tracemalloc.start()
    try:
        host.upload(big, str(remote), progress=ignore, timeout=20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000
    with remote.open("rb") as file:
        assert (
            hashlib.file_digest(file, "sha256").digest()
            == hashlib.sha256(big.read_bytes()).digest()
        )
