"""From samples to outages."""

import pytest

from deployctl.gates import outage
from deployctl.gates.outage import Cause, Outage, Sample, Series, Summary, Timeline, summarize

STEP = 0.025
LETTERS = {".": Cause.OK, "x": Cause.REFUSED, "t": Cause.TIMEOUT, "?": Cause.NO_LINK}


def summary(picture: str, step: float = STEP) -> Summary:
    """One letter a sample: `.` up, `x` refused, `t` timeout, `?` no link."""
    samples = [Sample(n * step, 0.001, LETTERS[letter]) for n, letter in enumerate(picture)]
    return summarize(samples, STEP, len(picture) * step)


def test_nothing_failed() -> None:
    seen = summary("." * 100)
    assert (seen.probes, seen.failures, seen.downtime, seen.outages) == (100, 0, 0.0, ())
    assert seen.resolution == STEP


def test_an_outage_lasts_from_the_first_failure_to_the_first_success_after_it() -> None:
    seen = summary("....xxxx....")
    (found,) = seen.outages
    assert (round(found.began, 3), round(found.ended, 3)) == (0.1, 0.2)
    assert (found.failures, found.recovered, round(seen.downtime, 3)) == (4, True, 0.1)


def test_outages_add_up() -> None:
    assert round(summary("..xx..xx..").downtime, 3) == 0.1


def test_an_outage_that_never_ends_counts_to_the_end() -> None:
    seen = summary("..xx")
    assert round(seen.downtime, 3) == 0.05
    assert not seen.outages[0].recovered


@pytest.mark.parametrize(
    ("picture", "down"),
    [("..xx", True), ("xx..", False), ("..xx??", True), ("xx..??", False), ("????", False)],
)
def test_it_is_told_whether_anybody_was_served_at_the_end(picture: str, down: bool) -> None:
    assert summary(picture).document().still_down is down


def test_without_a_link_it_is_neither_up_nor_down() -> None:
    seen = summary("..????..")
    assert (seen.unknown, seen.failures, seen.downtime) == (4, 0, 0.0)
    assert round(seen.unmeasured, 3) == 0.125, "from the last that is known to the next"


def test_what_is_not_measured_at_either_end_is_told_too() -> None:
    assert round(summary("????....").unmeasured, 3) == 0.1
    assert round(summary("....????").unmeasured, 3) == 0.125


def test_where_no_probe_could_tell_there_is_no_downtime_of_zero() -> None:
    assert summary("????").document().downtime_ms is None
    assert summary("").document().downtime_ms is None
    assert summary("?..?").document().downtime_ms == 0


def test_an_outage_is_cut_where_the_link_is_lost() -> None:
    seen = summary("..xx????xx..")
    assert [round(each.seconds, 3) for each in seen.outages] == [0.05, 0.05]
    assert [each.recovered for each in seen.outages] == [False, True]


def test_the_resolution_is_what_was_reached_not_what_was_wished() -> None:
    assert round(summary("." * 100, step=0.1).resolution, 3) == 0.1


def test_the_resolution_is_no_better_than_the_edges_of_an_outage() -> None:
    samples = [Sample(n * STEP, 0, Cause.OK) for n in range(100)]
    samples += [Sample(2.8, 2, Cause.TIMEOUT), Sample(2.825, 0, Cause.OK)]
    seen = summarize(samples, STEP, 3)
    assert round(seen.resolution, 3) == round(2.8 - 99 * STEP, 3)
    assert seen.document().resolution_ms == 325


def test_no_samples_at_all() -> None:
    assert summarize([], STEP, 1) == Summary(0, 0, 0, 0.0, STEP, ())


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "SERIES_LIMIT", 10)
    series = Series()
    for n in range(13):
        series.add(Sample(n * 0.001, 0.002, Cause.OK))
    assert (len(series), series.dropped) == (10, 3)


def test_the_series_is_readable() -> None:
    series = Series()
    series.add(Sample(1.5, 0.0123, Cause.SERVER_ERROR))
    assert list(series.rows()) == [(1500, 12.3, "server-error")]


def test_a_running_total_counts_the_outage_that_goes_on() -> None:
    timeline = Timeline(STEP)
    timeline.add(Sample(0, 0, Cause.OK))
    timeline.add(Sample(1, 0, Cause.REFUSED))
    assert timeline.downtime(1.5) == 0.5
    assert timeline.summary(1.5).outages == (Outage(1, 1.5, 1, 1, recovered=False),)
