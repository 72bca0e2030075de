"""The human validator's line stays open until there is a signed word about this very seal."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import paramiko
import pytest

from deployctl.evidence import approval
from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature
from deployctl.evidence.report.markdown import markdown
from deployctl.evidence.report.reproduce import verification
from deployctl.evidence.report.story import read_story
from deployctl.evidence.report.words import words_in
from deployctl.evidence.statement import read_seal
from tests.seals import allowed, new_key

from .support import make

FILE = "validation-bea.json"


def validate(directory: Path, **changes: Any) -> paramiko.PKey:
    word = {
        "sealDigest": read_seal(directory / "seal.json").digest,
        "target": "production",
        "runId": "r-1",
        "by": "bea",
        "at": "2026-01-03T08:00:00.000Z",
        **changes,
    }
    key = new_key(directory.parent)
    (directory / FILE).write_bytes(approval.sign(approval.OfSeal(**word), key).data)
    return key


def told(directory: Path) -> list[str]:
    lines = markdown(read_story(directory), words_in("en")).splitlines()
    found = [each for each in lines if each.startswith("- **Human validator:**")]
    return found[: len(found) // 2]  # they stand among the signatures and at the end


def test_it_is_open_at_first(tmp_path: Path) -> None:
    [line] = told(make(tmp_path))
    assert line.endswith("awaiting confirmation")


def test_it_has_the_name_that_the_file_claims_and_says_that_nobody_checked_it(
    tmp_path: Path,
) -> None:
    directory = make(tmp_path)
    validate(directory)
    [line] = told(directory)
    assert "`bea`, `SHA256:" in line
    assert line.endswith("2026-01-03T08:00:00.000Z, "
                         "says the file; nobody has checked the signature here")  # fmt: skip


def assert_invalid(directory: Path) -> None:
    first, *others = told(directory)
    assert first.endswith("awaiting confirmation")
    assert [each.rpartition(":** ")[2] for each in others] == [f"`{FILE}`, not a valid file"]


def test_a_word_about_another_seal_is_none(tmp_path: Path) -> None:
    directory = make(tmp_path)
    validate(directory, sealDigest="sha256:" + "0" * 64)
    assert_invalid(directory)


@pytest.mark.parametrize("signatures", [(), (Signature("SHA256:THE-CEOS-KEY", b"rubbish"),)])
def test_a_claim_without_a_signature_that_can_be_read_is_none(
    tmp_path: Path, signatures: tuple[Signature, ...]
) -> None:
    directory = make(tmp_path)
    validate(directory)
    payload = approval.read((directory / FILE).read_bytes()).envelope.payload
    envelope = Envelope(IN_TOTO, payload).signed(*signatures)
    (directory / FILE).write_bytes(envelope.encode())
    assert_invalid(directory)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff" * 9, b"[" * 100_000, Envelope(IN_TOTO, canonical_json({})).encode()],
)
def test_a_file_that_can_not_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    directory = make(tmp_path)
    (directory / FILE).write_bytes(content)
    assert_invalid(directory)


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_commands_that_check_it_are_there_and_do(tmp_path: Path) -> None:
    directory = make(tmp_path)
    key = validate(directory)
    allowed(directory / "allowed_signers", key)
    found = verification(read_story(directory), words_in("en"))
    [line] = [each.line for each in found if each.about.startswith(FILE)]

    def typed() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-ec", line.replace("WHO", "ana@example.com")], cwd=directory,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = typed()
    assert done.returncode == 0, done.stderr
    assert 'Good "approval@deployctl" signature for ana@example.com' in done.stdout
    assert "seal.json: OK" in done.stdout
    allowed(directory / "allowed_signers", new_key(tmp_path, "other"))
    assert typed().returncode != 0
    allowed(directory / "allowed_signers", key)
    (directory / "seal.json").write_bytes((directory / "seal.json").read_bytes() + b" ")
    assert typed().returncode != 0


def test_of_what_is_no_validation_there_is_nothing_to_check(tmp_path: Path) -> None:
    directory = make(tmp_path)
    (directory / FILE).write_bytes(b"[]")
    found = verification(read_story(directory), words_in("en"))
    assert not [each for each in found if FILE in each.about]
