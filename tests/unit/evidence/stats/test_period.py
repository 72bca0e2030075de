"""From when on, as people write it."""

from datetime import UTC, datetime, timedelta

import pytest

from deployctl.evidence.stats.period import begin_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("90d", NOW - timedelta(days=90)),
        ("2w", NOW - timedelta(days=14)),
        (" 36h ", NOW - timedelta(hours=36)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_a_span_or_a_date(text: str, begin: datetime) -> None:
    assert begin_of(text, NOW) == begin


@pytest.mark.parametrize(
    "text", ["", "90", "-1d", "9999999d", "999999w", "2026-02-30", "2027-01-01"]
)
def test_anything_else_is_told_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as 90d"):
        begin_of(text, NOW)
