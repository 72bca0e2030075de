"""The seal names every artefact by digest, and its own digest is that of its bytes."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployctl.errors import ExitCode
from deployctl.evidence import seal as seal_module
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.redact import MARK, Redactor
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import SealError, seal
from deployctl.result import Result

PLAN = {"b": 1, "a": [2.5, "é"]}


def result(reason: str = "Every gate held.", plan_digest: str | None = None) -> Result:
    return Result(
        command="hotfix",
        result="sealed",
        exit_code=0,
        reason=reason,
        started_at=datetime(2026, 1, 3, tzinfo=UTC),
        duration_ms=1,
        plan_digest=plan_digest,
    )


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path, "lab", "r1", Redactor({"X": "hunter2hunter2"}))
    made.write_bytes("build.log", b"#1 FROM python\n")
    made.write_bytes("gates/health.json", b"{}")
    return made


def test_it_names_every_artefact_by_digest_size_and_type(directory: RunDirectory) -> None:
    reference = seal(directory, result(), PLAN, {"operator": "ana"})
    document = json.loads(Path(reference.path).read_bytes())
    assert document["schemaVersion"] == 1
    assert document["context"] == {"operator": "ana"}
    assert document["result"]["exitCode"] == 0
    assert document["artefacts"] == [
        {
            "name": "build.log",
            "sha256": hashlib.sha256(b"#1 FROM python\n").hexdigest(),
            "sizeBytes": 15,
            "mediaType": "text/plain; charset=utf-8",
        },
        {
            "name": "gates/health.json",
            "sha256": hashlib.sha256(b"{}").hexdigest(),
            "sizeBytes": 2,
            "mediaType": "application/json",
        },
    ]


def test_its_digest_is_that_of_the_file(directory: RunDirectory) -> None:
    reference = seal(directory, result(), PLAN)
    data = Path(reference.path).read_bytes()
    assert reference.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert data == canonical_json(json.loads(data))


def test_the_plan_stands_in_it_under_the_digest_that_was_approved(directory: RunDirectory) -> None:
    approved = "sha256:" + "a" * 64
    plan = json.loads(Path(seal(directory, result(plan_digest=approved), PLAN).path).read_bytes())
    assert plan["plan"] == {"digest": approved, "document": PLAN, "redacted": False}
    unbound = json.loads(Path(seal(directory, result(), PLAN).path).read_bytes())
    assert unbound["plan"]["digest"] == digest(canonical_json(PLAN))


def test_secrets_stay_out_and_what_was_dropped_is_named(directory: RunDirectory) -> None:
    directory.write_bytes("core", b"\xffhunter2hunter2")
    reference = seal(
        directory, result("saw hunter2hunter2"), {"diff": "hunter2hunter2"}, {"x": "hunter2hunter2"}
    )
    document = json.loads(Path(reference.path).read_bytes())
    assert document["result"]["reason"] == f"saw {MARK}"
    assert document["context"] == {"x": MARK}
    assert document["plan"]["document"] == {"diff": MARK}
    assert document["plan"]["redacted"] is True
    assert document["dropped"] == ["core"]


def test_a_seal_that_can_not_be_written_says_so_with_73(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(seal_module, "write_private_file", full)
    with pytest.raises(SealError) as error:
        seal(directory, result(), PLAN)
    assert error.value.code == ExitCode.SEAL_FAILED
    assert "No space left" in error.value.what
    assert error.value.next_step


def test_a_value_that_json_can_not_hold_is_a_failed_seal_too(directory: RunDirectory) -> None:
    with pytest.raises(SealError):
        seal(directory, result(), {"x": float("nan")})
