"""Evidence is private, whole, and stays inside its directory."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployctl.errors import RefusedError
from deployctl.evidence.redact import MARK, Redactor
from deployctl.evidence.run_directory import RunDirectory, safe_name, state_home


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_modes_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    directory = RunDirectory(tmp_path / "base", "lab", "r1")
    written = directory.write_bytes("gates/health.json", b"{}")
    stream = directory.append("build.log")
    stream.line("x")
    assert written is not None
    assert [mode(path) for path in (written, stream.path)] == [0o600, 0o600]
    made = (tmp_path / "base", directory.path.parent, directory.path, written.parent)
    assert {mode(path) for path in made} == {0o700}


def test_a_directory_of_the_user_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    RunDirectory(tmp_path, "lab", "r1")
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../b", "", "a//b", ".hidden", "a b", "a\n"])
def test_names_can_not_lead_out_of_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="artefact"):
        RunDirectory(tmp_path, "lab", "r1").write_bytes(name, b"")


@pytest.mark.parametrize("text", ["../../etc", "a/b", "", "..", "é\n", "-rf"])
def test_any_text_becomes_a_safe_name(tmp_path: Path, text: str) -> None:
    assert (
        RunDirectory(tmp_path, text, text).write_bytes(f"{safe_name(text)}.json", b"") is not None
    )


def test_everything_passes_the_redactor(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, "lab", "r1", Redactor({"X": "hunter2hunter2"}))
    path = directory.write_text("a.txt", "is hunter2hunter2")
    stream = directory.append("build.log")
    stream.line("hunter2hunter2")
    assert path is not None
    assert path.read_text() == "is [redacted]"
    assert stream.path.read_text() == "[redacted]\n"


def test_what_can_not_be_cleaned_is_dropped_and_named(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, "lab", "r1", Redactor({"X": "hunter2hunter2"}))
    assert directory.write_bytes("core", "hunter2hunter2".encode("utf-16")) is None
    assert directory.dropped == ["core"]
    assert list(directory.files()) == []


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory(tmp_path, "lab", "r1")
    path = directory.write_bytes("a.txt", b"old")
    assert path is not None

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert directory.write_bytes("a.txt", b"new") is None
    assert directory.write_bytes("gates/b.txt", b"new") is None
    assert isinstance(directory.error, OSError), "who seals must know"
    assert sorted(each.name for each in path.parent.rglob("*")) == ["a.txt", "gates"]
    assert path.read_bytes() == b"old"


def test_a_place_that_can_not_be_written_is_refused_before_anything_happens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedError) as error:
        RunDirectory(tmp_path / "file", "lab", "r1")
    assert "--evidence-dir" in error.value.next_step


def test_the_default_place_follows_xdg(tmp_path: Path) -> None:
    assert state_home({"XDG_STATE_HOME": "/s"}) == Path("/s/deployctl")
    assert state_home({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local/state/deployctl"


def test_what_is_json_stays_json(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, "lab", "r1", Redactor({"X": "hunter2hunter2"}))
    value = {"a": "password=", "b": ['token: "hunter2hunter2\\"', 1.5, None], "c\udcff": "\udcff"}
    path = directory.write_json("plan.json", value)
    assert path is not None
    assert json.loads(path.read_text()) == {
        "a": "password=", "b": [f'token: "{MARK}\\"', 1.5, None], "c?": "?",
    }  # fmt: skip
