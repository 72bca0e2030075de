"""A seal holds as it was sealed, and any change to anything of it is found."""

import base64
import copy
import itertools
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import pytest

from deployctl.evidence import sshsig
from deployctl.evidence.dsse import Envelope, Signature
from deployctl.evidence.sshsig import Verified
from deployctl.evidence.statement import read_seal
from deployctl.evidence.verify import verify
from tests.seals import allowed, new_key, signing

from .sealed_runs import (
    APPROVED,
    DECISIONS,
    ERASABLE,
    PLAN,
    World,
    assert_found,
    at,
    change,
    entry,
    forge,
    journal,
    leaves,
    other,
    resign,
    told,
)


class TestWhatHolds:
    def test_a_seal_by_one_of_the_allowed_signers(self, world: World) -> None:
        verdict = world.verify(world.run())
        assert verdict.holds, told(verdict)
        assert "signed by ana@example.com" in told(verdict, "proven")
        assert "all 7 files" in told(verdict, "proven")

    def test_the_path_may_be_the_seals(self, world: World) -> None:
        assert world.verify(world.run() / "seal.json").holds

    def test_views_and_later_signatures_may_lie_beside_it(self, world: World) -> None:
        path = world.run()
        name = read_seal(path / "seal.json").digest
        (path / "seal.html").write_text(f"<p>{name}</p>")
        (path / "seal.md").write_text(f"of {name}")
        assert world.verify(path).holds

    def test_a_key_with_a_certificate_of_an_authority(self, world: World, tmp_path: Path) -> None:
        authority = new_key(tmp_path, "ca")
        words = ["ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-I", "ana", "-n", "ana", "-V"]
        subprocess.run([*words, "-1d:+1d", str(tmp_path / "id_ed25519.pub")], check=True)
        world.key.load_certificate(str(tmp_path / "id_ed25519-cert.pub"))
        file = allowed(tmp_path / "ca-allowed", authority, "ana", "cert-authority")
        verdict = world.verify(world.run(), allowed_signers=file)
        assert verdict.holds, told(verdict)
        typed = world.run(approvals=[])
        assert not world.verify(typed, allowed_signers=tmp_path / "allowed").of("failed")


class TestTheSigner:
    def test_without_allowed_signers_it_is_said_that_nobody_knows_who(self, world: World) -> None:
        verdict = world.verify(world.run(), allowed_signers=None)
        assert not verdict.holds
        assert "who signed" in told(verdict, "not-proven")
        assert "the signature holds" in told(verdict, "proven")

    def test_one_who_is_not_among_them_is_unknown(self, world: World, tmp_path: Path) -> None:
        other = allowed(tmp_path / "others", new_key(tmp_path, "other"))
        verdict = world.verify(world.run(), allowed_signers=other)
        assert not verdict.holds
        assert "not among the allowed signers" in told(verdict, "not-proven")

    @pytest.mark.parametrize("option", ['valid-before="20250101"', 'valid-after="20990101"'])
    def test_one_whose_time_was_over_or_not_come(
        self, world: World, tmp_path: Path, option: str
    ) -> None:
        file = allowed(tmp_path / "dated", world.key, options=option)
        verdict = world.verify(world.run(), allowed_signers=file)
        assert not verdict.holds
        assert "expired, or not valid yet" in told(verdict)

    def test_more_people_may_be_required(self, world: World) -> None:
        assert "2 are required" in told(world.verify(world.run(), signers=2))

    def test_a_signature_for_another_purpose_is_none(self, world: World) -> None:
        verdict = world.verify(world.run(signing(world.key, "approval@deployctl")))
        assert "signed as approval@deployctl" in told(verdict)

    def test_a_seal_without_one(self, world: World) -> None:
        path = world.run()
        change(path, lambda envelope: replace(envelope, signatures=()))
        assert "it names a signer" in told(world.verify(path))


class TestThePolicy:
    def test_a_seal_of_another_target(self, world: World) -> None:
        assert world.verify(world.run(), target="production").holds
        assert "not staging" in told(world.verify(world.run(), target="staging"))

    def test_one_that_is_too_old(self, world: World) -> None:
        path = world.run()
        later = datetime.now(UTC) + timedelta(hours=3)
        assert verify(path, world.policy.model_copy(update={"max_age": 7201 + 3600}), later).holds
        aged = verify(path, world.policy.model_copy(update={"max_age": 7200}), later)
        assert "too old" in told(aged)

    def test_one_from_the_future(self, world: World) -> None:
        before = datetime.now(UTC) - timedelta(hours=1)
        assert "in the future" in told(verify(world.run(), world.policy, before))


class TestThePlan:
    def test_decisions_that_are_not_the_approved_ones(self, world: World) -> None:
        plan = {**PLAN, "decisions": {**DECISIONS, "project": "another"}}
        assert "don't have the digest" in told(world.verify(world.run(plan=plan)))

    def test_of_what_was_redacted_the_digest_can_not_be_had(self, world: World) -> None:
        path = world.run()
        resign(world, path, lambda p: p["plan"]["document"]["decisions"].update(project="[x]"))
        resign(world, path, lambda p: p["plan"].update(redacted=True))
        verdict = world.verify(path)
        assert verdict.holds
        assert "was a secret" in told(verdict, "not-proven")

    def test_a_plan_of_another_target_than_the_result(self, world: World) -> None:
        path = world.run()
        resign(world, path, lambda p: p["result"].update(target="staging"))
        assert "its plan of production" in told(world.verify(path))

    def test_a_subject_that_is_not_what_was_deployed(self, world: World) -> None:
        path = world.run()
        resign(world, path, lambda p: p["result"]["release"].update(sha="f" * 40))
        assert "it is about" in told(world.verify(path))


class TestTheChain:
    def test_each_seal_follows_the_one_before(self, world: World) -> None:
        runs = [world.run() for _ in range(4)]
        assert world.verify(runs[0], chain="required").holds
        verdict = world.verify(runs[3], chain="required")
        assert verdict.holds, told(verdict)
        assert "follows the 3 seals" in told(verdict, "proven")

    @pytest.mark.parametrize("gone", [0, 1, 2])
    def test_a_gap_is_found_where_the_chain_is_required(self, world: World, gone: int) -> None:
        runs = [world.run() for _ in range(4)]
        shutil.rmtree(runs[gone])
        assert "the chain has a gap" in told(world.verify(runs[3], chain="required"))

    def test_else_it_is_only_told(self, world: World) -> None:
        runs = [world.run() for _ in range(2)]
        shutil.rmtree(runs[0])
        verdict = world.verify(runs[1])
        assert verdict.holds
        assert "is not here" in told(verdict, "not-proven")

    def test_a_seal_before_it_that_was_changed_is_another(self, world: World) -> None:
        runs = [world.run() for _ in range(2)]
        resign(world, runs[0], lambda p: p["context"].update(operator="eve"))
        assert "gap" in told(world.verify(runs[1], chain="required"))

    def test_a_seal_before_it_that_stands_later_in_the_journal(self, world: World) -> None:
        runs = [world.run()]
        runs.append(world.run(journal=journal(2, 3)))
        assert "stands later" in told(world.verify(runs[1]))

    def test_a_seal_of_another_journal(self, world: World) -> None:
        world.run()
        other = journal(9, 6, name=entry(99))
        assert "begun anew" in told(world.verify(world.run(journal=other)))


# -- whatever is changed ----------------------------------------------------------------------


def test_every_field_flipped_dropped_or_swapped_is_found(world: World) -> None:
    path = world.run()
    true = read_seal(path / "seal.json").statement
    ways = list(leaves(true))
    assert len(ways) > 100
    kept = (path / "seal.json").read_bytes()
    values = [where for where in ways if not isinstance(at(true, where), dict | list)]

    def found(forged: dict[str, Any], where: tuple[Any, ...]) -> None:
        forge(path, forged)
        assert_found(world, path, where)
        (path / "seal.json").write_bytes(kept)

    for where in ways:
        flipped, dropped = copy.deepcopy(true), copy.deepcopy(true)
        at(flipped, where[:-1])[where[-1]] = other(at(true, where))
        found(flipped, where)
        del at(dropped, where[:-1])[where[-1]]
        found(dropped, where)
    for one, two in itertools.pairwise(values):
        swapped = copy.deepcopy(true)
        at(swapped, one[:-1])[one[-1]] = at(true, two)
        at(swapped, two[:-1])[two[-1]] = at(true, one)
        if swapped != true:
            found(swapped, one)


def test_every_byte_of_the_envelope_that_is_changed_is_found(world: World) -> None:
    path = world.run()
    data = (path / "seal.json").read_bytes()
    step = max(1, len(data) // 200)
    for where in [*range(0, len(data), step), *range(len(data) - 20, len(data))]:
        changed = bytearray(data)
        changed[where] ^= 1
        (path / "seal.json").write_bytes(changed)
        assert_found(world, path, where)
    for rewritten in (data + b"\n", b" " + data, data[:-1], b"", data.replace(b",", b", ", 1)):
        (path / "seal.json").write_bytes(rewritten)
        assert_found(world, path, rewritten[:20])


@pytest.mark.parametrize(
    "alter",
    [
        lambda s, _: replace(s, keyid="SHA256:another"),
        lambda s, _: replace(s, keyid=""),
        lambda s, _: replace(s, sig=s.sig + b"\n"),
        lambda s, _: replace(s, sig=s.sig.replace(b"\n", b"\r\n")),
        lambda s, _: replace(s, sig=b"-----BEGIN SSH SIGNATURE-----\nAAAA\n"),
        lambda _, other: other,
    ],
)
def test_a_signature_that_is_altered_or_anothers_is_found(
    world: World, tmp_path: Path, alter: Any
) -> None:
    path = world.run()
    stranger = signing(new_key(tmp_path, "stranger"))

    def altered(envelope: Envelope) -> Envelope:
        [mine] = envelope.signatures
        theirs = Signature(stranger.keyid, stranger.sign(envelope.pae))
        return replace(envelope, signatures=(alter(mine, theirs),))

    change(path, altered)
    assert_found(world, path, "signature")


def test_every_artefact_changed_cut_removed_or_replaced_is_found(world: World) -> None:
    path = world.run()
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    names = [file for file in files if file.name != "seal.json"]
    assert len(names) == 7
    for file in names:
        data = file.read_bytes()
        shown = file.relative_to(path).as_posix()
        for changed in (bytes([data[0] ^ 1]) + data[1:], data[:-1], data + b"\n"):
            file.write_bytes(changed)
            assert f"the artefact {shown} was changed" in told(world.verify(path))
        file.unlink()
        if shown in ERASABLE:
            assert f"{shown}" in told(world.verify(path), "not-proven")
        else:
            assert f"the artefact {shown} is missing" in told(world.verify(path))
        file.symlink_to(path / "elsewhere")
        assert f"the artefact {shown} is no plain file" in told(world.verify(path))
        file.unlink()
        file.write_bytes(data)
    assert world.verify(path).holds


class TestWhatMayBeErased:
    """Names of people, and what people signed with their names in it."""

    def test_without_it_the_seal_holds_and_says_what_is_not_proven_any_more(
        self, world: World
    ) -> None:
        path = world.run()
        for name in ERASABLE:
            (path / name).unlink()
        verdict = world.verify(path)
        assert verdict.holds, told(verdict)
        assert "all 4 files" in told(verdict, "proven")
        assert "who took part (people.json was erased)" in told(verdict, "not-proven")
        assert f"approvals people signed ({APPROVED}, approvals/plan.json: erased)" in told(
            verdict, "not-proven"
        )

    def test_the_chain_of_seals_holds_as_well(self, world: World) -> None:
        runs = [world.run() for _ in range(3)]
        for run, name in itertools.product(runs, ERASABLE):
            (run / name).unlink()
        assert world.verify(runs[-1], chain="required").holds

    def test_another_list_of_who_is_who_is_found(self, world: World) -> None:
        path = world.run()
        other = world.run()
        (path / "people.json").write_bytes((other / "people.json").read_bytes())
        assert "the artefact people.json was changed" in told(world.verify(path))

    def test_so_is_one_beside_a_seal_that_names_none(self, world: World) -> None:
        path = world.run()
        resign(world, path, lambda p: p.update(erasable=[]))
        assert "the file people.json is not of this run" in told(world.verify(path))

    def test_nothing_else_may_be_whatever_a_signer_says(self, world: World) -> None:
        path = world.run()

        def spread(predicate: dict[str, Any]) -> None:
            log = next(each for each in predicate["artefacts"] if each["name"] == "build.log")
            predicate["artefacts"].remove(log)
            predicate["erasable"].append(
                {"name": "build.log", "digest": f"sha256:{log['sha256']}", "sizeBytes": 15}
            )

        resign(world, path, spread)
        assert "makes no sense" in told(world.verify(path))

    def test_a_seal_of_before_there_was_such_a_list_holds_as_ever(self, world: World) -> None:
        path = world.run()

        def of_before(predicate: dict[str, Any]) -> None:
            for each in predicate.pop("erasable"):
                sha256 = each.pop("digest").removeprefix("sha256:")
                predicate["artefacts"].append({**each, "sha256": sha256, "mediaType": "x"})

        resign(world, path, of_before)
        assert world.verify(path).holds
        (path / "people.json").unlink()
        assert "the artefact people.json is missing" in told(world.verify(path))


def test_two_artefacts_that_changed_places_are_named(world: World) -> None:
    path = world.run()
    one, two = path / "build.log", path / "gates/health.after.1.txt"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert "the artefact build.log holds what gates/health.after.1.txt held" in told(
        world.verify(path)
    )


@pytest.mark.parametrize("name", ["more.txt", "gates/more.txt", ".hidden", "seal.pdf"])
def test_a_file_that_was_not_sealed_is_named(world: World, name: str) -> None:
    path = world.run()
    (path / name).write_text("x")
    assert f"the file {name} is not of this run" in told(world.verify(path))


@pytest.mark.parametrize("name", ["seal.md", "seal.html"])
def test_a_view_of_another_seal_is_found(world: World, name: str) -> None:
    path = world.run()
    (path / name).write_text(world.last.replace("a", "b").replace("1", "2"))
    assert "is a view of another seal" in told(world.verify(path))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a//b", "", "a/../b"])
def test_an_artefact_elsewhere_is_none(world: World, name: str) -> None:
    path = world.run()
    resign(world, path, lambda p: p["artefacts"][0].update(name=name))
    assert "makes no sense" in told(world.verify(path))


def test_of_a_seal_that_a_signer_made_without_deployctl_nothing_breaks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a signer signs, the answer is a verdict."""
    path = world.run()
    monkeypatch.setattr(sshsig, "verify", lambda *_: Verified("good", "ana"))
    true = (path / "seal.json").read_bytes()
    predicate = read_seal(path / "seal.json").predicate
    ways = [where for where in leaves(predicate) if len(where) <= 2]
    values: tuple[Any, ...] = (None, 7, "x", [], {})
    for where in ways[::2]:
        for value in values:

            def put(forged: dict[str, Any], where: Any = where, value: Any = value) -> None:
                at(forged, where[:-1])[where[-1]] = value

            resign(world, path, put)
            world.verify(path)
            (path / "seal.json").write_bytes(true)


def test_a_plain_document_of_an_earlier_version_is_no_proof(world: World) -> None:
    path = world.run()
    (path / "seal.json").write_text('{"type": "deployctl.seal"}')
    assert "no signatures" in told(world.verify(path))


def test_another_payload_under_the_same_key_is_no_seal(world: World) -> None:
    path = world.run()
    key = signing(world.key)
    for payload_type, payload in (
        ("text/plain", b"{}"), ("application/vnd.in-toto+json", b"{}"),
        ("application/vnd.in-toto+json", b'{"_type":"x"}'),
    ):  # fmt: skip
        envelope = Envelope(payload_type, payload)
        signed = envelope.signed(Signature(key.keyid, key.sign(envelope.pae)))
        (path / "seal.json").write_bytes(signed.encode())
        assert "is no seal" in told(world.verify(path))


def test_base64_of_a_signature_is_a_file_for_openssh(world: World) -> None:
    document = json.loads((world.run() / "seal.json").read_bytes())
    armored = base64.b64decode(document["signatures"][0]["sig"])
    assert armored.startswith(b"-----BEGIN SSH SIGNATURE-----\n")
    assert isinstance(world.key, paramiko.PKey)
