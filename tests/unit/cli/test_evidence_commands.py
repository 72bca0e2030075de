"""verify and audit without any host: words, exit codes, documents."""

import errno
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
        assert "Not proven: target" in first

    def test_the_line_fits_a_screen_and_the_rest_stands_indented_below_it(
        self, run: Run, sealed: Path
    ) -> None:
        done = run("verify", str(sealed), "--allowed-signers", "allowed")
        first, *rest = done.stdout.splitlines()
        assert len(first) < 160
        assert all(line.startswith("  ") for line in rest)
        assert "  proven      all 2 files are as they were sealed (1 artefacts, 1 erasable)" in rest
        for number in range(30):
            (sealed / f"{number}-that-was-not-there-when-the-run-was-sealed.txt").write_text("")
        first = run("verify", str(sealed), "--allowed-signers", "allowed").stdout.splitlines()[0]
        assert first.startswith("Does not hold: the file 0-that-was-not-there")
        assert "(and 29 more). Proven: signature, signer, run, plan, chain. Not" in first
        assert len(first) < 180

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
            ("signers: 1\nallowed_signers:", "leave the key out"), ("approvals: 0", "approvals"),
            ("approvals: two", "expected a whole number"), ("approvals: 21", "approvals"),
            ("approvals: true", "approvals"), ("approvals:", "leave the key out"),
            ("target: production\napproval: 2", "did you mean approvals"),
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
        assert "is whole: 3 entries, and 1 seal here is the one that it notes" in done.stdout
        assert "Line 3, the last, is vouched for by nothing yet." in done.stdout
        assert "signatures were not verified: deployctl verify does" in done.stdout
        assert "seen here: 1 of the 1 seals that the journal notes; checked: art" in done.stdout

    def test_with_nothing_to_compare_it_never_agrees(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        del sealed
        done = run("audit", "--journal", "host.jsonl")
        assert done.code == ExitCode.USAGE
        assert "Name copies of evidence with --dir" in done.stderr
        (surroundings / "empty").mkdir()
        done = run("audit", "--journal", "host.jsonl", "--dir", "empty")
        assert done.code == ExitCode.REFUSED
        assert "is whole by itself: 3 entries. Nothing here could be compared" in done.stdout
        (surroundings / "empty.jsonl").touch()
        done = run("audit", "--journal", "empty.jsonl", "--dir", "empty")
        assert done.code == ExitCode.REFUSED
        assert "has no entries. Nothing here could be compared with it." in done.stdout

    def test_the_last_line_says_what_was_seen_and_checked(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        data = (surroundings / "host.jsonl").read_bytes()
        entry = {"seq": 4, "prev": chain.line_digest(data.splitlines()[-1]), "event": "seal"}
        more = json.dumps(entry | {"run": "r-2", "seal": "sha256:" + "0" * 64}).encode()
        (surroundings / "host.jsonl").write_bytes(data + more + b"\n")
        place = surroundings.parent / "state" / "deployctl" / "evidence" / "lab"
        place.parent.mkdir(parents=True)
        sealed.parent.rename(place)
        done = run("audit", "--journal", "host.jsonl", "--target", "lab")
        assert done.code == 0, done.stdout
        assert done.stdout.splitlines()[-1].startswith(
            "seen here: 1 of the 2 seals that the journal notes (1 not); checked: artefacts of 1; "
            "signatures were not verified"
        )

    def test_an_artefact_that_was_changed(self, run: Run, sealed: Path) -> None:
        (sealed / "build.log").write_text("other")
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == ExitCode.REFUSED
        assert "r-1/seal.json: the artefact build.log was changed" in done.stdout

    def test_a_seal_that_was_copied_without_its_artefacts(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        (surroundings / "ci").mkdir()
        shutil.copy(sealed / "seal.json", surroundings / "ci")
        done = run("audit", "--journal", "host.jsonl", "--dir", "ci")
        assert done.code == 0, done.stdout
        assert "checked: artefacts of 0; not checked: artefacts of 1, which lie here" in done.stdout

    def test_where_a_run_wrote_its_own_none_is_alone(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        place = surroundings.parent / "state" / "deployctl" / "evidence" / "lab"
        place.parent.mkdir(parents=True)
        sealed.parent.rename(place)
        (place / "r-1" / "build.log").unlink()
        done = run("audit", "--journal", "host.jsonl", "--target", "lab")
        assert done.code == ExitCode.REFUSED
        assert "the artefact build.log is missing" in done.stdout

    def test_runs_without_a_seal_are_told(self, run: Run, sealed: Path) -> None:
        left = sealed.parent / "r-0"
        left.mkdir()
        (left / "events.ndjson").touch()
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == 0, done.stdout
        assert "since they have no seal: directories of r-0" in done.stdout

    def test_a_copy_is_not_compared_with_itself(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        del sealed
        (surroundings / "host.jsonl").rename(surroundings / "evidence" / "journal.jsonl")
        done = run("audit", "--journal", "evidence/journal.jsonl", "--dir", "evidence")
        assert done.code == 0
        assert "Line 3, the last, is vouched for by nothing yet." in done.stdout

    def test_a_policy_says_who_must_have_signed(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        words = ("audit", "--journal", "host.jsonl", "--dir", "evidence", "--policy", "p.yml")
        (surroundings / "p.yml").write_text("allowed_signers: allowed\nchain: required\n")
        done = run(*words)
        assert done.code == 0, done.stdout
        assert "checked: signature and artefacts of 1" in done.stdout
        (sealed / "build.log").write_text("other")
        done = run(*words)
        assert done.code == ExitCode.REFUSED
        assert "Does not hold: the artefact build.log was changed" in done.stdout

    def test_a_run_s_directory_without_its_seal(self, run: Run, sealed: Path) -> None:
        (sealed / "seal.json").unlink()
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == ExitCode.REFUSED
        assert "host.jsonl notes them: the seals of 1 run: r-1 (line 3)" in done.stdout

    @pytest.mark.parametrize("name", ["seal.json", "journal.jsonl"])
    @pytest.mark.parametrize(
        ("kind", "told"),
        [
            ("fifo", "it is no plain file"), ("/dev/zero", "it is no plain file"),
            ("/proc/self/mem", "Input/output error"), ("/nowhere", "No such file"),
            ("sparse", "it is larger than 67108864 bytes"),
        ],
    )  # fmt: skip
    def test_what_is_no_plain_file_is_told(
        self, run: Run, sealed: Path, name: str, kind: str, told: str
    ) -> None:
        placed = sealed.parent / "x" / name
        placed.parent.mkdir()
        if kind == "fifo":
            os.mkfifo(placed)
        elif kind == "sparse":
            with placed.open("wb") as file:
                file.truncate(8 << 30)
        else:
            placed.symlink_to(kind)
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == ExitCode.REFUSED
        assert f"x/{name} can't be read: {told}" in done.stdout

    def test_directories_below_directories(
        self, run: Run, sealed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        try:
            with monkeypatch.context() as patch:
                patch.chdir(sealed)
                for _ in range(1500):
                    Path("d").mkdir()
                    os.chdir("d")
            done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        finally:  # pytest could not remove them
            subprocess.run(["rm", "-rf", str(sealed / "d")], check=True)
        assert done.code == ExitCode.REFUSED
        assert "it has directories, 24 levels down" in done.stdout

    def test_a_directory_that_nobody_lets_in(
        self, run: Run, sealed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        true = os.scandir
        closed = sealed.name

        def scandir(path: Any = ".") -> Any:
            if str(path).endswith(closed):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return true(path)

        monkeypatch.setattr(os, "scandir", scandir)
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == ExitCode.REFUSED
        assert "evidence/lab/r-1 can't be read: Permission denied" in done.stdout

    @pytest.mark.parametrize("kind", ["fifo", "deep", "no pairs", "no folder"])
    def test_a_record_that_is_none(
        self, run: Run, sealed: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(sealed / "state"))
        record = sealed / "state/deployctl/journals/lab/a.json"
        record.parent.mkdir(parents=True)
        if kind == "fifo":
            os.mkfifo(record)
        elif kind == "no folder":
            record.parent.rmdir()
            record.parent.write_text("")
        elif kind == "deep":
            record.write_text("[" * 100_000)
        else:
            record.write_text(json.dumps(
                {"journal": "", "seq": 0, "head": "", "size": 0, "sha256": "", "unnoted": 7}
            ))  # fmt: skip
        done = run("audit", "--journal", "host.jsonl", "--target", "lab")
        assert done.code == ExitCode.REFUSED
        assert "what this machine knew can't be read" in done.stdout

    def test_the_first_place_where_they_part(
        self, run: Run, sealed: Path, surroundings: Path
    ) -> None:
        (sealed / "seal.json").write_bytes((sealed / "seal.json").read_bytes() + b" ")
        done = run("audit", "--journal", "host.jsonl", "--dir", "evidence")
        assert done.code == ExitCode.REFUSED
        assert "seal.json can't be read" in done.stdout
        data = (surroundings / "host.jsonl").read_bytes()
        (surroundings / "host.jsonl").write_bytes(data.replace(b"begin", b"began"))
        words = ("audit", "--journal", "host.jsonl", "--dir", "evidence", "--output", "json")
        done = run(*words)
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
        [("--journal", "none"), ("--journal", "/dev/zero"), ("--journal", "evidence"),
         ("--journal", "host.jsonl", "--dir", "none"), ("--journal", "host.jsonl", "--accept")],
    )  # fmt: skip
    def test_words_that_mean_nothing_here_are_2(
        self, run: Run, sealed: Path, words: tuple[str, ...]
    ) -> None:
        del sealed
        assert run("audit", *words).code == ExitCode.USAGE
