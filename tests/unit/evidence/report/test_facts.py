"""Who, what, where, when: the first rows of a report."""

from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence.report.facts import head
from deployctl.evidence.report.words import words_in

from .support import story


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
        ({"notTold": "GitHub answered 403"}, "not known: GitHub answered 403"),
    ],
)
def test_a_cis_reviews_are_told_as_its_word(
    tmp_path: Path, answer: dict[str, Any], told: str
) -> None:
    assert rows(tmp_path, ci_reviews=answer)["Reviews, says the CI"] == told


def test_outside_a_ci_nothing_is_said_of_reviews(tmp_path: Path) -> None:
    assert "Reviews, says the CI" not in rows(tmp_path)
