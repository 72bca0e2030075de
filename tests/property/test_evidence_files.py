"""Whatever lies in a file of evidence, reading it ends with a value or with a sentence."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from deployctl.evidence import chain, sshsig
from deployctl.evidence.chain import NO_ENTRY, follow, line_digest
from deployctl.evidence.dsse import IN_TOTO, Envelope
from deployctl.evidence.statement import parse_seal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {"seq": JSON, "prev": st.just(NO_ENTRY) | JSON, "event": JSON, "run": JSON},
    optional={"seal": JSON},
)


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    follow(data)
    for read in (parse_seal, sshsig.read):
        with suppress(ValueError):
            read(data)


@given(st.binary(max_size=200))
def test_any_payload(payload: bytes) -> None:
    with suppress(ValueError):
        parse_seal(Envelope(IN_TOTO, payload).encode())


@given(ENTRY)
def test_any_members_of_an_entry(entry: object) -> None:
    with suppress(ValueError):  # what JSON has not
        line = json.dumps(entry).encode()
        found = chain.read(line)
        assert found is None or found.seq >= 1
        follow(line + b"\n")


@given(st.integers(1, 12), st.data())
def test_any_one_change_of_a_journal_but_to_its_last_line_breaks_it(
    count: int, data: st.DataObject
) -> None:
    lines: list[bytes] = []
    before = NO_ENTRY
    for seq in range(1, count + 2):
        line = f'{{"seq":{seq},"prev":"{before}","event":"begin","run":"r-{seq}"}}'.encode()
        lines.append(line)
        before = line_digest(line)
    at = data.draw(st.integers(0, count - 1))
    change = data.draw(st.sampled_from(["edit", "drop", "swap", "double"]))
    if change == "edit":
        where = data.draw(st.integers(0, len(lines[at]) - 1))
        lines[at] = lines[at][:where] + bytes([lines[at][where] ^ 1]) + lines[at][where + 1 :]
    elif change == "drop":
        del lines[at]
    elif change == "swap":
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    else:
        lines.insert(at, lines[at])
    assert follow(b"".join(line + b"\n" for line in lines)).broken is not None
