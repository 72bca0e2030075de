"""A regular expression over foreign text has an end."""

import pytest

from deployctl.gates import matching
from deployctl.gates.base import CannotObserveError
from deployctl.gates.matching import matches
from tests.cases import works


def test_it_is_found_anywhere_in_any_text() -> None:
    assert matches("^b.$", "a\n\ud800b") is False
    assert matches("(?m)^b\\S$", "a\nb\N{PILE OF POO}")
    assert not matches("x", "")
    assert matches("-c", "a -c b")


@works("Hostile input", "an answer on which the user's own regular expression would never end")
def test_one_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "SECONDS", 0.3)
    with pytest.raises(CannotObserveError, match="takes longer") as caught:
        matches("(a+)+$", "a" * 60 + "b")
    assert caught.value.judgement.state == "inconclusive"


def test_one_that_can_not_be_looked_for_is_an_error() -> None:
    with pytest.raises(CannotObserveError, match="could not be looked for"):
        matches("(", "x")
