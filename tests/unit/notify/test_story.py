"""What a run's end means to somebody who wasn't there."""

from typing import Any

import pytest

from deployctl.config.notify import End
from deployctl.notify.story import Happened, end_of, happened, named, outage, serving
from deployctl.result import Availability, Release, Result, Rollback

from .support import NEW, OLD, put_back, refused, result, stage

FAILED = Rollback(performed=True, state="failed", duration_ms=1)
SKIPPED = [stage("swap", 20, 0, "skipped")]
ENDS: dict[str, tuple[Result, End, Happened, Release | None]] = {
    "a hotfix": (result(), "success", "deployed", NEW),
    "the first one": (result(previous=None), "success", "deployed", NEW),
    "live already": (result("unchanged", stages=SKIPPED), "success", "nothing", NEW),
    "confirmed by another client": (
        result(command="confirm", stages=[], previous=None), "success", "deployed", NEW,
    ),
    "a rollback": (result(command="rollback", release=OLD), "success", "went-back", OLD),
    "a gate failed": (put_back(), "rollback", "put-back", OLD),
    "want of proof": (put_back("inconclusive"), "rollback", "put-back", OLD),
    "interrupted after the switch": (put_back("interrupted"), "rollback", "put-back", OLD),
    "a bug after the switch": (put_back("bug"), "rollback", "put-back", OLD),
    "nothing was there before": (put_back(previous=None), "rollback", "put-back", None),
    "a person is needed": (
        put_back("rollback-failed", rollback=FAILED), "failure", "unknown", None,
    ),
    "no way back": (
        put_back("rollback-failed", rollback=Rollback(state="failed")), "failure", "unknown", None,
    ),
    "the build failed": (result("untouched", stages=[]), "failure", "nothing", OLD),
    "armed, but not switched": (
        result("untouched", stages=[], rollback=Rollback(duration_ms=1)), "failure", "nothing", OLD,
    ),
    "interrupted before": (result("interrupted", stages=[]), "interrupted", "nothing", OLD),
    "refused": (refused(), "refused", "nothing", None),
    "out of reach": (refused(result="unreachable"), "refused", "nothing", None),
    "not sealed": (result("seal-failed", seal=None), "failure", "deployed", NEW),
    "live already, not sealed": (result("seal-failed", stages=SKIPPED), "failure", "nothing", OLD),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_every_end_is_one_of_a_few_and_says_what_serves(name: str) -> None:
    found, end, what, release = ENDS[name]
    assert (end_of(found), happened(found), serving(found)) == (end, what, release)


def test_an_outage_is_told_with_its_resolution_and_only_where_there_was_a_switch() -> None:
    assert outage(result()) == "1.2 s ± 25 ms"
    assert outage(result("unchanged", stages=SKIPPED)) == ""
    assert outage(result(availability=None)) == ""


def test_an_outage_that_was_not_over_is_no_exact_one() -> None:
    seen = Availability(
        probes=9, failures=2, unknown=0, downtime_ms=1200, still_down=True, resolution_ms=25
    )
    told = "at least 1.2 s ± 25 ms, and not over when the measurement ended"
    assert outage(put_back("rollback-failed", rollback=FAILED, availability=seen)) == told


@pytest.mark.parametrize(
    ("release", "name"),
    [
        (NEW, "r2 (d73cfb1)"),
        (Release(number="r0", image="api:old"), "r0"),
        (Release(image="api:old"), "api:old"),
        (None, ""),
    ],
)
def test_a_release_is_named_as_a_person_would(release: Any, name: str) -> None:
    assert named(release) == name
