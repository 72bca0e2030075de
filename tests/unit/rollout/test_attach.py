"""`deployctl attach`: what people are told while they wait."""

import pytest

from deployctl.engines.compose.survey import Unfinished
from deployctl.rollout.attach import _waits


@pytest.mark.parametrize(
    ("run", "gone", "says"),
    [
        (Unfinished("run-7", "swapped", {}, 60, 90), 20.0, "the host puts it back by itself in 70"),
        (Unfinished("run-7", "swapped", {}, 60, 90), 100.0, "to end on the host, since 100 s"),
        (
            Unfinished("run-7", "swapped", {"command": "rollback"}, 60, 90),
            20.0,
            "a rollback: the host brings it to its end by itself",
        ),
        (None, 20.0, "to end on the host, since 20 s"),
    ],
)
def test_it_says_what_it_waits_for_and_how_long_yet(
    run: Unfinished | None, gone: float, says: str
) -> None:
    told = _waits("run-7", run, gone)
    assert told.startswith("Waiting for run run-7")
    assert says in told
