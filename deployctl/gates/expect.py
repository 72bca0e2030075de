"""What an answer's body must hold. Pure."""

import json
import math
from typing import Any, Final

ABSENT: Final = object()


def missing(expected: Any, actual: Any, path: str = "") -> str:
    """Empty when `actual` contains `expected`, else a sentence that names the first difference.

    Objects may have more keys than expected; lists must be as long, item by item. `true` is not 1.
    """
    if actual is ABSENT:
        return f"{_where(path)} is missing"
    if isinstance(expected, dict):
        return _missing_keys(expected, actual, path)
    if isinstance(expected, list):
        return _missing_items(expected, actual, path)
    if isinstance(expected, bool) != isinstance(actual, bool) or expected != actual:
        return f"{_where(path)} is {_value(actual)}, expected {_value(expected)}"
    return ""


def _missing_keys(expected: dict[str, Any], actual: Any, path: str) -> str:
    if not isinstance(actual, dict):
        return f"{_where(path)} is {_kind(actual)}, expected an object"
    differences = (
        missing(value, actual.get(key, ABSENT), f"{path}.{key}" if path else key)
        for key, value in expected.items()
    )
    return next(filter(None, differences), "")


def _missing_items(expected: list[Any], actual: Any, path: str) -> str:
    if not isinstance(actual, list):
        return f"{_where(path)} is {_kind(actual)}, expected a list"
    if len(actual) != len(expected):
        return f"{_where(path)} has {len(actual)} items, expected {len(expected)}"
    differences = (
        missing(wanted, found, f"{path}[{index}]")
        for index, (wanted, found) in enumerate(zip(expected, actual, strict=True))
    )
    return next(filter(None, differences), "")


def _where(path: str) -> str:
    return path or "the answer"


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a boolean"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"


def outside(number: float, bounds: tuple[tuple[str, float], ...]) -> str:
    """Empty when the number is finite and within all bounds, else the bound that it breaks."""
    if math.isnan(number):
        return "it is not a number (NaN)"
    holds = {">=": number.__ge__, "<=": number.__le__, "==": number.__eq__}
    for sign, bound in bounds:
        if not holds[sign](bound):
            return f"{number:g} is not {sign} {bound:g}"
    return "" if math.isfinite(number) else f"it is not finite ({number:g})"


def bounds_text(bounds: tuple[tuple[str, float], ...]) -> str:
    return " and ".join(f"{sign} {value:g}" for sign, value in bounds)
