"""The human validator's line stays open until there is a signed word about this very seal."""

from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature
from deployctl.evidence.report.markdown import markdown
from deployctl.evidence.report.story import read_story
from deployctl.evidence.report.words import words_in
from deployctl.evidence.statement import read_seal

from .support import make


def validate(directory: Path, *signatures: Signature, **changes: Any) -> None:
    word = {
        "sealDigest": read_seal(directory / "seal.json").digest,
        "by": "bea",
        "at": "2026-01-03T08:00:00Z",
        **changes,
    }
    envelope = Envelope(IN_TOTO, canonical_json({"predicate": word})).signed(*signatures)
    (directory / "validation-bea.json").write_bytes(envelope.encode())


def line(directory: Path) -> str:
    told = markdown(read_story(directory), words_in("en")).splitlines()
    return next(each for each in told if each.startswith("- **Human validator:**"))


def test_it_is_open_at_first(tmp_path: Path) -> None:
    assert line(make(tmp_path)).endswith("awaiting confirmation")


def test_it_has_the_name_and_the_key_of_who_signed(tmp_path: Path) -> None:
    directory = make(tmp_path)
    validate(directory, Signature("SHA256:b", b"x"))
    assert "`bea`, `SHA256:b`, 2026-01-03T08:00:00Z" in line(directory)


@pytest.mark.parametrize("changes", [{"sealDigest": "sha256:other"}, {"by": None}])
def test_a_word_about_another_seal_or_of_another_form_is_none(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    directory = make(tmp_path)
    validate(directory, Signature("SHA256:b", b"x"), **changes)
    assert line(directory).endswith("awaiting confirmation")


def test_an_unsigned_word_is_none(tmp_path: Path) -> None:
    directory = make(tmp_path)
    validate(directory)
    assert line(directory).endswith("awaiting confirmation")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff" * 9, b"[" * 100_000])
def test_a_file_that_can_not_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    directory = make(tmp_path)
    (directory / "validation-x.json").write_bytes(content)
    assert line(directory).endswith("awaiting confirmation")
