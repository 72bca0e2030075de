"""The program that writes a file of metrics, in every shell that may be there."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from deployctl.host import programs
from deployctl.host.wire import Answer, RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
TEXT = '# HELP x X.\n# TYPE x gauge\nx{a="\\"b\\n$(touch oops)`id`"} 1\n'


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return [*words, "-c", 'IFS= read -r b && eval "$b"']


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "textfile").mkdir()
    return tmp_path / "textfile"


def put(shell: list[str], directory: Path, text: str = TEXT, name: str = "d.prom") -> Answer:
    script = programs.script("textfile", {"DIRECTORY": str(directory), "NAME": name, "TEXT": text})
    ran = subprocess.run(shell, input=script.data, capture_output=True, timeout=10, check=False)
    reader = RecordReader(script.nonce)
    reader.feed(ran.stdout)
    records = []
    while record := reader.next():
        records.append(record)
    return Answer(records)


def test_the_file_is_there_for_all_to_read_and_nothing_else(shell: list[str], place: Path) -> None:
    (place / "d.prom").write_text("old")
    answer = put(shell, place)
    assert answer.text("written") == str(place / "d.prom")
    assert (place / "d.prom").read_text() == TEXT
    assert stat.S_IMODE((place / "d.prom").stat().st_mode) == 0o644
    assert [path.name for path in place.iterdir()] == ["d.prom"]


def test_whoever_has_the_old_file_open_reads_the_old_one(shell: list[str], place: Path) -> None:
    (place / "d.prom").write_text("old")
    with (place / "d.prom").open() as reading:
        put(shell, place)
        assert reading.read() == "old"


def test_a_link_in_its_place_is_replaced_and_not_followed(shell: list[str], place: Path) -> None:
    (place / "elsewhere").write_text("theirs")
    (place / "t").mkdir()
    (place / "t/d.prom").symlink_to(place / "elsewhere")
    put(shell, place / "t")
    assert (place / "elsewhere").read_text() == "theirs"
    assert (place / "t/d.prom").read_text() == TEXT


def test_a_place_that_cannot_be_written_is_told_and_leaves_nothing(
    shell: list[str], place: Path
) -> None:
    assert put(shell, place / "missing").text("fail") == (f"there is no directory {place}/missing")
    (place / "d.prom").mkdir()
    assert put(shell, place).text("fail") == f"{place}/d.prom is a directory"
    assert [path.name for path in place.iterdir()] == ["d.prom"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can only be mounted by root")
def test_a_disk_that_is_full_keeps_the_old_file(shell: list[str], place: Path) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", place], check=False
    ).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (place / "d.prom").write_text("old")
        answer = put(shell, place, "x" * 65536)
        assert "its disk is full" in answer.text("fail")
        assert (place / "d.prom").read_text() == "old"
        assert [path.name for path in place.iterdir()] == ["d.prom"]
    finally:
        subprocess.run(["umount", place], check=True)
