"""Medians, ratios, goals and tables of the benchmark."""

import pytest

from bench.stats import Goal, Spread, interleaved, table


class TestSpread:
    def test_is_the_median_between_the_least_and_the_greatest(self) -> None:
        assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0, 3)

    def test_one_wild_run_does_not_move_the_median(self) -> None:
        assert Spread.of([1.0, 1.1, 99.0]).median == 1.1

    def test_a_ratio_is_that_of_the_medians(self) -> None:
        assert Spread.of([3.0, 6.0, 90.0]).ratio(Spread.of([1.0, 2.0, 3.0])) == 3.0

    def test_nothing_measured_is_an_error_and_not_a_zero(self) -> None:
        with pytest.raises(ValueError, match="nothing was measured"):
            Spread.of([])

    def test_the_document_is_rounded_as_asked(self) -> None:
        assert Spread.of([1.234]).document(2) == {
            "median": 1.23, "least": 1.23, "greatest": 1.23, "count": 1,
        }  # fmt: skip


class TestGoal:
    @pytest.mark.parametrize(("measured", "met"), [(1.9, True), (2.0, True), (2.1, False)])
    def test_is_met_up_to_its_limit(self, measured: float, met: bool) -> None:
        assert Goal("overhead", measured, 2.0, "s").met is met

    def test_says_the_figure_the_limit_and_the_verdict(self) -> None:
        assert Goal("overhead", 2.5, 2.0, "s").sentence == "overhead: 2.50 s, goal ≤ 2: MISSED"

    def test_a_ratio_has_no_unit(self) -> None:
        assert Goal("help", 1.25, 1.5, "").sentence == "help: 1.25, goal ≤ 1.5: met"


def test_variants_take_turns() -> None:
    assert interleaved(["a", "b", "c"], 2) == ["a", "b", "c", "a", "b", "c"]


def test_the_columns_of_a_table_line_up() -> None:
    assert table(("name", "n"), [("a", "1"), ("longer", "22")]) == (
        "| name   | n  |\n|--------|----|\n| a      | 1  |\n| longer | 22 |"
    )
