"""Sizes as people write them: `2GB`, `500MB`, `1.5GiB`, or a number of bytes."""

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

_UNITS: Final = {
    "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4,
    "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3, "TIB": 1024**4,
}  # fmt: skip
_PATTERN: Final = r"[0-9]{1,15}(?:\.[0-9]{1,9})? ?(?:[kKMGT]i?)?B"
_LARGEST: Final = 1000**5
_EXPECTED: Final = "expected a size such as 500MB, 2GB or 1.5GiB (a bare number is bytes)"


def parse_size(value: object) -> int:
    """Bytes. Raises ValueError for anything that is not a size of at most 1000 TB."""
    size = -1
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str):
        size = _from_text(value.strip())
    if not 0 <= size <= _LARGEST:
        raise ValueError(_EXPECTED)
    return size


def _from_text(text: str) -> int:
    if re.fullmatch("[0-9]{1,15}", text):
        return int(text)
    if not re.fullmatch(_PATTERN, text):
        raise ValueError(_EXPECTED)
    number = text.rstrip("BbiIkKMGT ")
    return int(Decimal(number) * _UNITS[text[len(number) :].strip().upper()])


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": f"^{_PATTERN}$"},
            ]
        }
    ),
]
"""Bytes."""
