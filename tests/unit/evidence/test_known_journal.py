"""What a client remembers of a host's journal, and what it makes of the one that it finds."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from deployctl.evidence.known_journal import (
    NOTHING,
    Known,
    Whose,
    difference,
    recall,
    remember,
)

WHOSE = Whose("production", "ana@vps:22", "ssh-ed25519 AAAA", "", ("api",), "")
DATA = b'{"seq":1}\n{"seq":2}\n'
KNOWN = Known("a", 2, "b", len(DATA), hashlib.sha256(DATA).hexdigest(), (("r-1", "sha256:1"),))


def of(data: bytes, known: Known = KNOWN) -> str:
    """As the host tells it: how long it is, and the digest of as many bytes as are known."""
    return difference(known, len(data), hashlib.sha256(data[: known.size]).hexdigest())


def test_one_that_is_the_same_or_has_grown_goes_on() -> None:
    assert of(DATA) == ""
    assert of(DATA + b'{"seq":3}\n') == ""


def test_of_one_that_nobody_knew_anything_goes() -> None:
    assert of(b"", NOTHING) == ""
    assert of(DATA, NOTHING) == ""


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is gone, and had 2 entries"),
        (DATA[:10], "shorter"),
        (DATA.replace(b"1", b"7") + b"{}\n", "its first 2 entries are not"),
        (b'{"seq":2}\n{"seq":1}\n', "its first 2 entries are not"),
    ],
)
def test_whatever_else_it_is_is_told(data: bytes, told: str) -> None:
    assert told in of(data)


def test_it_is_remembered_as_it_was(tmp_path: Path) -> None:
    path = WHOSE.place(tmp_path)
    assert recall(path) == NOTHING
    remember(path, KNOWN)
    assert recall(path) == KNOWN
    assert path.stat().st_mode & 0o777 == 0o600


def test_of_two_runs_that_end_at_once_the_one_that_saw_more_counts(tmp_path: Path) -> None:
    path = WHOSE.place(tmp_path)
    remember(path, KNOWN)
    remember(path, replace(KNOWN, size=3))
    assert recall(path) == KNOWN


def test_another_target_host_key_or_project_has_another_journal(tmp_path: Path) -> None:
    others = [
        replace(WHOSE, host="ana@other:22"), replace(WHOSE, host_key="ssh-ed25519 BBBB"),
        replace(WHOSE, project="shop"), replace(WHOSE, services=("worker",)),
        replace(WHOSE, state_dir="/srv/state"), replace(WHOSE, target="staging"),
    ]  # fmt: skip
    assert len({each.place(tmp_path) for each in [WHOSE, *others]}) == 7


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"journal": 7}', "\x00"])
def test_a_damaged_record_is_no_record(tmp_path: Path, text: str) -> None:
    path = WHOSE.place(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        recall(path)
