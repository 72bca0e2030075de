"""Whatever others write: no terminal obeys it, and no known secret is left in it."""

import base64
import re
from urllib.parse import quote

from hypothesis import assume, given
from hypothesis import strategies as st

from deployctl.evidence.redact import MARK, MIN_LENGTH, Redactor
from deployctl.ui.text import clean, clean_lines

ANY = st.text(st.characters(exclude_categories=()))
OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=MIN_LENGTH)


@given(ANY)
def test_clean_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    assert not OBEYED.search(clean(text))
    assert not any(OBEYED.search(line) for line in clean_lines(text))


@given(ANY)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(before=ANY, secret=SECRETS, after=ANY)
def test_a_known_secret_does_not_survive_in_any_form(before: str, secret: str, after: str) -> None:
    assume(secret not in MARK)
    redactor = Redactor({"X": secret})
    for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
        assert form not in redactor.text(f"{before}{form}{after}")


@given(st.text(st.sampled_from("aB_=:\"' \n\\@/tokensecrpwd${}[]")))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    redactor = Redactor()
    assert redactor.text(redactor.text(text)) == redactor.text(text)
