"""Whether what a run does not touch is as it was."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deployctl.engines.compose.look import untouched
from deployctl.host.facts import ContainerState

from .support import API, POSTGRES, WHEN

AGAIN = replace(POSTGRES, started_at=WHEN + timedelta(minutes=1))
ANEW = replace(AGAIN, id="c9")


@pytest.mark.parametrize(
    ("now", "engine_restarted", "same", "restarted"),
    [
        (POSTGRES, False, True, False),
        (POSTGRES, True, True, False),
        (AGAIN, True, True, True),
        (AGAIN, False, False, True),
        (ANEW, True, False, False),
    ],
)
def test_only_the_id_counts_after_a_restart_of_docker_and_that_is_told(
    now: ContainerState, engine_restarted: bool, same: bool, restarted: bool
) -> None:
    after = (API, now)
    [other] = untouched((API, POSTGRES), after, ("api",), restarted=engine_restarted)
    assert (other.same, other.restarted) == (same, restarted)
