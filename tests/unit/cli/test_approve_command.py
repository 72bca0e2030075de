"""`plan --out`, `approve`, `hotfix --plan`: three commands, on whichever machine each is typed."""

import json
import stat
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence import approval as words
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.result import Result
from deployctl.rollout import hotfix as hotfix_module
from deployctl.rollout import plan as plan_module
from deployctl.rollout import reach as reach_module
from deployctl.rollout import rollback as rollback_module
from tests.people import Person, allow, person
from tests.unit.rollout.plans import given, ready
from tests.unit.rollout.test_plan_digest import decisions
from tests.unit.ui.conftest import Stream

from .conftest import Run


@pytest.fixture
def ana(tmp_path: Path) -> Person:
    return person(tmp_path, "ana@example.com")


@pytest.fixture
def elsewhere(surroundings: Path) -> Path:
    """A machine without settings, to which somebody copied the plan."""
    given(surroundings)
    return surroundings


@pytest.fixture
def signing(project: Path, ana: Person, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, whose target wants a signature, and a plan of it."""
    monkeypatch.setattr(reach_module, "reach", lambda *_: Future())
    allow(project, ana)
    settings = project / "deployctl.yml"
    told = "approval: {how: signed, allowed_signers: allowed_signers}\n"
    settings.write_text(settings.read_text() + told)
    given(project)
    return project


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each rollout was handed; it asks for approval and is done."""
    handed: list[Any] = []

    def roll_out(*arguments: Any) -> Result:
        handed.append((arguments, arguments[5](ready())))
        return Result(
            command="hotfix", result="sealed", exit_code=0, reason="Done.",
            started_at=datetime.now(UTC), duration_ms=1,
        )  # fmt: skip

    monkeypatch.setattr(hotfix_module, "hotfix", roll_out)
    monkeypatch.setattr(rollback_module, "rollback", roll_out)
    return handed


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> Stream:
    stderr = Stream(tty=True)
    monkeypatch.setattr("sys.stdin", Stream(tty=True, text=typed))
    monkeypatch.setattr("sys.stderr", stderr)
    return stderr


@pytest.mark.usefixtures("elsewhere")
class TestApprovingAPlan:
    def test_the_plan_is_shown_and_the_signature_is_beside_it(
        self, run: Run, elsewhere: Path, ana: Person
    ) -> None:
        done = run("approve", "plan.json", "--key", str(ana.key_file), "--yes")
        assert done.code == 0, done.stderr
        assert "hotfix on lab" in done.stderr
        assert "api:d73cfb1" in done.stderr
        assert "+    image: api:d73cfb1" in done.stderr
        path = elsewhere / f"plan.json.approval-{words.file_name(ana.fingerprint)}"
        assert done.stdout.splitlines()[-1] == str(path.relative_to(elsewhere))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        approval = words.read(path.read_bytes())
        assert words.check(approval, allow(elsewhere, ana)).principal == ana.name
        assert isinstance(approval.word, words.OfPlan)
        assert approval.word.fileDigest == digest((elsewhere / "plan.json").read_bytes())

    def test_execute_is_typed(self, run: Run, ana: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        stderr = on_a_terminal(monkeypatch, "EXECUTE\n")
        assert run("approve", "plan.json", "--key", str(ana.key_file)).code == 0
        assert "Type EXECUTE to approve plan" in stderr.getvalue()

    def test_anything_else_signs_nothing(
        self, run: Run, elsewhere: Path, ana: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        on_a_terminal(monkeypatch, "yes\n")
        assert run("approve", "plan.json", "--key", str(ana.key_file)).code == 77
        assert [each.name for each in elsewhere.iterdir()] == ["plan.json"]

    def test_without_a_terminal_it_needs_yes(self, run: Run, ana: Person) -> None:
        done = run("approve", "plan.json", "--key", str(ana.key_file), "-o", "json")
        assert done.code == 77
        assert "--yes" in done.document["nextStep"]

    def test_signed_again_it_is_the_same_file(self, run: Run, elsewhere: Path, ana: Person) -> None:
        for _ in range(2):
            assert run("approve", "plan.json", "--key", str(ana.key_file), "--yes").code == 0
        assert len(list(elsewhere.glob("plan.json.approval-*"))) == 1

    def test_for_programs_it_is_a_document(self, run: Run, ana: Person) -> None:
        done = run("approve", "plan.json", "--key", str(ana.key_file), "--yes", "-o", "json")
        assert done.document["result"] == "approved"
        assert done.document["digest"] == decisions().digest
        assert done.document["fingerprint"] == ana.fingerprint

    def test_a_plan_that_somebody_changed_is_not_signed(
        self, run: Run, elsewhere: Path, ana: Person
    ) -> None:
        path = elsewhere / "plan.json"
        path.write_bytes(path.read_bytes().replace(b"api:d73cfb1", b"api:d73cfb2"))
        done = run("approve", "plan.json", "--key", str(ana.key_file), "--yes", "-o", "json")
        assert done.code == 2
        assert "digest is not that of its decisions" in done.document["reason"]

    @pytest.mark.parametrize("content", ["", "{}", "\0", "[1]"])
    def test_what_is_neither_a_plan_nor_a_seal(
        self, run: Run, elsewhere: Path, ana: Person, content: str
    ) -> None:
        (elsewhere / "x.json").write_text(content)
        done = run("approve", "x.json", "--key", str(ana.key_file), "--yes", "-o", "json")
        assert done.code == 2
        assert "neither a plan nor a seal" in done.document["reason"]


class TestValidatingASeal:
    @pytest.fixture
    def seal(self, surroundings: Path) -> Path:
        result = Result(
            command="hotfix", result="sealed", exit_code=0, reason="r1 is live.", run_id="r-1",
            target="lab", started_at=datetime.now(UTC), duration_ms=1,
        )  # fmt: skip
        document = {
            "type": "deployctl.seal", "result": result.model_dump(mode="json", by_alias=True)
        }  # fmt: skip
        path = surroundings / "seal.json"
        path.write_bytes(canonical_json(document))
        return path

    def test_the_verdict_is_shown_and_the_word_is_beside_the_seal(
        self, run: Run, seal: Path, ana: Person
    ) -> None:
        done = run("approve", "seal.json", "--key", str(ana.key_file), "--yes")
        assert done.code == 0, done.stderr
        assert "run r-1 on lab" in done.stderr
        assert "r1 is live." in done.stderr
        path = seal.with_name(f"validation-{words.file_name(ana.fingerprint)}.json")
        word = words.read(path.read_bytes()).word
        assert isinstance(word, words.OfSeal)
        assert (word.sealDigest, word.runId) == (digest(seal.read_bytes()), "r-1")
        assert word.statement == "validated"

    @pytest.mark.usefixtures("seal")
    def test_validated_is_typed(
        self, run: Run, ana: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        on_a_terminal(monkeypatch, "EXECUTE\n")
        assert run("approve", "seal.json", "--key", str(ana.key_file)).code == 77
        on_a_terminal(monkeypatch, "VALIDATED\n")
        assert run("approve", "seal.json", "--key", str(ana.key_file)).code == 0


@pytest.mark.usefixtures("signing", "ran")
class TestCarryingItOut:
    def approve(self, run: Run, ana: Person) -> None:
        assert run("approve", "plan.json", "--key", str(ana.key_file), "--yes").code == 0

    def test_the_request_comes_out_of_the_plan(self, run: Run, ana: Person, ran: list[Any]) -> None:
        self.approve(run, ana)
        done = run("hotfix", "--plan", "plan.json", "-o", "json")
        assert done.code == 0, done.document
        (((settings, revision, *_), approval),) = ran
        assert (settings.target, revision) == ("lab", decisions().commit.sha)  # type: ignore[union-attr]
        assert (approval.by, approval.how) == ("ana@example.com", "signed")

    def test_nobodys_signature_is_77(self, run: Run) -> None:
        done = run("hotfix", "--plan", "plan.json", "--yes", "-o", "json")
        assert done.code == 77
        assert "signed by nobody" in done.document["reason"]

    def test_without_a_plan_the_three_commands_are_told(self, run: Run) -> None:
        done = run("hotfix", "--sha", "d73cfb1", "--yes", "-o", "json")
        assert done.code == 77
        told = done.document["nextStep"]
        assert told.index("deployctl plan") < told.index("approve") < told.index("hotfix --plan")

    @pytest.mark.parametrize(
        "words_",
        [
            ["--sha", "x"],
            ["--rebuild"],
            ["--repair"],
            ["--advisory", "health", "--reason", "x"],
            ["--accept-drift", "--reason", "x"],
            ["--target", "other"],
        ],
    )
    def test_nothing_beside_the_plan_says_otherwise(
        self, run: Run, ran: list[Any], words_: list[str]
    ) -> None:
        done = run("hotfix", "--plan", "plan.json", *words_, "-o", "json")
        assert done.code == 2
        assert words_[0] in done.document["reason"] + done.document["nextStep"]
        assert ran == []

    def test_an_approval_needs_a_plan(self, run: Run) -> None:
        done = run("hotfix", "--sha", "x", "--approval", "a.json", "-o", "json")
        assert done.code == 2
        assert "--plan" in done.document["reason"]

    def test_a_hotfixs_plan_is_no_rollbacks(self, run: Run) -> None:
        done = run("rollback", "--plan", "plan.json", "-o", "json")
        assert done.code == 2
        assert done.document["nextStep"] == "deployctl hotfix --plan plan.json"


@pytest.mark.usefixtures("project")
class TestPlanning:
    @pytest.fixture
    def handed(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        calls: list[Any] = []

        def draw_up(*arguments: Any) -> Result:
            calls.append(arguments)
            return Result(
                command="plan", result="planned", exit_code=0, reason="Done.",
                started_at=datetime.now(UTC), duration_ms=1,
            )  # fmt: skip

        monkeypatch.setattr(reach_module, "reach", lambda *_: Future())
        monkeypatch.setattr(plan_module, "plan", draw_up)
        return calls

    def test_out_names_the_file(self, run: Run, handed: list[Any]) -> None:
        assert run("plan", "--sha", "main", "--out", "p.json").code == 0
        (arguments,) = handed
        assert arguments[1] == "main"
        assert arguments[6] == plan_module.Out(Path("p.json"))

    def test_a_rollback_is_planned_as_one(self, run: Run, handed: list[Any]) -> None:
        assert run("plan", "--rollback", "--to", "r3").code == 0
        ((_, wanted, _, playbook, *_),) = handed
        assert (wanted, playbook.kind) == ("r3", "rollback")

    @pytest.mark.parametrize(
        "words_", [[], ["--to", "r1"], ["--rollback", "--sha", "x"]], ids=" ".join
    )
    def test_what_makes_no_sense_is_told(
        self, run: Run, handed: list[Any], words_: list[str]
    ) -> None:
        assert run("plan", *words_, "-o", "json").code == 2
        assert handed == []


def test_the_plan_of_a_file_is_shown_as_json_never(run: Run, elsewhere: Path, ana: Person) -> None:
    """stdout is for the answer alone."""
    done = run("approve", "plan.json", "--key", str(ana.key_file), "--yes", "-o", "json")
    assert json.loads(done.stdout)["path"].startswith("plan.json.approval-")
