"""What a command is told that meets another's run: how far that is, and how to wait for it."""

from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.engines.compose.survey import Unfinished
from deployctl.errors import LockedError
from deployctl.rollout import checks
from tests.unit.engines.support import survey

HOLDER = {"command": "hotfix", "revision": "d73cfb1", "by": "ben", "runId": "run-7"}


def locked(command: str, *unfinished: Unfinished) -> LockedError:
    session: Any = SimpleNamespace(
        command=command,
        dry=False,
        options=SimpleNamespace(),
        facts=survey(unfinished=unfinished, lock_holder=HOLDER),
    )
    with pytest.raises(LockedError) as caught:
        checks._check_host(session)
    return caught.value


def test_a_rollback_is_told_in_how_many_seconds_the_client_counts_as_gone() -> None:
    error = locked("rollback", Unfinished("run-7", "swapped", HOLDER, 4, 90))
    assert "It has switched, but is not proven yet" in error.what
    assert "counts as gone if nothing is heard of it for 12 s more" in error.what
    assert error.next_step.startswith("deployctl rollback --lock-wait 20s waits for that")


def test_where_the_other_has_switched_production_is_not_called_untouched() -> None:
    error = locked("hotfix", Unfinished("run-7", "swapped", HOLDER, 4, 90))
    assert error.production.startswith("This command touched nothing.")
    assert "--lock-wait 5m" in error.next_step


def test_where_it_has_changed_nothing_it_is() -> None:
    assert locked("hotfix").production == "Production was not touched."
