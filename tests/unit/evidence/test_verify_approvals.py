"""What people signed before a run is proven by their signatures, or told as not proven."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import pytest

from deployctl.evidence import plain_file, sshsig
from deployctl.evidence.approval import Approval, OfSeal, sign
from deployctl.evidence.canonical import digest
from deployctl.evidence.dsse import Envelope, Signature
from deployctl.evidence.event_json import rfc3339
from deployctl.evidence.statement import read_seal
from tests.seals import allowed, new_key

from .sealed_runs import APPROVED, World, approving, resign, told

OTHER = "sha256:" + "0" * 64


def trust(world: World, folder: Path, **people: paramiko.PKey) -> None:
    """The policy's allowed signers name these as well."""
    lines = (folder / "allowed").read_text()
    for name, key in people.items():
        lines += allowed(folder / "one", key, f"{name}@example.com").read_text()
    listed = folder / "listed"
    listed.write_text(lines)
    world.policy = world.policy.model_copy(update={"allowed_signers": listed})


def signed_as(word: Any, key: paramiko.PKey, namespace: str, message: bytes | None = None) -> bytes:
    """The bytes of an envelope that says `word`, with a signature of anything."""
    true = sign(word, key).envelope
    made = sshsig.sign(true.pae if message is None else message, namespace, key)
    bare = Envelope(true.payload_type, true.payload)
    return bare.signed(Signature(sshsig.read(made).keyid, made)).encode()


def put(world: World, path: Path, data: bytes) -> None:
    """In the place of the approval, sealed as if it had been there: by one who may sign seals."""
    (path / APPROVED).write_bytes(data)
    keyid = json.loads(data)["signatures"][0]["keyid"]

    def told_so(predicate: dict[str, Any]) -> None:
        predicate["approvals"][0].update(digest=digest(data), fingerprint=keyid)
        [listed] = [each for each in predicate["erasable"] if each["name"] == APPROVED]
        listed.update(digest=digest(data), sizeBytes=len(data))

    resign(world, path, told_so)


class TestWhatIsProven:
    def test_how_many_and_who_of_those_whom_the_allowed_signers_name(
        self, world: World, tmp_path: Path
    ) -> None:
        bruno, carla = new_key(tmp_path, "bruno"), new_key(tmp_path, "carla")
        trust(world, tmp_path, bruno=bruno, carla=carla)
        verdict = world.verify(world.run(approvals=[approving(carla), approving(bruno)]))
        assert verdict.holds, told(verdict)
        assert "2 approvals of its plan, signed by bruno@example.com, carla@example.com" in told(
            verdict, "proven"
        )

    def test_one_that_was_typed_is_told_as_signed_by_nobody(self, world: World) -> None:
        verdict = world.verify(world.run(approvals=[]))
        assert verdict.holds, told(verdict)
        assert "that anybody approved (typed: nobody signed)" in told(verdict, "not-proven")
        assert "approvals of its plan" not in told(verdict, "proven")

    def test_without_allowed_signers_nobody_knows_who_approved(self, world: World) -> None:
        verdict = world.verify(world.run(), allowed_signers=None)
        assert f"who signed {APPROVED} (" in told(verdict, "not-proven")
        assert not verdict.of("failed")

    def test_where_the_seal_itself_is_forged_nothing_is_said_for_them(self, world: World) -> None:
        path = world.run()
        sealed = read_seal(path / "seal.json").envelope
        assert sealed is not None
        (path / "seal.json").write_bytes(replace(sealed, signatures=()).encode())
        verdict = world.verify(path)
        assert "its approvals (not looked at" in told(verdict, "not-proven")


def by_stranger(_: World, folder: Path) -> bytes:
    return approving(new_key(folder, "stranger")).data


def over_other_bytes(world: World, _: Path) -> bytes:
    return signed_as(approving(world.key).word, world.key, "approval@deployctl", b"another plan")


def for_another_purpose(world: World, _: Path) -> bytes:
    return signed_as(approving(world.key).word, world.key, "seal@deployctl")


def of_another_plan(world: World, _: Path) -> bytes:
    return approving(world.key, planDigest=OTHER).data


def of_another_target(world: World, _: Path) -> bytes:
    return approving(world.key, target="staging").data


def of_another_file(world: World, _: Path) -> bytes:
    return approving(world.key, fileDigest=OTHER).data


def after_the_run(world: World, _: Path) -> bytes:
    late = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    return approving(world.key, at=late).data


def on_a_seal(world: World, _: Path) -> bytes:
    now = rfc3339(datetime.now(UTC))
    word = OfSeal(sealDigest=OTHER, target="production", runId="r-1", by="bruno", at=now)
    return sign(word, world.key).data


class TestWhatASignerOfSealsForged:
    @pytest.mark.parametrize(
        ("forged", "why"),
        [
            (by_stranger, "is nobody's whom the allowed signers name for then"),
            (over_other_bytes, "does not hold"),
            (for_another_purpose, "it was signed as seal@deployctl, not as approval@deployctl"),
            (of_another_plan, "it is about another plan"),
            (of_another_target, "it is about another plan"),
            (of_another_file, "it is about another file than approvals/plan.json"),
            (after_the_run, "it was signed after the run began"),
            (on_a_seal, "it is about a seal, after a run"),
        ],
    )
    def test_is_named_and_fails(
        self,
        world: World,
        tmp_path: Path,
        forged: Callable[[World, Path], bytes],
        why: str,
    ) -> None:
        path = world.run()
        put(world, path, forged(world, tmp_path))
        verdict = world.verify(path)
        assert not verdict.holds
        assert f"{APPROVED} is no approval of its plan: " in told(verdict)
        assert why in told(verdict)
        assert {check.name for check in verdict.of("failed")} == {"approval"}

    def test_a_signature_that_does_not_hold_needs_no_allowed_signers_to_be_found(
        self, world: World, tmp_path: Path
    ) -> None:
        path = world.run()
        put(world, path, over_other_bytes(world, tmp_path))
        assert "does not hold" in told(world.verify(path, allowed_signers=None))

    @pytest.mark.parametrize("option", ['valid-before="20250101"', 'valid-after="20990101"'])
    def test_a_key_whose_time_was_over_or_not_come(
        self, world: World, tmp_path: Path, option: str
    ) -> None:
        bruno = new_key(tmp_path, "bruno")
        listed = allowed(tmp_path / "dated", bruno, "bruno@example.com", option)
        listed.write_text((tmp_path / "allowed").read_text() + listed.read_text())
        verdict = world.verify(world.run(approvals=[approving(bruno)]), allowed_signers=listed)
        assert "is nobody's whom the allowed signers name for then" in told(verdict)

    def test_a_key_that_may_only_sign_seals(self, world: World, tmp_path: Path) -> None:
        option = 'namespaces="seal@deployctl"'
        listed = allowed(tmp_path / "apart", world.key, "ci@example.com", option)
        verdict = world.verify(world.run(), allowed_signers=listed)
        assert "signed by ci@example.com" in told(verdict, "proven")
        assert f"{APPROVED} is no approval of its plan: its signature by" in told(verdict)
        assert str(tmp_path) not in told(verdict)
        bruno = new_key(tmp_path, "bruno")
        may = allowed(
            tmp_path / "may", bruno, "bruno@example.com", 'namespaces="approval@deployctl"'
        )
        listed.write_text(listed.read_text() + may.read_text())
        verdict = world.verify(
            world.run(approvals=[approving(bruno)]), allowed_signers=listed, approvals=1
        )
        assert verdict.holds, told(verdict)

    def test_one_that_the_seal_does_not_tell_of(self, world: World) -> None:
        path = world.run()
        resign(world, path, lambda p: p.update(approvals=[], approval={"how": "typed"}))
        assert "it is none that the seal tells of" in told(world.verify(path))

    def test_one_that_it_tells_of_and_has_no_file_for(self, world: World) -> None:
        path = world.run()
        shutil.rmtree(path / "approvals")
        resign(world, path, lambda p: p.update(erasable=p["erasable"][-1:]))
        assert "is none of its files" in told(world.verify(path))

    def test_signed_by_nobody_at_all(self, world: World) -> None:
        path = world.run(approvals=[])
        resign(world, path, lambda p: p["approval"].update(how="signed"))
        assert "tells of no approval" in told(world.verify(path))

    @pytest.mark.parametrize("approvals", [7, "x", {}, [7], None])
    def test_no_list(self, world: World, approvals: object) -> None:
        path = world.run()
        resign(world, path, lambda p: p.update(approvals=approvals))
        assert "its list of approvals makes no sense" in told(world.verify(path))

    def test_a_name_that_leads_elsewhere_is_not_even_read(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = world.run()
        resign(world, path, lambda p: p["erasable"][0].update(name="approvals/../../x"))
        true = plain_file.read
        read: list[Path] = []

        def seen(file: Path, *words: Any, **more: Any) -> bytes:
            read.append(file)
            return true(file, *words, **more)

        monkeypatch.setattr(plain_file, "read", seen)
        assert "its list of artefacts makes no sense" in told(world.verify(path))
        assert not [file for file in read if ".." in file.parts]


def required(world: World, count: int, approvals: Sequence[Approval] | None = None) -> str:
    return told(world.verify(world.run(approvals=approvals), approvals=count))


class TestAPolicyThatRequiresApprovals:
    def test_holds_with_as_many_people(self, world: World, tmp_path: Path) -> None:
        bruno, carla = new_key(tmp_path, "bruno"), new_key(tmp_path, "carla")
        trust(world, tmp_path, bruno=bruno, carla=carla)
        assert required(world, 2, [approving(bruno), approving(carla)]) == ""
        assert "requires 3 approvals of its plan; 2 proven" in required(
            world, 3, [approving(bruno), approving(carla)]
        )

    def test_a_persons_second_key_is_no_second_person(self, world: World, tmp_path: Path) -> None:
        one, two = new_key(tmp_path, "one"), new_key(tmp_path, "two")
        trust(world, tmp_path, bruno=one, BRUNO=two)
        assert "requires 2 approvals of its plan; 1 proven" in required(
            world, 2, [approving(one), approving(two)]
        )

    def test_a_typed_one_is_none(self, world: World) -> None:
        assert "requires an approval of its plan; none proven" in required(world, 1, [])

    def test_whom_only_a_pattern_allows_is_nobody(self, world: World, tmp_path: Path) -> None:
        listed = allowed(tmp_path / "pattern", new_key(tmp_path, "bruno"), "*")
        bruno = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "bruno"))
        listed.write_text((tmp_path / "allowed").read_text() + listed.read_text())
        world.policy = world.policy.model_copy(update={"allowed_signers": listed})
        assert "none proven" in required(world, 1, [approving(bruno)])

    def test_erased_ones_are_not_proven(self, world: World) -> None:
        path = world.run()
        (path / APPROVED).unlink()
        assert world.verify(path).holds
        verdict = world.verify(path, approvals=1)
        assert "none proven" in told(verdict)
        assert f"({APPROVED}: erased)" in told(verdict, "not-proven")
