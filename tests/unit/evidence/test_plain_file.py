"""Whatever lies at a path: its bytes, or a clause, at once."""

import os
from pathlib import Path

import pytest

from deployctl.evidence.plain_file import clause, read


def refused(path: Path, most: int = 10) -> str:
    with pytest.raises((OSError, ValueError)) as found:
        read(path, most)
    assert isinstance(found.value, OSError | ValueError)
    return clause(found.value)


def test_a_plain_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "b").symlink_to("a")
    assert read(tmp_path / "a", 10) == read(tmp_path / "b", 10) == b"0123456789"
    assert refused(tmp_path / "a", 9) == "it is larger than 9 bytes"


def test_what_never_ends_or_never_begins(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in (tmp_path / "fifo", tmp_path / "zero", tmp_path, Path("/dev/null")):
        assert refused(path) == "it is no plain file"


def test_one_that_is_larger_than_it_says() -> None:
    """Files of /proc say that they have no bytes."""
    assert refused(Path("/proc/self/status")) == "it is larger than 10 bytes"


def test_a_sparse_one(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(8 << 30)
    assert refused(tmp_path / "sparse", 1 << 20) == "it is larger than 1048576 bytes"


def test_one_whose_reading_fails_or_that_is_not_there(tmp_path: Path) -> None:
    assert refused(Path("/proc/self/mem")) == "Input/output error"
    assert refused(tmp_path / "none") == "No such file or directory"
