"""Figures of any history of runs: no value that can't be, and no dependence on order."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from deployctl.evidence.stats.figures import RATE_FROM, TAIL_FROM, median, percentile, stats
from deployctl.evidence.stats.runs import Run
from tests.unit.evidence.stats.support import START, at

RESULTS = (
    "sealed", "unchanged", "untouched", "rolled-back", "rollback-failed", "refused",
    "inconclusive", "unreachable", "interrupted", "bug",
)  # fmt: skip
moments = st.integers(0, 60 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
releases = st.sampled_from([None, "r1", "r2", "r3"])
runs = st.lists(
    st.builds(
        Run,
        run_id=st.uuids().map(str),
        command=st.sampled_from(["hotfix", "rollback", "confirm", "plan"]),
        target=st.sampled_from(["a", "b"]),
        project=st.sampled_from(["", "p", "q"]),
        result=st.sampled_from(RESULTS),
        started_at=moments,
        ended_at=moments,
        sha=st.sampled_from([None, "x", "y"]),
        release=releases,
        previous=releases,
        committed_at=st.none() | moments,
        switched_at=st.none() | moments,
        live_at=st.none() | moments,
        put_back=st.booleans(),
        put_back_proven=st.booleans(),
        put_back_ms=st.none() | st.integers(0, 10**6),
        put_back_at=st.none() | moments,
        outage_ms=st.none() | st.integers(0, 10**6),
        resolution_ms=st.none() | st.integers(0, 10**4),
    ),
    max_size=30,
)
values = st.lists(st.floats(0, 1e9), min_size=1, max_size=50)


@given(runs)
def test_no_figure_is_one_that_cannot_be(history: list[Run]) -> None:
    for service in stats(history, at(-1), at(90)):
        assert sum(end.runs for end in service.ends) == service.runs > 0
        for figure in service.figures:
            assert figure.value is None or figure.value >= 0
            assert bool(figure.note) or figure.value is not None
            if figure.unit == "ratio":
                assert figure.hits is not None
                assert 0 <= figure.hits <= figure.sample
                assert (figure.value is None) == (figure.sample < RATE_FROM)
            if figure.name.endswith("P90") and figure.value is not None:
                assert figure.sample >= TAIL_FROM


@given(runs, st.randoms())
def test_the_order_in_which_runs_are_found_is_nothing_to_them(
    history: list[Run], random: Random
) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)
    assert stats(history, at(-1), at(90)) == stats(shuffled, at(-1), at(90))


@given(runs)
def test_a_refusal_changes_no_rate(history: list[Run]) -> None:
    refused = Run("zz", "hotfix", "a", "p", "refused", at(50), at(50))

    def rates(found: list[Run]) -> list[object]:
        return [
            (service.target, service.project, figure)
            for service in stats(found, at(-1), at(90))
            for figure in service.figures
            if figure.unit == "ratio" and figure.sample
        ]

    named = [run for run in history if run.project]
    assert rates(named) == rates([*named, refused])


@given(values)
def test_middle_and_tail_lie_within_the_values(numbers: list[float]) -> None:
    middle, tail = median(numbers), percentile(numbers, 90)
    assert middle is not None
    assert tail is not None
    assert min(numbers) <= middle <= max(numbers)
    assert tail in numbers
    assert sum(number <= tail for number in numbers) >= 0.9 * len(numbers)
