"""The picture puts everything where its time is; what is drawn otherwise is told."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence.report.timeline import (
    COLUMNS,
    FAILURES,
    NEVER,
    PLOT_BOTTOM,
    PLOT_TOP,
    UNITS,
    Picture,
    picture,
)

from .support import STAGES, rows, series, stages, story


def drawn(base: Path, ending: str = "sealed", **values: Any) -> Picture:
    made = picture(story(base, ending, **values))
    assert made is not None
    return made


def points(path: str) -> list[tuple[int, float]]:
    return [(int(x), float(y)) for x, y in re.findall(r"M(\d+) ([\d.]+)h0", path)]


def test_each_stage_is_a_band_at_its_time(tmp_path: Path) -> None:
    bands = {band.name: band for band in drawn(tmp_path).bands}
    assert bands["swap"].span.left == pytest.approx(3.7 / 20)
    assert bands["swap"].span.width == pytest.approx(2.0 / 20)
    assert list(bands) == [*(name for name, *_ in STAGES), "gate"]


def test_the_switch_and_the_rollback_stand_where_the_journal_says(tmp_path: Path) -> None:
    made = drawn(tmp_path, "rolled-back")
    assert made.switch == pytest.approx(5.6 / 20)
    assert made.rollback is not None
    assert made.rollback.left == pytest.approx(11.7 / 20)
    assert made.rollback.width == pytest.approx(1.8 / 20)


def test_an_outage_lies_from_its_first_failure_to_the_next_answer(tmp_path: Path) -> None:
    [gap] = drawn(tmp_path).gaps
    assert gap.span.left == pytest.approx((1.25 + 110 * 0.025) / 20)
    assert gap.milliseconds == 80 * 25
    assert gap.margin == pytest.approx(0.027 / 20)
    assert gap.over


def test_one_that_was_not_over_is_named_as_such_however_short_it_is(tmp_path: Path) -> None:
    samples = rows(720, [*range(0, 600, 3), *range(100, 130), 719])
    *over, last = drawn(tmp_path, availability=series(samples)).gaps
    assert last.at_end
    assert last.needs < NEVER
    assert not any(gap.at_end for gap in over)


def test_every_probe_is_a_dot_and_failures_have_a_row_of_their_own(tmp_path: Path) -> None:
    made = drawn(tmp_path)
    served, failed = points(made.served), points(made.failed)
    assert (len(served), len(failed)) == (640, 80)
    assert all(y == FAILURES for _, y in failed)
    assert all(PLOT_TOP <= y <= PLOT_BOTTOM and 0 <= x <= UNITS for x, y in served)
    assert not made.thinned


def test_a_slower_answer_stands_higher(tmp_path: Path) -> None:
    samples = [[1000, 1.0, "ok"], [2000, 10.0, "ok"], [3000, 1000.0, "ok"]]
    heights = [y for _, y in points(drawn(tmp_path, availability=series(samples)).served)]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == PLOT_BOTTOM


def test_of_very_many_probes_no_failure_and_no_extreme_is_left_out(tmp_path: Path) -> None:
    samples = rows(200_000, ())
    for number, row in enumerate(samples):
        row[0] = number / 10.5
    samples[77_777] = [samples[77_777][0], 0.5, "timeout"]
    samples[99_999][1] = 4000.0
    made = drawn(tmp_path, availability=series(samples))
    assert made.thinned
    assert made.drawn <= 3 * COLUMNS
    assert len(points(made.failed)) == 1
    assert min(y for _, y in points(made.served)) < PLOT_TOP + 10


def test_what_the_link_hid_is_neither_up_nor_down(tmp_path: Path) -> None:
    samples = [[0, 2.0, "ok"], [25, 2.0, "no-link"], [50, 2.0, "ok"]]
    made = drawn(tmp_path, availability=series(samples))
    assert len(points(made.unknown)) == 1
    assert made.gaps == ()


def test_a_long_wait_for_consent_is_drawn_short_and_told(tmp_path: Path) -> None:
    waited = [
        stage.model_copy(update={"duration_ms": 3_600_000}) if stage.name == "approve" else stage
        for stage in stages()[:3]
    ]
    made = drawn(tmp_path, stages=waited, duration_ms=3_602_000)
    assert made.waited == pytest.approx(3600)
    [band] = [band for band in made.bands if band.waiting]
    assert band.name == "approve"
    assert band.span.width < 0.1
    assert [tick.at for tick in made.ticks] == sorted(tick.at for tick in made.ticks)


@pytest.mark.parametrize("milliseconds", [1, 40, 999, 20_000, 131_676, 3_600_000, 90_000_000])
def test_the_scale_has_a_few_marks_that_leave_each_other_room(
    tmp_path: Path, milliseconds: int
) -> None:
    ticks = drawn(tmp_path, duration_ms=milliseconds, stages=stages()[:1]).ticks
    places = [tick.at for tick in ticks]
    assert 1 <= len(ticks) <= 10
    assert all(after - before > 0.05 for before, after in pairwise(places))


def test_labels_of_outages_that_are_close_stand_in_rows_of_their_own(tmp_path: Path) -> None:
    samples = rows(720, [*range(110, 150), *range(160, 240)])
    first, longest = drawn(tmp_path, availability=series(samples)).gaps
    assert (longest.needs, longest.row) == (320, 0)
    assert (first.needs, first.row) == (320, 1)


def test_where_no_row_has_room_a_label_comes_in_only_on_a_wider_picture(tmp_path: Path) -> None:
    samples = rows(720, [*range(110, 150), *range(160, 240), *range(250, 260)])
    gaps = drawn(tmp_path, availability=series(samples)).gaps
    assert sorted(gap.needs for gap in gaps)[:2] == [320, 320]
    assert max(gap.needs for gap in gaps) > 320


def test_of_a_flickering_service_the_longest_outages_are_drawn(tmp_path: Path) -> None:
    made = drawn(tmp_path, availability=series(rows(1000, range(0, 1000, 2))))
    assert len(made.gaps) == 200
    assert 0 < sum(gap.needs < NEVER for gap in made.gaps) <= 6


def test_without_probe_and_switch_only_the_stages_take_room(tmp_path: Path) -> None:
    made = drawn(tmp_path, "refused")
    assert made.cut > 0
    assert [band.name for band in made.bands] == ["preflight"]
    assert (made.served, made.lines, made.gaps) == ("", (), ())


def test_a_run_without_a_stage_has_no_picture(tmp_path: Path) -> None:
    assert picture(story(tmp_path, "refused", stages=[])) is None
