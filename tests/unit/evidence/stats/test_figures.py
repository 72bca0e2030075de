"""What each figure counts, what it doesn't, and when it says nothing."""

from datetime import datetime

import pytest

from deployctl.evidence.stats.figures import Figure, ServiceStats, median, percentile, stats
from deployctl.evidence.stats.runs import Run

from .support import at, back, run


def service(*runs: Run, until: datetime | None = None) -> ServiceStats:
    [found] = stats(runs, at(-1), until or at(60))
    return found


def figure(name: str, *runs: Run, until: datetime | None = None) -> Figure:
    [found] = [each for each in service(*runs, until=until).figures if each.name == name]
    return found


def test_every_figure_says_what_it_counts_and_what_it_leaves_out() -> None:
    figures = service(run("sealed", 0)).figures
    assert [each.name for each in figures[:5]] == [
        "deploymentFrequency",
        "changeLeadTime",
        "changeFailureRate",
        "failedDeploymentRecoveryTime",
        "deploymentReworkRate",
    ]
    assert all(each.counts and each.leaves_out for each in figures)


def test_a_figure_without_enough_data_has_no_value_but_a_note() -> None:
    for each in service(run("refused", 0)).figures:
        assert each.value is None
        assert each.note


class TestDeploymentFrequency:
    def test_is_over_the_time_since_the_oldest_evidence(self) -> None:
        found = figure(
            "deploymentFrequency", run("refused", 0), run("sealed", 3), run("sealed", 13),
            until=at(14),
        )  # fmt: skip
        assert (found.value, found.sample, found.unit) == (1.0, 2, "per week")

    def test_counts_neither_rollbacks_nor_what_was_live_already(self) -> None:
        runs = (back(1, "r1"), run("unchanged", 2), run("rolled-back", 3))
        assert figure("deploymentFrequency", *runs).sample == 0

    def test_counts_a_release_that_confirm_kept(self) -> None:
        kept = run("sealed", 1, command="confirm", switched_at=None)
        assert figure("deploymentFrequency", kept).sample == 1

    def test_is_over_all_of_the_time_that_evidence_reaches_back(self) -> None:
        [found] = stats([run("sealed", 0), run("sealed", 192)], at(130), at(200))
        assert (found.since, found.runs) == (at(130), 1)
        assert (found.figures[0].value, found.figures[0].sample) == (0.1, 1)

    def test_is_no_rate_within_a_week(self) -> None:
        found = figure("deploymentFrequency", run("sealed", 0), until=at(6))
        assert found.value is None
        assert found.note == "1 in 6.0 days: too short a time for a rate"


class TestChangeLeadTime:
    def test_is_the_median_from_commit_to_proven(self) -> None:
        runs = [
            run("sealed", day, sha=f"{day}", committed_at=at(day, 8 - minutes))
            for day, minutes in ((1, 10), (2, 30), (3, 20))
        ]
        found = figure("changeLeadTime", *runs)
        assert (found.value, found.sample) == (20 * 60 * 1000, 3)
        assert not found.lower_bound

    def test_counts_a_commit_once_and_only_with_a_time_that_can_be(self) -> None:
        again = (
            run("sealed", 1, sha="a", committed_at=at(1)),
            run("sealed", 9, sha="a", committed_at=at(1)),
            run("sealed", 3, sha="b", committed_at=at(30)),
            run("sealed", 4, sha="c"),
        )
        assert figure("changeLeadTime", *again).sample == 1

    def test_a_commit_that_was_live_before_the_time_is_not_live_again(self) -> None:
        runs = [run("sealed", day, sha="a", committed_at=at(1)) for day in (2, 12)]
        [found] = stats(runs, at(10), at(60))
        assert found.figures[1].sample == 0


class TestChangeFailureRate:
    def test_is_of_what_came_as_far_as_the_switch(self) -> None:
        runs = [run("sealed", day) for day in range(6)]
        runs += [run("rolled-back", 10), run("inconclusive", 11), run("rollback-failed", 12)]
        found = figure("changeFailureRate", *runs)
        assert (found.hits, found.sample, found.value) == (3, 9, 3 / 9)

    def test_can_be_too_large_where_not_every_one_is_known_to_have_failed(self) -> None:
        runs = [run("sealed", 1), *(run("rolled-back", day) for day in range(2, 6))]
        assert figure("changeFailureRate", *runs).lower_bound
        assert not figure("changeFailureRate", *runs, run("inconclusive", 6)).lower_bound

    def test_a_release_that_was_left_since_counts_where_its_switch_does(self) -> None:
        runs = [run("sealed", 1, release="r1"), *(run("sealed", day) for day in range(11, 16))]
        [found] = stats([*runs, back(16, "r1")], at(10), at(60))
        rate, recovery = found.figures[2:4]
        assert (rate.hits, rate.sample) == (0, 5)
        assert (recovery.value, recovery.sample) == (8 * 60 * 1000, 1)

    def test_a_change_that_confirm_kept_is_one_and_did_not_fail(self) -> None:
        lost = run("rollback-failed", 1, release="r5", sha="s")
        kept = run("sealed", 1.01, command="confirm", switched_at=None, release="r5")
        rate, recovery, rework = service(lost, kept).figures[2:5]
        assert (rate.hits, rate.sample) == (0, 1)
        assert (recovery.sample, recovery.note) == (
            0,
            "no failed deployment that was recovered from",
        )
        assert (rework.hits, rework.sample) == (0, 1)
        assert service(lost, kept).runs == 2

    def test_another_release_that_was_kept_is_another_change(self) -> None:
        lost = run("rollback-failed", 1, release="r5")
        kept = run("sealed", 2, command="confirm", switched_at=None, release="r6")
        rate = service(lost, kept).figures[2]
        assert (rate.hits, rate.sample) == (1, 2)

    @pytest.mark.parametrize(
        "before",
        [
            run("refused", 20),
            run("untouched", 20),
            run("inconclusive", 20, put_back=False, switched_at=None),
            run("interrupted", 20, put_back=True, put_back_proven=True),
            run("unreachable", 20),
        ],
        ids=lambda each: each.result,
    )
    def test_counts_no_refusal_no_failure_before_the_switch_and_no_person(
        self, before: Run
    ) -> None:
        runs = [run("sealed", day) for day in range(5)]
        found = figure("changeFailureRate", *runs, before)
        assert (found.hits, found.sample) == (0, 5)

    def test_counts_a_release_that_was_left_later_once(self) -> None:
        runs = [run("sealed", day, release=f"r{day}") for day in range(1, 6)]
        found = figure("changeFailureRate", *runs, back(6, "r5"), back(7, "r4"), back(8, "r5"))
        assert (found.hits, found.sample) == (2, 5)

    def test_is_no_rate_of_few(self) -> None:
        found = figure("changeFailureRate", run("sealed", 1))
        assert found.value is None
        assert found.note == "0 of 1 changes: too few for a rate, it takes 5"


class TestFailedDeploymentRecoveryTime:
    def test_is_from_the_switch_until_it_was_put_back(self) -> None:
        found = figure("failedDeploymentRecoveryTime", run("rolled-back", 1))
        assert (found.value, found.lower_bound) == (2 * 60 * 1000, False)

    def test_of_a_failed_rollback_is_until_the_next_good_run(self) -> None:
        runs = (run("rollback-failed", 1), run("refused", 2), run("sealed", 3))
        assert figure("failedDeploymentRecoveryTime", *runs).value == (2 * 1440 + 3) * 60 * 1000

    def test_of_a_release_that_was_left_is_a_lower_bound(self) -> None:
        runs = (run("sealed", 1, release="r1"), back(2, "r1"))
        found = figure("failedDeploymentRecoveryTime", *runs)
        assert (found.value, found.lower_bound) == (8 * 60 * 1000, True)

    def test_tells_of_what_is_not_recovered_from(self) -> None:
        found = figure("failedDeploymentRecoveryTime", run("rollback-failed", 1))
        assert (found.value, found.sample, found.lower_bound) == (None, 0, False)
        assert "1 not recovered from yet" in found.note

    def test_of_what_a_later_run_found_good_may_have_been_shorter(self) -> None:
        runs = (run("sealed", 1, release="r1"), back(2, "r1"), run("rollback-failed", 3))
        found = figure("failedDeploymentRecoveryTime", *runs, run("unchanged", 4))
        assert (found.sample, found.lower_bound) == (2, False)

    def test_of_one_that_failed_before_is_counted_when_it_ended(self) -> None:
        [found] = stats([run("rollback-failed", 1), run("sealed", 30)], at(20), at(60))
        assert found.figures[3].value == (29 * 1440 + 3) * 60 * 1000
        assert (found.figures[2].hits, found.figures[2].sample) == (0, 1)


class TestDeploymentReworkRate:
    def test_counts_rollbacks_and_the_hotfix_after_one(self) -> None:
        runs = (run("sealed", 1), run("sealed", 2), back(3, "r2"), run("sealed", 4))
        found = figure("deploymentReworkRate", *runs, run("sealed", 5))
        assert (found.hits, found.sample, found.value) == (2, 5, 0.4)

    def test_what_was_put_back_within_its_run_needs_no_rework(self) -> None:
        runs = [run("rolled-back", 1), *(run("sealed", day) for day in range(2, 7))]
        assert figure("deploymentReworkRate", *runs).hits == 0


class TestItsOwn:
    def test_outage_is_of_switches_that_stayed_and_were_measured(self) -> None:
        runs = (
            run("sealed", 1, outage_ms=0, resolution_ms=25),
            run("sealed", 2, outage_ms=1000, resolution_ms=50),
            run("sealed", 3),
            run("rolled-back", 4, outage_ms=9000, resolution_ms=25),
        )
        found = figure("outagePerSwitchMedian", *runs)
        assert (found.value, found.sample) == (500, 2)
        assert "to within 50 ms" in found.counts
        assert figure("outagePerSwitchP90", *runs).value is None

    def test_a_ninetieth_percentile_takes_ten(self) -> None:
        runs = [run("sealed", day, outage_ms=day * 100, resolution_ms=25) for day in range(1, 11)]
        assert figure("outagePerSwitchP90", *runs).value == 900

    def test_rollback_time_is_of_those_that_were_proven(self) -> None:
        failed = run("rollback-failed", 2, put_back=True, put_back_ms=90_000)
        assert figure("rollbackTimeMedian", run("rolled-back", 1), failed).value == 4000

    def test_runs_are_counted_by_their_end(self) -> None:
        found = service(run("sealed", 1), run("refused", 2), run("refused", 3))
        assert [(end.result, end.runs) for end in found.ends] == [("refused", 2), ("sealed", 1)]
        assert found.runs == 3


class TestServices:
    def test_two_projects_under_one_target_are_not_mixed(self) -> None:
        runs = [run("sealed", 1), run("sealed", 2, project="blog")]
        found = stats(runs, at(0), at(9))
        assert [(each.project, each.runs) for each in found] == [("blog", 1), ("shop", 1)]

    def test_a_run_that_knew_no_project_belongs_to_the_only_one(self) -> None:
        [found] = stats([run("sealed", 1), run("unreachable", 2, project="")], at(0), at(9))
        assert found.runs == 2

    def test_one_target_may_be_asked_for(self) -> None:
        runs = [run("sealed", 1), run("sealed", 2, target="staging")]
        assert [each.target for each in stats(runs, at(0), at(9), "staging")] == ["staging"]

    def test_what_was_before_the_time_does_not_count(self) -> None:
        assert stats([run("sealed", 1)], at(2), at(9)) == ()

    def test_plans_are_no_runs(self) -> None:
        assert stats([run("planned", 1, command="plan")], at(0), at(9)) == ()


def test_the_median_of_an_even_number_is_between_the_middle_ones() -> None:
    assert (median([1, 4]), median([3, 1, 2]), median([])) == (2.5, 2, None)


def test_a_percentile_is_one_of_the_values() -> None:
    assert (percentile(range(1, 101), 90), percentile([7], 90), percentile([], 90)) == (90, 7, None)
