"""Which run is meant: its ID becomes a part of a path on the host."""

import pytest

from deployctl.engines.compose import runs
from deployctl.engines.compose.survey import Unfinished
from deployctl.engines.releases import resolve
from deployctl.errors import RefusedError, UsageError
from tests.unit.engines.support import record, survey

HOSTILE = [
    "../../../tmp/x", "..", ".", "/etc", "a/b", "a b", "a\nb", "a\0b", "$(touch x)", "`x`", "a;b",
    "-rf", "--help", "a'b", "é", "\x1b[2J", "a" * 101, "",
]  # fmt: skip


def left(run_id: str) -> Unfinished:
    return Unfinished(run_id, "swapped", {}, 60)


@pytest.mark.parametrize("run_id", HOSTILE)
class TestWhatIsNoRunsID:
    def test_of_a_person_is_a_usage_error(self, run_id: str) -> None:
        with pytest.raises(UsageError, match="is no run"):
            runs.meant(survey(), run_id)

    def test_of_the_hosts_files_is_no_run_either(self, run_id: str) -> None:
        facts = survey(unfinished=(left(run_id),), lock_holder={"runId": run_id})
        with pytest.raises(RefusedError, match="no unfinished run"):
            runs.meant(facts, None)

    def test_is_no_release(self, run_id: str) -> None:
        releases = (record("r0"), record("r1", sha="d73cfb1" + "0" * 33))
        with pytest.raises(RefusedError, match="No release here"):
            resolve(releases, releases[1], run_id)


def test_the_only_one_is_meant_also_where_it_holds_the_lock() -> None:
    facts = survey(unfinished=(left("r-1"),), lock_holder={"runId": "r-1"})
    assert runs.meant(facts, None) == "r-1"


def test_of_several_one_has_to_be_named() -> None:
    with pytest.raises(RefusedError, match="2 unfinished runs"):
        runs.meant(survey(unfinished=(left("r-1"), left("r-2"))), None)


@pytest.mark.parametrize("state", ["swapped", "rolling_back", "rollback_failed up"])
def test_the_way_back_names_the_run(state: str) -> None:
    """The same words without it go one release too far once the host has put the run back."""
    told = runs.choices(Unfinished("run-1", state, {}, silent_s=60))
    assert told.startswith("deployctl rollback --run run-1 puts back what held before it")
