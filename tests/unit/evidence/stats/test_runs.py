"""Which runs directories of evidence hold."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.dsse import IN_TOTO, Envelope
from deployctl.evidence.stats.runs import read_runs, run_of

RESULT: dict[str, Any] = {
    "runId": "20260103T073200Z-hotfix-1f2e3d",
    "command": "hotfix",
    "target": "production",
    "result": "sealed",
    "startedAt": "2026-01-03T07:32:00Z",
    "durationMs": 60_000,
    "release": {"number": "r2", "sha": "d73cfb1"},
    "previous": {"number": "r1"},
    "stages": [
        {"name": "swap", "state": "passed", "startedAt": "2026-01-03T07:32:30Z", "durationMs": 10},
        {
            "name": "confirm",
            "state": "passed",
            "startedAt": "2026-01-03T07:32:50Z",
            "durationMs": 1000,
        },
    ],
    "availability": {"probes": 9, "downtimeMs": 120, "resolutionMs": 25},
    "rollback": {"performed": False, "state": "none", "durationMs": None},
    "somethingNew": 1,
}
PLAN = {
    "document": {
        "decisions": {"project": "shop"},
        "facts": {"committedAt": "2026-01-03T07:00:00Z"},
    }
}


def predicate(**changes: Any) -> dict[str, Any]:
    return {"type": "deployctl.seal", "plan": PLAN, "result": {**RESULT, **changes}}


def write(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "seal.json").write_bytes(content)
    return folder / "seal.json"


def test_a_seal_tells_what_the_figures_need() -> None:
    run = run_of(predicate())
    assert run.went_live
    assert (run.project, run.release, run.previous, run.sha) == ("shop", "r2", "r1", "d73cfb1")
    assert run.live_at == datetime(2026, 1, 3, 7, 32, 51, tzinfo=UTC)
    assert run.ended_at == datetime(2026, 1, 3, 7, 33, tzinfo=UTC)
    assert run.committed_at == datetime(2026, 1, 3, 7, tzinfo=UTC)
    assert (run.outage_ms, run.resolution_ms) == (120, 25)


@pytest.mark.parametrize("partly", [{"unknown": 1}, {"stillDown": True}])
def test_an_outage_that_may_have_lasted_longer_is_no_exact_one(partly: dict[str, Any]) -> None:
    assert run_of(predicate(availability={**RESULT["availability"], **partly})).outage_ms is None


def test_a_swap_that_was_skipped_was_none() -> None:
    skipped = [{**RESULT["stages"][0], "state": "skipped"}]
    assert not run_of(predicate(stages=skipped)).went_live


def test_seals_are_found_at_any_depth_in_either_form(tmp_path: Path) -> None:
    write(tmp_path / "a/production/one", json.dumps(predicate()).encode())
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "git commit", "digest": {"gitCommit": "d73cfb1"}}],
        "predicateType": "urn:deployctl:rollout:1",
        "predicate": predicate(runId="two", startedAt="2026-01-02T00:00:00Z"),
    }
    write(tmp_path / "ci/two", Envelope(IN_TOTO, canonical_json(statement)).encode())
    runs, unread = read_runs([tmp_path / "a", tmp_path / "ci", tmp_path / "missing"])
    assert [run.run_id for run in runs] == ["two", RESULT["runId"]]
    assert unread == []


def test_a_run_in_two_places_counts_once(tmp_path: Path) -> None:
    for place in ("laptop", "ci"):
        write(tmp_path / place, json.dumps(predicate()).encode())
    runs, unread = read_runs([tmp_path, tmp_path / "ci"])
    assert (len(runs), unread) == (1, [])


def test_two_seals_of_one_run_that_differ_are_told_of(tmp_path: Path) -> None:
    write(tmp_path / "a", json.dumps(predicate()).encode())
    forged = write(tmp_path / "b", json.dumps(predicate(result="rolled-back")).encode())
    runs, unread = read_runs([tmp_path])
    assert [run.result for run in runs] == ["sealed"]
    assert [each.path for each in unread] == [forged]
    assert "they differ" in unread[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is"),
        (b"[" * 100_000, "it is"),
        (b"[]", "it is"),
        (b'{"type": "deployctl.seal"}', "it tells of no run: result"),
        (json.dumps(predicate(durationMs=-1)).encode(), "it tells of no run: result.durationMs"),
        (json.dumps(predicate(startedAt="soon")).encode(), "it tells of no run: result.startedAt"),
        (json.dumps(predicate(startedAt="2026-01-03T07:32:00")).encode(), "it tells of no run"),
        (b'{"payloadType": "x"}', "it is"),
    ],
)
def test_what_is_no_seal_is_named_and_not_counted(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = write(tmp_path / "x", content)
    runs, [unread] = read_runs([tmp_path])
    assert runs == []
    assert unread.path == path
    assert unread.reason.startswith(reason)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    real = write(tmp_path / "real", json.dumps(predicate()).encode())
    (tmp_path / "evidence/x").mkdir(parents=True)
    (tmp_path / "evidence/x/seal.json").symlink_to(real)
    assert read_runs([tmp_path / "evidence"]) == ([], [])
