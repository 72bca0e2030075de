"""What an answer must hold."""

from typing import Any

import pytest

from deployctl.gates.expect import missing, outside


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}),
        ([1, {"a": 1}], [1, {"a": 1, "b": 2}]),
        (None, None),
        (1, 1.0),
        ("x", "x"),
    ],
)
def test_it_is_there(expected: Any, actual: Any) -> None:
    assert missing(expected, actual) == ""


@pytest.mark.parametrize(
    ("expected", "actual", "sentence"),
    [
        ({"a": 1}, {}, "a is missing"),
        ({"a": None}, {}, "a is missing"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b is 2, expected 1"),
        ({"a": True}, {"a": 1}, "a is 1, expected true"),
        ({"a": 0}, {"a": False}, "a is false, expected 0"),
        ({"a": [1]}, {"a": [1, 2]}, "a has 2 items, expected 1"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1] is 3, expected 2"),
        ({"a": {}}, {"a": []}, "a is a list, expected an object"),
        ([], {}, "the answer is an object, expected a list"),
        ({"a": 1}, None, "the answer is null, expected an object"),
    ],
)
def test_what_is_missing_is_named(expected: Any, actual: Any, sentence: str) -> None:
    assert missing(expected, actual) == sentence


@pytest.mark.parametrize(
    ("number", "bounds", "sentence"),
    [
        (1.0, ((">=", 1.0), ("<=", 1.0)), ""),
        (0.5, ((">=", 1.0),), "0.5 is not >= 1"),
        (2.0, (("<=", 1.0),), "2 is not <= 1"),
        (2.0, (("==", 1.0),), "2 is not == 1"),
        (float("nan"), (("<=", 1.0),), "it is not a number (NaN)"),
        (float("inf"), (("<=", 1.0),), "inf is not <= 1"),
        (float("inf"), ((">=", 1.0),), "it is not finite (inf)"),
        (float("-inf"), (("<=", 1.0),), "it is not finite (-inf)"),
        (float("inf"), (), "it is not finite (inf)"),
    ],
)
def test_a_number_is_within_bounds(
    number: float, bounds: tuple[tuple[str, float], ...], sentence: str
) -> None:
    assert outside(number, bounds) == sentence
