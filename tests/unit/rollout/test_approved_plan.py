"""Exactly the approved plan, by enough people whom the target knows, or nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from deployctl.config.approval import ApprovalSettings
from deployctl.errors import ApprovalError, ConfigError, ExitCode, RefusedError, UsageError
from deployctl.evidence import approval as words
from deployctl.evidence.approval import OfPlan, OfSeal, sign
from deployctl.evidence.canonical import digest
from deployctl.rollout.approved_plan import beside, exactly, gather, policy_record, signed
from deployctl.rollout.plan_file import Given
from deployctl.rollout.request import Approval, Options
from tests.people import Person, allow, person

from .plans import given, ready
from .test_plan_digest import SERVICE, decisions

AT = "2026-01-03T07:32:00.000Z"


@pytest.fixture
def plan(tmp_path: Path) -> Given:
    folder = tmp_path / "plans"
    folder.mkdir()
    return given(folder)


@pytest.fixture
def ana(tmp_path: Path) -> Person:
    return person(tmp_path, "ana@example.com")


@pytest.fixture
def bob(tmp_path: Path) -> Person:
    return person(tmp_path, "bob@example.com")


def word(plan: Given, **changes: Any) -> OfPlan:
    values = {
        "planDigest": plan.file.plan.digest, "fileDigest": plan.digest, "target": "lab",
        "by": "somebody", "at": AT,
    }  # fmt: skip
    return OfPlan(**{**values, **changes})


def approve(plan: Given, who: Person, **changes: Any) -> Path:
    """As `deployctl approve` leaves it."""
    made = sign(word(plan, **changes), who.key)
    name = words.file_name(made.fingerprint)
    path = plan.path.with_name(f"{plan.path.name}.approval-{name}")
    path.write_bytes(made.data)
    return path


def policy(file: Path, approvers: int = 1) -> ApprovalSettings:
    return ApprovalSettings(how="signed", approvers=approvers, allowed_signers=file)


def outcome(plan: Given, settings: ApprovalSettings, *named: Path) -> Approval:
    found = gather(plan.path, named)
    return exactly(plan, signed(settings, plan, found, Options(), None))(ready())


def refusal(plan: Given, settings: ApprovalSettings, *named: Path) -> ApprovalError:
    with pytest.raises(ApprovalError) as error:
        outcome(plan, settings, *named)
    assert error.value.code == ExitCode.APPROVAL == 77
    return error.value


class TestEnoughPeople:
    def test_one_signature_beside_the_plan_is_found(
        self, plan: Given, ana: Person, tmp_path: Path
    ) -> None:
        path = approve(plan, ana)
        done = outcome(plan, policy(allow(tmp_path, ana)))
        assert (done.by, done.how) == ("ana@example.com", "signed")
        assert done.signatures == (
            {
                "principal": "ana@example.com",
                "by": "somebody",
                "fingerprint": ana.fingerprint,
                "digest": digest(path.read_bytes()),
                "at": AT,
            },
        )

    def test_two_people_approve_on_two_machines_and_their_files_are_copied_together(
        self, plan: Given, ana: Person, bob: Person, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "bobs"
        shutil.copytree(plan.path.parent, elsewhere)
        approve(plan, ana)
        theirs = approve(Given(elsewhere / "plan.json", plan.data, plan.file), bob)
        settings = policy(allow(tmp_path, ana, bob), approvers=2)
        assert "signed by ana@example.com" in refusal(plan, settings).what
        shutil.copy(theirs, plan.path.parent)
        assert outcome(plan, settings).by == "ana@example.com, bob@example.com"

    def test_an_approval_elsewhere_is_named(self, plan: Given, ana: Person, tmp_path: Path) -> None:
        path = approve(plan, ana).rename(tmp_path / "anas.json")
        assert outcome(plan, policy(allow(tmp_path, ana)), path).by == "ana@example.com"

    def test_the_evidence_keeps_the_plan_and_the_envelopes_byte_for_byte(
        self, plan: Given, ana: Person, tmp_path: Path
    ) -> None:
        path = approve(plan, ana)
        kept = dict(outcome(plan, policy(allow(tmp_path, ana))).artefacts)
        name = f"approvals/SHA256-{words.file_name(ana.fingerprint)}.json"
        assert kept == {"approvals/plan.json": plan.data, name: path.read_bytes()}


class TestTooFew:
    def test_nobody_has_signed(self, plan: Given, ana: Person, tmp_path: Path) -> None:
        error = refusal(plan, policy(allow(tmp_path, ana)))
        assert "needs 1 signature; it was signed by nobody" in error.what
        assert f"deployctl approve {plan.path}" in error.next_step

    def test_signing_twice_with_the_same_key_counts_once(
        self, plan: Given, ana: Person, bob: Person, tmp_path: Path
    ) -> None:
        path = approve(plan, ana)
        shutil.copy(path, f"{path}-again")
        approve(plan, ana, at="2026-01-03T08:00:00.000Z")
        error = refusal(plan, policy(allow(tmp_path, ana, bob), approvers=2))
        assert "needs 2 signatures of different people; it was signed by ana" in error.what
        assert "Have one person more" in error.next_step

    def test_a_second_key_of_the_same_person_counts_for_nothing(
        self, plan: Given, ana: Person, tmp_path: Path
    ) -> None:
        token = person(tmp_path, ana.name, file="token")
        approve(plan, ana)
        approve(plan, token)
        refusal(plan, policy(allow(tmp_path, ana, token), approvers=2))

    def test_an_unknown_signer_is_named_with_the_key_and_does_not_count(
        self, plan: Given, ana: Person, bob: Person, tmp_path: Path
    ) -> None:
        approve(plan, bob, by="ana@example.com")
        error = refusal(plan, policy(allow(tmp_path, ana)))
        assert bob.fingerprint in error.detail
        assert "not one of the allowed signers" in error.detail

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"planDigest": f"sha256:{'0' * 64}"}, "about another plan"),
            ({"target": "prod"}, "about another plan"),
            ({"fileDigest": f"sha256:{'0' * 64}"}, "about another file of this plan"),
        ],
    )
    def test_an_approval_of_something_else_does_not_count(
        self, plan: Given, ana: Person, tmp_path: Path, changes: dict[str, str], told: str
    ) -> None:
        approve(plan, ana, **changes)
        assert told in refusal(plan, policy(allow(tmp_path, ana))).detail

    def test_a_word_on_a_seal_approves_no_plan(
        self, plan: Given, ana: Person, tmp_path: Path
    ) -> None:
        seal = OfSeal(
            sealDigest=plan.file.plan.digest, target="lab", runId="r", by="ana", at=AT
        )  # fmt: skip
        (plan.path.parent / "plan.json.approval-x").write_bytes(sign(seal, ana.key).data)
        assert "about a seal" in refusal(plan, policy(allow(tmp_path, ana))).detail

    def test_what_lies_beside_and_is_no_approval_hides_none(
        self, plan: Given, ana: Person, tmp_path: Path
    ) -> None:
        (plan.path.parent / "plan.json.approval-junk").write_text("junk")
        settings = policy(allow(tmp_path, ana))
        assert "plan.json.approval-junk: it is no DSSE" in refusal(plan, settings).detail
        approve(plan, ana)
        assert outcome(plan, settings).by == ana.name

    def test_what_is_named_must_be_one(self, plan: Given, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is not an approval"):
            gather(plan.path, [tmp_path / "missing"])

    def test_a_key_that_was_taken_out_of_the_file_does_not_count_any_more(
        self, plan: Given, ana: Person, bob: Person, tmp_path: Path
    ) -> None:
        approve(plan, ana)
        assert outcome(plan, policy(allow(tmp_path, ana))).by
        refusal(plan, policy(allow(tmp_path, bob)))

    def test_a_file_that_is_not_there_is_a_matter_of_settings(
        self, plan: Given, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigError, match="allowed signers can't be read"):
            outcome(plan, policy(tmp_path / "missing"))


class TestThatPlan:
    def test_a_changed_host_voids_it_with_the_difference(
        self, plan: Given, ana: Person, tmp_path: Path
    ) -> None:
        approve(plan, ana)
        moved = SERVICE.model_copy(update={"container_ids": ("c2",)})
        approver = signed(
            policy(allow(tmp_path, ana)), plan, gather(plan.path, ()), Options(), None
        )
        with pytest.raises(RefusedError) as error:
            exactly(plan, approver)(ready(decisions(services=(moved,))))
        assert error.value.code == ExitCode.REFUSED == 23
        assert "Not as approved: the host." in error.value.what
        assert error.value.detail == "services.api.containerIds: c1 was approved, now it is c2"
        assert "deployctl plan --sha d73cfb1" in error.value.next_step

    def test_nobody_is_asked_about_another_plan(self, plan: Given) -> None:
        def ask(_: object) -> Approval:
            raise AssertionError

        with pytest.raises(RefusedError):
            exactly(plan, ask)(ready(decisions(image="api:other")))

    def test_where_people_type_it_is_that_plan_as_well(self, plan: Given) -> None:
        typed = Approval(by="ana", how="typed")
        assert exactly(plan, lambda _: typed)(ready()) == typed


class TestWithoutAPlan:
    def three(self, options: Options, **changes: Any) -> ApprovalError:
        approver = signed(policy(Path("signers")), None, (), options, None)
        with pytest.raises(ApprovalError) as error:
            approver(ready(decisions(**changes)))
        return error.value

    def test_the_three_commands_are_told(self) -> None:
        error = self.three(Options())
        assert "requires a signed approval; none was given" in error.what
        assert [line.strip() for line in error.next_step.strip().splitlines()] == [
            f"deployctl plan --sha d73cfb1{'0' * 33} --out plan.json",
            "deployctl approve plan.json",
            "deployctl hotfix --plan plan.json",
        ]

    def test_yes_never_stands_for_it(self) -> None:
        assert "--yes can't stand in for one" in self.three(Options(yes=True)).what

    def test_with_all_that_was_asked_for(self) -> None:
        options = Options(rebuild=True, advisory={"health": "it moved"}, accept_drift="x")
        told = self.three(options).next_step
        assert "--rebuild --advisory health --reason 'it moved' --accept-drift --reason x" in told

    def test_of_a_rollback_too(self) -> None:
        error = self.three(Options(), command="rollback", commit=None, build=False, release="r3")
        assert "deployctl plan --rollback --to r3 --out plan.json" in error.next_step
        assert "deployctl rollback --plan plan.json" in error.next_step


def test_only_files_of_this_plan_lie_beside_it(plan: Given, ana: Person) -> None:
    own = approve(plan, ana)
    (plan.path.parent / "other.json.approval-x").write_text("x")
    assert beside(plan.path) == (own,)


def test_the_evidence_tells_what_the_target_asked_for(tmp_path: Path, ana: Person) -> None:
    file = allow(tmp_path, ana)
    assert policy_record(policy(file, 2)) == {
        "how": "signed",
        "approvers": 2,
        "allowedSigners": digest(file.read_bytes()),
    }
    assert policy_record(ApprovalSettings(how="typed")) == {"how": "typed"}
