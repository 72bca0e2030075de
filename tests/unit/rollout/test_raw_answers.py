"""What gates really got, as it is kept."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.evidence.redact import MARK, Redactor
from deployctl.evidence.run_directory import RunDirectory
from deployctl.gates.base import EVIDENCE_BYTES, CommandOutcome, Observation
from deployctl.gates.command import CommandObservation
from deployctl.gates.endpoint import HttpObservation
from deployctl.gates.fetch import Exchange, Fault
from deployctl.rollout.context import keep_raw

FULL = b"x" * EVIDENCE_BYTES


def kept(tmp_path: Path, observation: Observation) -> tuple[bytes, dict[str, Any]]:
    evidence = RunDirectory(tmp_path, "lab", "r", Redactor({"X": "hunter2hunter2"}))
    session: Any = SimpleNamespace(evidence=evidence)
    keep_raw(session, {"my gate": observation}, "after")
    folder = evidence.path / "gates"
    assert {path.name for path in folder.iterdir()} == {
        "my-gate.after.1.txt", "my-gate.after.1.json"
    }  # fmt: skip
    told = json.loads((folder / "my-gate.after.1.json").read_text())
    return (folder / "my-gate.after.1.txt").read_bytes(), told


def test_an_answer_is_kept_with_where_it_came_from_and_how(tmp_path: Path) -> None:
    body = b'{"token": "hunter2hunter2"}'
    exchange = Exchange(
        url="http://h/?q=hunter2hunter2&password=", status=503, content_type="application/json",
        body=body, latency=0.1234, fault=Fault("cut-off", "the answer was cut off"),
    )  # fmt: skip
    data, told = kept(tmp_path, HttpObservation(exchanges=(exchange,)))
    assert b"hunter2" not in data
    assert told == {
        "asked": f"http://h/?q={MARK}&password=",
        "status": "503 the answer was cut off",
        "contentType": "application/json",
        "kept": "all",
        "sizeBytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "latencyMs": 123,
    }


def test_of_a_long_answer_it_is_said_that_its_beginning_is_kept(tmp_path: Path) -> None:
    body = FULL + b"more"
    data, told = kept(tmp_path, HttpObservation(exchanges=(Exchange(url="u", body=body),)))
    assert data == FULL
    assert (told["kept"], told["sizeBytes"]) == ("the first 64 KiB", len(body))
    assert told["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("stdout", "said"), [(b"out", "all"), (FULL, "the last 64 KiB of each stream")]
)
def test_of_a_command_the_end_of_both_streams_is_kept(
    tmp_path: Path, stdout: bytes, said: str
) -> None:
    outcome = CommandOutcome(exit_code=3, stdout=stdout, stderr=b"why it failed")
    seen = CommandObservation(outcome=outcome, latency=1.0, command="check")
    data, told = kept(tmp_path, seen)
    assert data == stdout + b"why it failed"
    assert (told["kept"], told["asked"], told["status"]) == (said, "check", "exit code 3")
