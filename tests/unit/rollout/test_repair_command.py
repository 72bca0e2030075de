"""`deployctl compose repair` of a file that Compose accepts."""

from typing import Any

import pytest

from deployctl.config.settings import HostSettings, Settings
from deployctl.errors import RefusedError
from deployctl.rollout.repair import _unbroken
from tests.unit.engines.support import FILE, survey

SETTINGS = Settings(target="lab", host=HostSettings(host="h"), services=("api",))
MOVED = " Container techno-os-api  Recreate\n"


def test_a_file_that_is_what_runs_is_left_as_it_is() -> None:
    found = _unbroken(SETTINGS, survey())
    assert (found.result, found.path) == ("unchanged", FILE)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dry_run": MOVED, "dry_run_alone": MOVED}, "isn't what runs"),
        ({"dry_run": "no such image"}, "its dry run failed: no such image"),
    ],
)
def test_what_is_not_proven_to_be_what_runs_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        _unbroken(SETTINGS, survey(**changes))
