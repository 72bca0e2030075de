"""Secrets that this process does not have are found by their digests."""

import time

import pytest

from deployctl.evidence.marks import Marks, _digest

KEYS = (12345, 54321)


def told(**values: bytes) -> str:
    lines = []
    for name, value in values.items():
        first, second = (
            _digest(value, key, prime)
            for key, prime in zip(KEYS, (2147483647, 2147483629), strict=True)
        )
        window = _digest(value[:8], KEYS[0], 2147483647) % 65536
        lines.append(f"{len(value)} {window} {first} {second} {name}")
    return "\n".join(lines)


def marks(**values: bytes) -> Marks:
    known = Marks(KEYS)
    known.learn(told(**values))
    return known


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"correct-horse", b"[A]"),
        (b"xcorrect-horsex", b"x[A]x"),
        (b"correct-horsecorrect-horse", b"[A][A]"),
        (b"correct-hors", b"correct-hors"),
        (b"correct-horse-battery", b"[B]"),
        (b"abc", b"[C]"),
        (b"\xff\xfe\x00!", b"[D]!"),
        (b"", b""),
        (b"nothing of it", b"nothing of it"),
    ],
)
def test_each_is_hidden_by_its_name(text: bytes, shown: bytes) -> None:
    known = marks(A=b"correct-horse", B=b"correct-horse-battery", C=b"abc", D=b"\xff\xfe\x00")
    assert known.hide(text) == shown


def test_values_that_overlap_go_both() -> None:
    assert (
        marks(A=b"one-two-three", B=b"three-four-five").hide(b"one-two-three-four-five") == b"[A]"
    )


def test_they_come_to_those_that_are_known() -> None:
    known = marks(A=b"first-secret")
    known.learn(told(B=b"second-secret"))
    known.learn(told(A=b"first-secret"))
    assert known.hide(b"first-secret second-secret") == b"[A] [B]"


def test_nothing_is_hidden_by_who_knows_nothing() -> None:
    assert Marks().hide(b"text") == b"text"


@pytest.mark.parametrize("line", ["x", "1 2 3", "-1 2 3 4 A", "1 2 3 4 ", "1 2 3 4 A\n\x00\n5"])
def test_what_are_no_marks_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="no mark"):
        Marks().learn(line)


def test_a_long_answer_takes_no_long_time() -> None:
    known = marks(**{f"V{n}": f"secret number {n}".encode() for n in range(500)})
    began = time.process_time()
    known.hide(b"secret n" * 8192)
    assert time.process_time() - began < 2
