"""Faults: each with its place and how to mend it."""

import pytest

from deployctl.composefile import check


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"services:\n  a:\n    image: x\0\0\n", 3, 13, "2 NUL bytes"),
        (b"services:\n  a: {image: \xff}\n", 2, 14, "0xff"),
        (b"\xff\xfes\0", 1, 1, "UTF-16"),
        (b"services:\n<<<<<<< HEAD\n  a: {image: x}\n", 2, 1, "merge conflict"),
        (b"services:\n  a:\n\timage: x\n", 3, 1, "tab"),
        (b"services:\n  a:\n  \timage: x\n    b: c\n", 3, 3, "tab"),
        (b"services: {a: {image: x}, a: {image: y}}\n", 1, 27, "second time"),
        (b"services:\n  a:\n    image: x\n  b\n", 5, 1, "YAML"),
        (b"services:\n  a: {image: x\n", 3, 1, "YAML"),
        (b"services:\n  a:\n    image: \x07\n", 3, 12, "YAML"),
        (b"", 1, 1, "empty"),
        (b"# only a comment\n", 1, 1, "empty"),
        (b"- a\n", 1, 1, "not a mapping"),
        (b"volumes: {}\n", 1, 1, "no `services:`"),
        (b"volumes: {}\nservices:\n", 2, 1, "no services"),
        (b"services: []\n", 1, 11, "not a mapping"),
        (b"services:\n  a: x\n", 2, 6, "`a` is not a mapping"),
        (b"services:\n  a:\n", 2, 5, "`a` is not a mapping"),
        (b"services:\n  a:\n    ports: []\n", 3, 5, "neither"),
        (b"services:\n  a:\n    image:\n", 3, 11, "neither"),
        (b"services:\n  a:\n    image: [x]\n", 3, 12, "not a text"),
        (b"\xef\xbb\xbfservices:\n  a: {}\n", 2, 6, "neither"),
    ],
)
def test_a_fault_is_placed_and_explained(data: bytes, line: int, column: int, message: str) -> None:
    faults = [fault for fault in check(data) if message in fault.message]
    assert [(fault.line, fault.column) for fault in faults] == [(line, column)]
    assert faults[0].mend
    assert str(faults[0]).startswith(f"line {line}, column {column}: ")


@pytest.mark.parametrize(
    "data",
    [
        b"services: {a: {image: x}}",
        b"\xef\xbb\xbfservices:\r\n  a:\r\n    build: .\r\n",
        b"services: {a: {extends: {file: f, service: s}}, b: {provider: {type: t}}}",
        b"include: [other.yml]\n",
        b"x: &x {image: i}\nservices: {a: {<<: *x}, b: *x}",
        b"services:\n  a:\n    image: x\n    command: |\n      a\tb\n      =======\n",
    ],
)
def test_a_sound_file_has_none(data: bytes) -> None:
    assert check(data) == []


def test_an_override_may_leave_things_to_earlier_files() -> None:
    assert check(b"services: {a: {ports: []}, b: !reset null}", override=True) == []
    assert check(b"volumes: {}", override=True) == []
    assert check(b"services: {a: [}", override=True) != []


def test_the_corrupted_file_of_a_deployment_by_hand_shows_every_service() -> None:
    data = b"services:\n  postgres:\n    ports: []\n  api:\n    env_file: [x]\n"
    assert [fault.line for fault in check(data)] == [3, 5]


def test_a_file_cut_off_in_the_middle_is_said_to_be() -> None:
    data = b"services:\n  api:\n    image: x\n    environment:\n      A: 'b"
    assert "cut off" in check(data)[0].mend
