"""Who, what, where, when: the first rows of a report."""

from pathlib import Path
from typing import Any

import pytest

from deployctl.events import Note
from deployctl.evidence.report.checks import checks
from deployctl.evidence.report.facts import (
    compose,
    deployed,
    figures,
    head,
    outage_of,
    outage_short,
)
from deployctl.evidence.report.story import read_story
from deployctl.evidence.report.views import views
from deployctl.evidence.report.words import words_in

from .support import make, result, series, story
from .support import rows as samples


def rows(base: Path, **values: Any) -> dict[str, str]:
    return {
        row.label: " ".join(cell.text for cell in row.cells)
        for row in head(story(base, **values), words_in("en"))
    }


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"reviews": [{"state": "approved", "by": "maria", "environments": ["production"]}]},
            "approved by maria for production",
        ),
        ({"reviews": []}, "none"),
        ({"notTold": "GitHub answered 403"}, "not known GitHub answered 403"),
    ],
)
def test_a_cis_reviews_are_told_as_its_word(
    tmp_path: Path, answer: dict[str, Any], told: str
) -> None:
    assert rows(tmp_path, ci_reviews=answer)["Reviews, says the CI"] == told


def test_outside_a_ci_nothing_is_said_of_reviews(tmp_path: Path) -> None:
    assert "Reviews, says the CI" not in rows(tmp_path)


class TestAnOutageThatWasNotOver:
    TOLD = "at least 2 s ± 27 ms, and not over when the measurement ended"
    SERIES = series(samples(720, range(640, 720)))

    def test_is_told_as_one_everywhere(self, tmp_path: Path) -> None:
        directory = make(tmp_path, availability=self.SERIES)
        made, told = views(directory), read_story(directory)
        [check] = [c for c in checks(told, words_in("en")) if c.name == "Outage measured"]
        assert check.told.startswith(f"A{self.TOLD[1:]} (")
        for text in (made.markdown, made.html):
            assert text.count("2 s ± 27 ms") == text.lower().count(self.TOLD) > 2
        assert ">at least 2 s, not over at the end<" in made.html

    @pytest.mark.parametrize("cut", [{"dropped": 3}, {"rows": [*samples(9, [8]), ["?"]]}])
    def test_is_not_guessed_from_samples_that_are_cut(
        self, tmp_path: Path, cut: dict[str, Any]
    ) -> None:
        told = story(tmp_path, availability=series(samples(9, [8]), **cut))
        assert outage_short(told, words_in("en")) == "2 s ± 27 ms"

    def test_is_seen_through_a_link_that_was_lost_at_the_end(self, tmp_path: Path) -> None:
        blind = [*samples(9, [8]), [300, 1.0, "no-link"]]
        told = story(tmp_path, availability=series(blind))
        assert outage_short(told, words_in("en")) == self.TOLD

    def test_is_told_by_the_result_alone(self) -> None:
        seen = result().availability
        assert seen is not None
        open_end = seen.model_copy(update={"still_down": True})
        assert outage_of(result(availability=open_end), words_in("en")) == self.TOLD
        assert outage_of(result(), words_in("en")) == "2 s ± 27 ms"


@pytest.mark.parametrize(
    ("ending", "values", "told"),
    [
        ("sealed", {}, {"SHA-256 after": "bbbb"}),
        ("rolled-back", {}, {"SHA-256 tried": "bbbb", "SHA-256 now": "as before: it was put back"}),
        (
            "rolled-back",
            {"result": "rollback-failed", "rollback": {"performed": True, "state": "unproven"}},
            {"SHA-256 tried": "bbbb", "SHA-256 now": "not known"},
        ),
        (
            "rolled-back",
            {"told": [Note(level="warning", text="foreign-edit: a.yml was edited: kept")]},
            {"SHA-256 tried": "bbbb", "SHA-256 now": "what somebody else edited was kept"},
        ),
        (
            "rolled-back",
            {"result": "untouched", "rollback": {"duration_ms": 900}},
            {"SHA-256 tried": "bbbb", "SHA-256 now": "as before: it was not changed"},
        ),
        (
            "rolled-back",
            {"result": "rollback-failed", "rollback": {"state": "failed", "duration_ms": 900}},
            {"SHA-256 tried": "bbbb", "SHA-256 now": "not known"},
        ),
    ],
)
def test_of_a_file_that_was_put_back_it_says_what_was_tried_and_what_it_is_now(
    tmp_path: Path, ending: str, values: dict[str, Any], told: dict[str, str]
) -> None:
    rows = {
        row.label: row.cells[0].text
        for row in compose(story(tmp_path, ending, **values), words_in("en"))
    }
    found = {
        label: text for label, text in rows.items() if "SHA-256" in label and "before" not in label
    }
    assert found.keys() == told.keys()
    assert all(text in found[label] or text == "bbbb" for label, text in told.items()), found


def test_a_put_back_file_is_not_called_the_same_where_the_events_are_gone(tmp_path: Path) -> None:
    directory = make(tmp_path, "rolled-back")
    (directory / "events.ndjson").unlink()
    told = {row.label: row.cells[0].text for row in compose(read_story(directory), words_in("en"))}
    assert "not shown here" in told["SHA-256 now"]


def test_a_run_without_a_plan_has_no_digest_of_one(tmp_path: Path) -> None:
    told = {row.label: row.cells for row in deployed(story(tmp_path, "refused"), words_in("en"))}
    assert [cell.text for cell in told["Plan"]] == ["no plan was made: the run ended earlier"]


def test_of_several_outages_each_is_told(tmp_path: Path) -> None:
    twice = series(samples(720, [*range(110, 150), *range(160, 240)]))
    for name, seen, told in (
        ("two", twice, ["1 s at 4 s; 2 s at 5.2 s"]),
        ("one", "", []),
    ):
        found = figures(story(tmp_path / name, availability=seen), words_in("en"))
        assert [row.cells[0].text for row in found if row.label == "Each outage"] == told
