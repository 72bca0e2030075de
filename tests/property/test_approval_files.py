"""Plans and approvals come from other machines: whatever they hold, they are read or refused."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.evidence import approval, sshsig
from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature
from deployctl.rollout import plan_file
from deployctl.rollout.plan_difference import changed_parts, differences
from tests.unit.rollout.plans import plan_of

SOUND = plan_file.encode(plan_of())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        found += places(item, (*path, key))
    return found


def fault_of(read: Callable[[bytes], Any], data: bytes) -> str:
    """What is told of it; empty where it was read."""
    try:
        read(data)
    except ValueError as error:
        return str(error)
    return ""


PLACES = places(json.loads(SOUND))


@given(st.binary(max_size=400))
def test_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    for read in (plan_file.decode, approval.read, sshsig.read):
        assert fault_of(read, data).startswith("it ")


@given(st.sampled_from(PLACES), VALUES)
@settings(max_examples=300)
def test_a_plan_with_any_value_changed_is_that_plan_or_refused(
    place: tuple[Any, ...], value: Any
) -> None:
    document = json.loads(SOUND)
    at = document
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    data = canonical_json(document) + b"\n"
    fault = fault_of(plan_file.decode, data)
    assert fault == "" or fault.startswith("it ")
    if fault:
        return
    file = plan_file.decode(data)
    assert plan_file.encode(file) == data, "what is shown is what is signed"
    assert file.plan.digest == file.plan.decisions.digest


@given(st.integers(0, len(SOUND) - 1), st.integers(1, 255))
def test_a_plan_with_a_changed_byte_is_another_file_or_refused(at: int, by: int) -> None:
    data = SOUND[:at] + bytes([SOUND[at] ^ by]) + SOUND[at + 1 :]
    try:
        file = plan_file.decode(data)
    except ValueError:
        return
    assert plan_file.encode(file) == data != SOUND


@given(st.binary(max_size=200), st.text(max_size=40), st.binary(max_size=200))
def test_an_envelope_of_anything_is_refused_in_words(
    payload: bytes, keyid: str, sig: bytes
) -> None:
    payloads = (payload, Envelope(IN_TOTO, payload).encode())
    for each in payloads:
        data = Envelope(IN_TOTO, each, (Signature(keyid, sig),)).encode()
        assert fault_of(approval.read, data).startswith("it"), "nobody signed it"


@given(VALUES, VALUES)
def test_documents_differ_exactly_where_something_is_told(first: Any, second: Any) -> None:
    before, after = {"x": first}, {"x": second}
    assert bool(differences(before, after)) == (before != after)
    assert bool(changed_parts(before, after)) == (before != after)
