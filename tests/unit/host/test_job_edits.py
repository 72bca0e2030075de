"""Somebody edits the Compose file during a run: what the job's `unedited` makes of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deployctl.host.programs import program_text

SHELLS = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}
OLD, NEW = "api:1", "api:2"
TWO = """services:
  api:
    image: {api}
    ports: ["80:80"]
  worker:
    image: {worker}
"""


@pytest.fixture(params=SHELLS)
def unedited(request: pytest.FixtureRequest, tmp_path: Path) -> "Unedited":
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return Unedited(words, tmp_path)


class Unedited:
    def __init__(self, words: list[str], run: Path) -> None:
        self._words = words
        self._run = run
        (run / "services").write_text("api\t0\n")
        found = re.search(
            r"^unedited\(\) \{\n.*?^\}$", program_text("job"), re.DOTALL | re.MULTILINE
        )
        assert found is not None
        self._script = f'spend() {{ :; }}\n{found[0]}\nunedited 1 "$1" "$2" "$3"'

    def __call__(self, before: str, after: str, now: str, literal: str = OLD) -> str | None:
        """The file without our edit, or None where that can't be told."""
        for name, text in (("edit.1.before", before), ("edit.1.after", after), ("now", now)):
            (self._run / name).write_bytes(text.encode())
        done = subprocess.run(
            [*self._words, "-c", self._script, "sh", literal, NEW, str(self._run / "now")],
            env={"RUN": str(self._run), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            capture_output=True, check=False, timeout=30,
        )  # fmt: skip
        if done.returncode != 0:
            return None
        return (self._run / "edit.1.merged").read_bytes().decode()


def test_what_they_added_stays_and_our_line_goes_back(unedited: Unedited) -> None:
    before = TWO.format(api=OLD, worker="w:1")
    after = before.replace(OLD, NEW)
    now = after.replace("services:\n", "# ours\nservices:\n") + "# theirs é\n"
    assert unedited(before, after, now) == now.replace(NEW, OLD)


def test_each_service_gets_its_own_image_back(unedited: Unedited) -> None:
    before = TWO.format(api="app-api:1", worker="app-worker:1")
    after = TWO.format(api=NEW, worker=NEW)
    assert unedited(before, after, f"{after}# x\n") == f"{before}# x\n"


def test_a_line_that_we_added_goes(unedited: Unedited) -> None:
    before = "services:\n  api:\n    build: .\n  db:\n    image: postgres\n"
    after = before.replace("    build: .\n", f"    image: {NEW}\n    build: .\n")
    assert unedited(before, after, f"{after}# x\n", "-") == f"{before}# x\n"


def test_line_ends_stay(unedited: Unedited) -> None:
    before = TWO.format(api=OLD, worker="w:1").replace("\n", "\r\n")
    after = before.replace(OLD, NEW)
    assert unedited(before, after, f"{after}# x\r\n") == f"{before}# x\r\n"


def test_a_comment_behind_our_image_stays(unedited: Unedited) -> None:
    before = TWO.format(api=OLD, worker="w:1")
    now = before.replace(OLD, f"{NEW} # the hotfix")
    assert unedited(before, before.replace(OLD, NEW), now) == now.replace(NEW, OLD)


@pytest.mark.parametrize(
    "now",
    [
        TWO.format(api="api:3", worker="w:1"),
        TWO.format(api=f"{NEW}-debug", worker="w:1"),
        TWO.format(api=NEW, worker=NEW),
        "",
    ],
    ids=["another image", "an image whose name goes on", "ours twice", "nothing"],
)
def test_what_is_not_ours_any_more_is_not_guessed(unedited: Unedited, now: str) -> None:
    before = TWO.format(api=OLD, worker="w:1")
    assert unedited(before, before.replace(OLD, NEW), now) is None
