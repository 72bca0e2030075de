"""Which seals an audit of a host takes for its own."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployctl.evidence.audit import Audit
from deployctl.evidence.audited import Copy, SealCopy, Whose
from deployctl.evidence.chain import NO_ENTRY, line_digest
from deployctl.evidence.policy import Policy
from deployctl.evidence.predicate import Circumstances, Client, JournalRef, NamedDigest
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import seal
from deployctl.result import Result
from deployctl.rollout import audit as auditing
from deployctl.rollout import audit_files


def entry(lines: list[bytes], event: str, **more: str) -> None:
    before = line_digest(lines[-1]) if lines else NO_ENTRY
    found = {"seq": len(lines) + 1, "prev": before, "event": event, "run": "r-1", **more}
    lines.append(json.dumps(found).encode())


def sealed(base: Path, host: str, target: str = "lab") -> list[bytes]:
    """The lines of a journal that notes it."""
    lines: list[bytes] = []
    entry(lines, "begin", host=host)
    entry(lines, "end")
    heads = [f"sha256:{line_digest(line)}" for line in lines]
    told = Result(
        command="hotfix", result="sealed", exit_code=0, reason="", target=target, run_id="r-1",
        started_at=datetime(2026, 1, 3, tzinfo=UTC), duration_ms=1,
    )  # fmt: skip
    circumstances = Circumstances(
        client=Client(host="laptop", user="ana", system="Linux"),
        playbook=NamedDigest(name="hotfix", digest="sha256:b"),
        journal=JournalRef(
            id=heads[0], seq=2, head_before=f"sha256:{NO_ENTRY}", head_after=heads[1]
        ),
    )
    directory = RunDirectory(base, target, "r-1")
    reference = seal(directory, told, {}, {"host": host}, circumstances, None)
    entry(lines, "seal", seal=reference.digest)
    return lines


def audited(base: Path, lines: list[bytes]) -> Audit:
    journal = Copy("the journal on vps", b"".join(line + b"\n" for line in lines))
    return auditing._compare(journal, Whose("lab", "vps:22"), auditing.Asked((base,)), [])


def test_however_a_client_called_the_host(tmp_path: Path) -> None:
    lines = sealed(tmp_path / "ci", "runner@vps.example.com:2222")
    assert audited(tmp_path / "ci", lines).seals == 1
    found = audited(tmp_path / "ci", lines[:1])
    assert "was cut off before line 2" in found.findings[0].told


def test_another_host_of_the_same_target_is_told_and_not_compared(tmp_path: Path) -> None:
    lines = sealed(tmp_path / "one", "deploy@vps:22")
    sealed(tmp_path / "two", "deploy@two:22")
    found = audited(tmp_path, lines)
    assert (found.findings, found.seals) == ((), 1)
    assert "they name another journal" in found.notes[0]


def test_the_same_host_with_another_journal_was_rewritten(tmp_path: Path) -> None:
    sealed(tmp_path / "one", "deploy@vps:22")
    lines = sealed(tmp_path / "two" / "elsewhere", "deploy@two:22")
    found = audited(tmp_path / "one", lines)
    assert "rewritten" in found.findings[0].told


def test_a_run_that_left_nothing_in_the_journal_needed_no_approval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int | None] = []

    def verify(_: Path, policy: Policy) -> SimpleNamespace:
        asked.append(policy.approvals)
        return SimpleNamespace(exit_code=0)

    monkeypatch.setattr(audit_files, "verify", verify)
    heads = ({"headBefore": "a", "headAfter": "a"}, {"headBefore": "a", "headAfter": "b"})
    copies = [SealCopy("seal.json", "", "r-1", each, None) for each in heads]
    assert list(audit_files.signatures(copies, Policy(approvals=2))) == []
    assert asked == [None, 2]
