"""The page of results: tables are replaced, what people wrote stays."""

from typing import Any

import pytest

from bench.report import BEGIN, FINISH, page, tables
from bench.stats import Goal

GOALS = [Goal("overhead", 2.5, 2.0, "s")]


def spread(median: float) -> dict[str, float]:
    return {"median": median, "least": median - 1, "greatest": median + 1, "count": 5}


def document() -> dict[str, Any]:
    return {
        "command": "script/bench",
        "date": "2026-01-03",
        "repetitions": 5,
        "machine": {
            "cores": 2,
            "kernel": "6.1",
            "python": "3.11.7",
            "docker": "26.1.5",
            "compose": "2.26.1",
        },
        "whole": {
            "variants": {
                "script by hand": {"seconds": spread(8), "outageMs": spread(2000)},
                "deployctl": {
                    "seconds": spread(12),
                    "outageMs": spread(2100),
                    "ownOutageMs": spread(2110),
                    "ownResolutionMs": spread(26),
                    "ownDifferenceMs": [10, -4],
                },
            },
            "skipped": {"DOCKER_HOST=ssh://": "there is no docker command on this machine"},
        },
    }


class TestTables:
    def test_the_script_by_hand_is_what_the_others_are_compared_with(self) -> None:
        text = tables(document(), GOALS)
        assert "| 1.00 " in text
        assert "| 1.50 " in text

    def test_both_figures_of_an_outage_stand_side_by_side(self) -> None:
        text = tables(document(), GOALS)
        assert "2100 ms (2099 to 2101)" in text
        assert "2110 ± 26 ms (run by run +10, -4)" in text

    def test_what_was_left_out_says_why(self) -> None:
        assert "there is no docker command on this machine" in tables(document(), GOALS)

    def test_a_missed_goal_is_not_hidden(self) -> None:
        assert "**missed**" in tables(document(), GOALS)

    def test_parts_that_were_not_measured_are_not_there(self) -> None:
        assert "Peak memory" not in tables(document(), GOALS)


class TestPage:
    def test_only_the_results_are_replaced(self) -> None:
        old = f"# Title\n{BEGIN}\nold table\n{FINISH}\nlast words\n"
        new = page(old, document(), GOALS)
        assert new.startswith(f"# Title\n{BEGIN}\n")
        assert new.endswith(f"{FINISH}\nlast words\n")
        assert "old table" not in new

    def test_the_command_and_the_machine_stand_with_the_figures(self) -> None:
        new = page(f"{BEGIN}{FINISH}", document(), GOALS)
        assert "Made by `script/bench` on 2026-01-03: 2 cores, Linux 6.1, Python 3.11.7" in new

    def test_writing_twice_changes_nothing_more(self) -> None:
        once = page(f"{BEGIN}{FINISH}", document(), GOALS)
        assert page(once, document(), GOALS) == once

    def test_a_page_without_a_place_for_results_is_refused(self) -> None:
        with pytest.raises(ValueError, match="results: begin"):
            page("# Title\n", document(), GOALS)
