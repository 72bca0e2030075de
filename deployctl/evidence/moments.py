"""The times that a seal tells, as they are written."""

import re
from datetime import UTC, datetime
from typing import Any, Final

CLOCKS_PART: Final = 300
"""seconds by which clocks of different machines, or one that is set, may differ"""
# No run is of another century, and no other tool gets to see a year that it can't tell.
_FORM: Final = re.compile(
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z"
)


def moment(value: Any) -> datetime | None:
    """None for anything that is no time in UTC, or that no clock shows."""
    if not isinstance(value, str) or not _FORM.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def utc_now() -> datetime:
    return datetime.now(UTC)
