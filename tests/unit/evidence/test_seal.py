"""The seal names every artefact by digest, and its own digest is that of its bytes."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployctl.errors import ExitCode
from deployctl.evidence import last_look
from deployctl.evidence import seal as seal_module
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.predicate import (
    Circumstances,
    Client,
    JournalRef,
    NamedDigest,
    PreviousSeal,
)
from deployctl.evidence.redact import MARK, Redactor
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import CannotSignError, SealError, SigningKey, seal
from deployctl.evidence.statement import Sealed, read_seal
from deployctl.result import GateResult, Release, Result, SealRef
from tests.seals import new_key, signing

PLAN = {"b": 1, "a": [2.5, "é"]}


CIRCUMSTANCES = Circumstances(
    client=Client(host="laptop", user="ana", system="Linux x86_64"),
    playbook=NamedDigest(name="hotfix", digest="sha256:" + "b" * 64),
    diff="-old\n+new\n",
    journal=JournalRef(id="sha256:1", seq=7, head_before="sha256:2", head_after="sha256:3"),
    previous_seal=PreviousSeal(digest="sha256:" + "c" * 64),
)


def sealed(reference: SealRef) -> Sealed:
    return read_seal(Path(reference.path))


def result(reason: str = "Every gate held.", plan_digest: str | None = None, **more: Any) -> Result:
    return Result(
        command="hotfix",
        result="sealed",
        exit_code=0,
        reason=reason,
        started_at=datetime(2026, 1, 3, tzinfo=UTC),
        duration_ms=1,
        plan_digest=plan_digest,
        **more,
    )


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path, "lab", "r1", Redactor({"X": "hunter2hunter2"}))
    made.write_bytes("build.log", b"#1 FROM python\n")
    made.write_bytes("gates/health.json", b"{}")
    return made


def test_it_names_every_artefact_by_digest_size_and_type(directory: RunDirectory) -> None:
    reference = seal(directory, result(), PLAN, {"dockerVersion": "26.1.5"})
    document = sealed(reference).predicate
    assert document["context"] == {"dockerVersion": "26.1.5"}
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
    bound = sealed(seal(directory, result(plan_digest=approved), PLAN)).predicate
    assert bound["plan"] == {"digest": approved, "document": PLAN, "redacted": False}
    unbound = sealed(seal(directory, result(), PLAN)).predicate
    assert unbound["plan"]["digest"] == digest(canonical_json(PLAN))


def test_secrets_stay_out_and_what_was_dropped_is_named(directory: RunDirectory) -> None:
    directory.write_bytes("core", "hunter2hunter2".encode("utf-16"))
    reference = seal(
        directory, result("saw hunter2hunter2"), {"diff": "hunter2hunter2"}, {"x": "hunter2hunter2"}
    )
    document = sealed(reference).predicate
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


class TestItsStatement:
    def test_it_is_about_the_image_and_the_commit(self, directory: RunDirectory) -> None:
        release = Release(sha="d" * 40, image="api:d73cfb1", image_id="sha256:" + "e" * 64)
        statement = sealed(seal(directory, result(release=release), PLAN)).statement
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        assert statement["predicateType"] == "urn:deployctl:rollout:1"
        assert statement["subject"] == [
            {"name": "api:d73cfb1", "digest": {"sha256": "e" * 64}},
            {"name": "git commit", "digest": {"gitCommit": "d" * 40}},
        ]

    def test_a_run_that_came_to_neither_is_about_its_events(self, directory: RunDirectory) -> None:
        directory.write_bytes("events.ndjson", b"{}\n")
        statement = sealed(seal(directory, result(), PLAN)).statement
        assert statement["subject"] == [
            {"name": "events.ndjson", "digest": {"sha256": hashlib.sha256(b"{}\n").hexdigest()}}
        ]

    def test_it_says_from_where_with_what_and_after_which_seal(
        self, directory: RunDirectory
    ) -> None:
        predicate = sealed(seal(directory, result(), PLAN, {}, CIRCUMSTANCES)).predicate
        assert predicate["client"]["system"] == "Linux x86_64"
        assert predicate["playbook"]["name"] == "hotfix"
        assert predicate["compose"]["diff"] == "-old\n+new\n"
        assert predicate["journal"] == {
            "id": "sha256:1", "seq": 7, "headBefore": "sha256:2", "headAfter": "sha256:3",
        }  # fmt: skip
        assert predicate["previousSeal"] == {"digest": "sha256:" + "c" * 64}
        assert predicate["buildLog"]["name"] == "build.log"
        assert predicate["approvals"] == []

    def test_each_look_at_a_gate_points_at_its_raw_answers(self, directory: RunDirectory) -> None:
        gate = GateResult(
            name="health", when="after", state="pass", observed="200", threshold="200",
            attempts=3, reason="",
        )  # fmt: skip
        for number in (2, 10):
            directory.write_bytes(f"gates/health.after.{number}.txt", b"200")
        directory.write_bytes("gates/health.before.1.txt", b"404")
        directory.write_bytes("gates/health.after.2.json", b"{}")
        [shown] = sealed(seal(directory, result(gates=[gate]), PLAN)).predicate["gates"]
        assert (shown["observed"], shown["threshold"]) == ("200", "200")
        assert [kept["name"] for kept in shown["responses"]] == [
            "gates/health.after.2.txt", "gates/health.after.2.json", "gates/health.after.10.txt",
        ]  # fmt: skip
        assert shown["responses"][0]["sha256"] == hashlib.sha256(b"200").hexdigest()

    def test_it_points_at_the_compose_files_and_at_a_broken_one(
        self, directory: RunDirectory
    ) -> None:
        for name in ("before", "after", "broken"):
            directory.write_bytes(f"compose.1.{name}.yml", name.encode())
        file = {"path": "/srv/c.yml", "beforeSha256": "1", "afterSha256": "2"}
        repair = {"path": "/srv/c.yml", "brokenSha256": "3", "source": "containers"}
        plan = {"decisions": {"files": [file], "repair": repair}}
        [shown] = sealed(seal(directory, result(), plan)).predicate["compose"]["files"]
        assert [shown[f"{name}Sha256"] for name in ("before", "after", "broken")] == ["1", "2", "3"]
        assert shown["broken"]["sha256"] == hashlib.sha256(b"broken").hexdigest()


class TestItsSignature:
    def test_it_names_the_key_inside_and_outside(
        self, directory: RunDirectory, tmp_path: Path
    ) -> None:
        key = signing(new_key(tmp_path))
        read = sealed(seal(directory, result(), PLAN, {}, None, key))
        assert read.envelope is not None
        [signature] = read.envelope.signatures
        assert signature.keyid == key.keyid == read.predicate["signer"]["keyid"]
        assert read.predicate["signer"]["namespace"] == "seal@deployctl"
        assert signature.sig.startswith(b"-----BEGIN SSH SIGNATURE-----\n")

    @pytest.mark.parametrize("broken", ["none", "known", "late"])
    def test_without_a_key_it_is_written_all_the_same_and_says_why(
        self, directory: RunDirectory, broken: str
    ) -> None:
        def refuses(_: bytes) -> bytes:
            raise CannotSignError("the agent has gone")

        why = CannotSignError("the agent has gone")
        key = {"none": None, "known": why, "late": SigningKey("SHA256:x", refuses)}[broken]
        read = sealed(seal(directory, result(), PLAN, {}, None, key))
        assert read.envelope is not None
        assert read.envelope.signatures == ()
        assert read.predicate["signer"] is None
        said = "there was no key to sign with" if broken == "none" else "the agent has gone"
        assert read.predicate["unsignedBecause"] == said


class TestTheLastLook:
    def test_a_secret_that_became_known_late_is_taken_out_of_what_was_written(
        self, directory: RunDirectory
    ) -> None:
        (directory.path / "late.txt").write_bytes(b"before hunter2hunter2 after")
        (directory.path / "late.bin").write_bytes("hunter2hunter2".encode("utf-16"))
        document = sealed(seal(directory, result(), PLAN)).predicate
        assert (directory.path / "late.txt").read_bytes() == f"before {MARK} after".encode()
        assert not (directory.path / "late.bin").exists()
        assert document["dropped"] == ["late.bin"]
        [late] = [each for each in document["artefacts"] if each["name"] == "late.txt"]
        assert late["sizeBytes"] == len(f"before {MARK} after")

    def test_a_word_of_ours_that_a_secret_is_called_alike_stays(self, tmp_path: Path) -> None:
        directory = RunDirectory(tmp_path, "lab", "r1", Redactor({"X": "production"}))
        line = {"type": "runStarted", "target": "production"}
        (directory.path / "events.ndjson").write_text(json.dumps(line) + "\n")
        seal(directory, result(target="production"), PLAN)
        assert json.loads((directory.path / "events.ndjson").read_text()) == line

    def test_with_a_secret_that_nothing_takes_out_there_is_no_seal(
        self, directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(last_look, "_without", lambda _d, value, _w, _t: value)
        monkeypatch.setattr(seal_module, "cleaned", lambda _, value: value)
        with pytest.raises(SealError, match="secret"):
            seal(directory, result("saw hunter2hunter2"), PLAN)
        assert not (directory.path / "seal.json").exists()

    def test_what_could_not_be_cleaned_is_dropped_and_named(
        self, directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(seal_module, "cleaned", lambda _, value: value)
        document = sealed(seal(directory, result("saw hunter2hunter2"), PLAN)).predicate
        assert document["result"]["reason"] == last_look.DROPPED
        assert document["dropped"] == ["seal.result.reason"]
