"""`deployctl compose repair` of a file that Compose accepts."""

from dataclasses import replace
from unittest.mock import MagicMock

import pytest

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines.compose.repair import Reconstruction
from deployctl.engines.compose.weigh import Weighed
from deployctl.engines.compose.whole import Whole
from deployctl.errors import RefusedError
from deployctl.evidence.redact import MARK, Redactor
from deployctl.rollout import repair as command
from deployctl.rollout.repair import _unbroken, told
from tests.unit.engines.support import FILE, source, survey

FIXED = Reconstruction(
    path="/c.yml", source="release r1", broken=b"x", data=b"A_TOKEN: s3cret-one\n",
    diff="+A_TOKEN: s3cret-one\n+B: known-value\n", compared=("api: command as known-value has",),
    weighed=Weighed("", (), "", "", ()),
)  # fmt: skip
SETTINGS = Settings(target="lab", host=HostSettings(host="h"), services=("api",))


def test_a_file_that_is_what_runs_is_left_as_it_is() -> None:
    found = _unbroken(SETTINGS, survey(), Whole())
    assert (found.result, found.path) == ("unchanged", FILE)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (Whole(moved=("db: Recreate",), differences=("db: image",)), r"db: Recreate.*db: image\."),
        (Whole(untold="its dry run failed: no such image"), "its dry run failed: no such image"),
    ],
)
def test_what_is_not_proven_to_be_what_runs_is_refused(found: Whole, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        _unbroken(SETTINGS, survey(), found)


def test_what_is_shown_of_a_reconstruction_has_no_secret_and_the_file_stays_as_it_is() -> None:
    shown = told(FIXED, Redactor({"X": "known-value"}))
    assert shown.diff == f"+A_TOKEN: {MARK}\n+B: {MARK}\n"
    assert shown.compared == (f"api: command as {MARK} has",)
    assert shown.data == FIXED.data


@pytest.mark.parametrize("writable", ["owner", "no", "read-only"])
def test_a_file_that_would_not_keep_its_owner_is_refused_before_anybody_is_asked(
    monkeypatch: pytest.MonkeyPatch, writable: str
) -> None:
    file = replace(source(b"services: ["), owner="root", group="root", writable=writable)
    facts = survey(files=(file,), config_error="yaml: line 1", user="deploy")
    monkeypatch.setattr(command, "Link", lambda *_: MagicMock())
    monkeypatch.setattr(command.survey, "take", lambda *_, **__: facts)
    monkeypatch.setattr(command, "reconstruct", lambda *_: replace(FIXED, path=FILE))
    monkeypatch.setattr(command, "known_files", lambda *_: ())
    asked = MagicMock()
    with pytest.raises(RefusedError) as refused:
        command.repair(SETTINGS, None, "ann", asked, MagicMock())
    assert FILE in refused.value.what
    assert ("with its owner and group (root:root)" in refused.value.what) is (writable == "owner")
    asked.assert_not_called()
