"""From when on figures are wanted, as people write it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_EXPECTED: Final = "expected a time such as 90d, 12w or 36h, or a date such as 2026-01-31"


def begin_of(text: str, now: datetime) -> datetime:
    """`90d` before now, or a date's first moment in UTC. Raises ValueError with a sentence."""
    span = re.fullmatch(r"([0-9]{1,6})([hdw])", text.strip())
    try:
        if span:
            return now - int(span[1]) * _UNITS[span[2]]
        date = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(_EXPECTED) from None
    if date > now:
        raise ValueError(f"{_EXPECTED}, that is not in the future")
    return date
