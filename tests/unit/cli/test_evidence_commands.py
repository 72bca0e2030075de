"""verify and audit without any host: words, exit codes, documents."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployctl.errors import ExitCode
from deployctl.evidence import chain
from deployctl.evidence.predicate import Circumstances, Client, JournalRef, NamedDigest
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import seal
from deployctl.result import Result
from tests.seals import allowed, new_key, signing

from .conftest import Run


def journal(*events: tuple[str, str, str]) -> list[bytes]:
    lines: list[bytes] = []
    before = chain.NO_ENTRY
    for event, run, digest in events:
        entry = {"seq": len(lines) + 1, "prev": before, "event": event, "run": run}
        lines.append(json.dumps(entry | ({"seal": digest} if digest else {})).encode())
        before = chain.line_digest(lines[-1])
    return lines


@pytest.fixture
def sealed(surroundings: Path) -> Path:
    """A run's directory; beside it `allowed` and the host's `journal.jsonl`."""
    lines = journal(("begin", "r-1", ""), ("end", "r-1", ""))
    heads = [f"sha256:{chain.line_digest(line)}" for line in lines]
    directory = RunDirectory(surroundings / "evidence", "lab", "r-1")
    directory.write_bytes("build.log", b"built")
    key = new_key(surroundings)
    allowed(surroundings / "allowed", key)
    told = Result(
        command="hotfix", result="sealed", exit_code=0, reason="", target="lab", run_id="r-1",
        started_at=datetime(2026, 1, 3, tzinfo=UTC), duration_ms=1,
    )  # fmt: skip
    circumstances = Circumstances(
        client=Client(host="laptop", user="ana", system="Linux"),
        playbook=NamedDigest(name="hotfix", digest="sha256:b"),
        journal=JournalRef(
            id=heads[0], seq=2, head_before=f"sha256:{chain.NO_ENTRY}", head_after=heads[1]
        ),
    )
    reference = seal(directory, told, {}, {}, circumstances, signing(key))
    lines = journal(("begin", "r-1", ""), ("end", "r-1", ""), ("seal", "r-1", reference.digest))
    (surroundings / "host.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return directory.path


@pytest.fixture(autouse=True)
def _openssh() -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen here")


class TestVerify:
    def test_it_says_in_one_line_what_is_proven(self, run: Run, sealed: Path) -> None:
        done = run("verify", str(sealed), "--allowed-signers", "allowed")
        assert done.code == 0, done.stdout
        first = done.stdout.splitlines()[0]
        assert first.startswith("Proven: ")
        assert "signed by ana@example.com" in first
        assert "run r-1 ended sealed (0)" in first
        assert "Not proven: which target was meant" in first

    def test_without_a_word_on_who_may_sign_it_is_23(self, run: Run, sealed: Path) -> None:
        done = run("verify", str(sealed / "seal.json"))
        assert done.code == ExitCode.REFUSED
        assert done.stdout.startswith("Not proven: who signed")

    def test_what_does_not_hold_comes_first(self, run: Run, sealed: Path) -> None:
        (sealed / "build.log").write_text("other")
        done = run("verify", str(sealed), "--allowed-signers", "allowed", "--output", "json")
        assert done.code == done.document["exitCode"] == ExitCode.REFUSED
        assert done.document["sentence"].startswith(
            "Does not hold: the artefact build.log was changed"
        )
        assert {"name": "artefacts", "state": "failed"}.items() <= done.document["checks"][
            -2
        ].items()

    def test_a_policy_is_a_file_with_a_signers_file_beside_it(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        policy = surroundings / "policies" / "p.yml"
        policy.parent.mkdir()
        shutil.copy(surroundings / "allowed", policy.parent / "people")
        policy.write_text("allowed_signers: people\ntarget: lab\nmax_age: 1h\nchain: required\n")
        assert run("verify", str(sealed), "--policy", str(policy)).code == 0
        policy.write_text("allowed_signers: people\ntarget: production\n")
        assert run("verify", str(sealed), "--policy", str(policy)).code == ExitCode.REFUSED

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("signers: 0", "signers"), ("max_age: 3 days", "expected an age such as"),
            ("target: production\nsigner: 2", "did you mean signers"), ("[]", "expected a mapping"),
            ("password: hunter2hunter2", "no key here is a policy's"),
            ("signers: true", "signers"), ("signers: 1.0", "signers"), ("signers:", "signers"),
            ("target:", "target"), ("max_age:", "max_age"), ("chain:", "chain"),
            ("signers: 1\nallowed_signers:", "leave the key out"),
        ],
    )  # fmt: skip
    def test_a_policy_that_makes_no_sense_is_78(
        self, run: Run, sealed: Path, surroundings: Path, text: str, told: str
    ) -> None:
        (surroundings / "p.yml").write_text(text)
        done = run("verify", str(sealed), "--policy", "p.yml")
        assert done.code == ExitCode.CONFIG
        assert told in done.stderr
        assert "hunter2" not in done.stderr

    @pytest.mark.parametrize(
        "words", [("verify", "none"), ("verify", ".", "--allowed-signers", "none")]
    )
    def test_what_is_not_there_is_refused(
        self, run: Run, sealed: Path, words: tuple[str, ...]
    ) -> None:
        del sealed
        done = run(*words)
        assert done.code == ExitCode.REFUSED
        assert "none" in done.stderr


class TestAudit:
    def test_a_copied_journal_and_copied_seals(self, run: Run, sealed: Path) -> None:
        del sealed
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == 0, done.stdout
        assert "is whole: 3 entries, and 1 seals here are the ones that it notes" in done.stdout

    def test_the_first_place_where_they_part(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        (sealed / "seal.json").write_bytes((sealed / "seal.json").read_bytes() + b" ")
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == ExitCode.REFUSED
        assert "seal.json can't be read" in done.stdout
        data = (surroundings / "host.jsonl").read_bytes()
        (surroundings / "host.jsonl").write_bytes(data.replace(b"begin", b"began"))
        done = run("audit", "--journal", "host.jsonl", "--output", "json")
        assert done.document["findings"][0]["line"] == 1
        assert done.document["exitCode"] == done.code == ExitCode.REFUSED

    def test_another_journal_among_the_copies_is_compared(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        data = (surroundings / "host.jsonl").read_bytes()
        (sealed.parent / "journal.jsonl").write_bytes(data + b"{}\n")
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == ExitCode.REFUSED
        assert "was cut off" in done.stdout

    @pytest.mark.parametrize(
        "words",
        [("--journal", "none"), ("--journal", "host.jsonl", "--dir", "none"),
         ("--journal", "host.jsonl", "--accept")],
    )  # fmt: skip
    def test_words_that_mean_nothing_here_are_2(
        self, run: Run, sealed: Path, words: tuple[str, ...]
    ) -> None:
        del sealed
        assert run("audit", *words).code == ExitCode.USAGE
