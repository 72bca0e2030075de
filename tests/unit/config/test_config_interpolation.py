"""References to the environment in the values of deployctl.yml."""

import pytest

from deployctl.config.interpolate import expand

ENV = {"NAME": "value", "EMPTY": "", "NESTED": "${NAME}"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${NAME}", "value"),
        ("a-${NAME}-b-${NAME}", "a-value-b-value"),
        ("${EMPTY}", ""),
        ("${UNSET:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${UNSET:-}", ""),
        ("${NAME:-default}", "value"),
        ("${NAME:?must be set}", "value"),
        ("$${NAME}", "${NAME}"),
        ("$$", "$"),
        ("^ok$", "^ok$"),
        ("$NAME costs 5$", "$NAME costs 5$"),
        ("${NESTED}", "${NAME}"),
        ("no reference", "no reference"),
    ],
)
def test_a_reference_becomes_its_value(text: str, result: str) -> None:
    assert expand(text, ENV) == result


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${UNSET}", "UNSET is not set; set it, or write ${UNSET:-default}"),
        ("${UNSET:?the address of the host}", "UNSET is not set: the address of the host"),
        ("${EMPTY:?}", "EMPTY is not set: it is required"),
        ("${", "is no reference"),
        ("${}", "is no reference"),
        ("${1X}", "is no reference"),
        ("${NAME", "is no reference"),
        ("${NAME-default}", "is no reference"),
    ],
)
def test_what_has_no_value_says_what_to_do(text: str, said: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is checked below
        expand(text, ENV)
    assert said in str(error.value)
