"""Lengths of time as people write them: `10s`, `500ms`, `1m30s`, or a number of seconds."""

import math
import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from deployctl.config.faults import MeasureError

_UNITS: Final = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_PATTERN: Final = r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+"
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_LONGEST: Final = 24 * 3600.0
_EXPECTED: Final = "expected a duration such as 10s, 500ms or 2m (a bare number is seconds)"


def parse_duration(value: object) -> float:
    """Seconds. Raises MeasureError for anything that is not a duration of at most 24 hours."""
    if isinstance(value, str):
        seconds = _from_text(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise MeasureError(_EXPECTED)
    if seconds > _LONGEST:
        raise MeasureError("expected a duration of at most 24h")
    return seconds


def _from_text(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text):
        return float(text)
    if len(text) > 40 or not re.fullmatch(_PATTERN, text):
        raise MeasureError(_EXPECTED)
    return float(sum(Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def _not_zero(seconds: float) -> float:
    if seconds <= 0:
        raise MeasureError("expected a duration longer than zero")
    return seconds


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": f"^{_PATTERN}$"},
            ]
        }
    ),
]
"""Seconds as a float; zero is allowed."""

PositiveDuration = Annotated[Duration, AfterValidator(_not_zero)]
