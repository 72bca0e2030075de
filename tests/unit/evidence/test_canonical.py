"""One value, one sequence of bytes; and text that can be written."""

import json

import pytest

from deployctl.evidence.canonical import canonical_json, writable


@pytest.mark.parametrize(
    ("text", "shown"), [("tök€n 😀", "tök€n 😀"), ("\udcff", "?"), ("a\ud83d!", "a?!")]
)
def test_half_a_surrogate_pair_is_told_by_a_question_mark(text: str, shown: str) -> None:
    assert writable(text) == shown


def test_each_value_has_bytes_of_its_own_also_where_it_is_no_unicode() -> None:
    texts = ["\udcff", "\udcfe", "?", "\\udcff"]
    assert len({canonical_json(text) for text in texts}) == len(texts)
    assert [json.loads(canonical_json(text)) for text in texts] == texts
