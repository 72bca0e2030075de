"""However keys and other text follow each other, and wherever lines end, no key is shown."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from deployctl.evidence.redact import LineRedactor, Redactor

KINDS = st.sampled_from(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
SECRET = "k3y"
"""in every part of a key, and in no other text"""


@st.composite
def keys(draw: st.DrawFn) -> list[str]:
    """A key in pieces, between any two of which a line may end."""
    kind = draw(KINDS)
    inside = draw(st.lists(st.sampled_from([SECRET, f"MII{SECRET}+/="]), min_size=1, max_size=4))
    return [f"-----BEGIN {kind}PRIVATE KEY-----", *inside, f"-----END {kind}PRIVATE KEY-----"]


OTHERS = st.text("ab -=:/\t", max_size=8).map(lambda text: [text])
PIECES = st.lists(keys() | OTHERS, max_size=8).map(lambda parts: list(chain(*parts)))


@given(PIECES, st.data())
def test_no_key_is_shown(pieces: list[str], data: st.DataObject) -> None:
    ends = data.draw(st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces)))
    text = "".join(p + "\n" * end for p, end in zip(pieces, ends, strict=True))
    redactor = Redactor()
    lines = LineRedactor(redactor)
    assert SECRET not in "\n".join(map(lines.line, text.split("\n")))
    assert SECRET not in redactor.text(text)
    assert SECRET.encode() not in (redactor.data(b"\xff\n" + text.encode()) or b"")
