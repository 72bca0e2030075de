"""What somebody without a key, or a signer who lies, can do to a seal and beside it."""

import base64
import copy
import itertools
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import pytest

from deployctl.errors import ConfigError
from deployctl.evidence import approval, ssh_wire, sshsig, sshsig_form
from deployctl.evidence.allowed_signers import SignersError
from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.chain import NO_ENTRY
from deployctl.evidence.dsse import Envelope, Signature
from deployctl.evidence.event_json import rfc3339
from deployctl.evidence.policy import Policy, load_policy
from deployctl.evidence.sshsig import Verified
from deployctl.evidence.sshsig import verify as sshsig_verify
from deployctl.evidence.statement import read_seal
from deployctl.evidence.verify import verify
from tests.seals import allowed, new_key, signing

from .sealed_runs import (
    World,
    assert_found,
    at,
    change,
    forge,
    journal,
    leaves,
    resign,
    told,
)

# -- bytes that could be changed without any key ----------------------------------------------


def rewrite(path: Path, act: Callable[[list[bytes]], None]) -> None:
    """Changes the parts of the signature: public key, namespace, reserved, hash, value."""

    def changed(envelope: Envelope) -> Envelope:
        first, *others = envelope.signatures
        blob = base64.b64decode("".join(first.sig.decode().split("\n")[1:-2]))
        parts = ssh_wire.split(blob[10:], 5)
        act(parts)
        armored = sshsig._armor(blob[:10] + ssh_wire.strings(*parts))
        return replace(envelope, signatures=(replace(first, sig=armored), *others))

    change(path, changed)


def other_s(parts: list[bytes]) -> None:
    """The second of the two values that mathematics allows."""
    kind, raw = ssh_wire.split(parts[4], 2)
    if kind == b"ssh-ed25519":
        s = int.from_bytes(raw[32:], "little") + sshsig_form._ED25519
        raw = raw[:32] + s.to_bytes(32, "little")
    else:
        r, s_ = ssh_wire.split(raw, 2)
        order = sshsig_form._CURVES[kind.rpartition(b"-")[2]]
        raw = ssh_wire.strings(r, sshsig_form._mpint(order - int.from_bytes(s_, "big")))
    parts[4] = ssh_wire.strings(kind, raw)


def longer_number(parts: list[bytes]) -> None:
    kind, raw = ssh_wire.split(parts[4], 2)
    r, s = ssh_wire.split(raw, 2)
    parts[4] = ssh_wire.strings(kind, ssh_wire.strings(b"\0" + r, s))


def made(folder: Path, kind: str) -> paramiko.PKey:
    subprocess.run(["ssh-keygen", "-q", "-t", *kind.split(), "-N", "", "-f", folder / "k"],
                   check=True)  # fmt: skip
    return paramiko.PKey.from_path(folder / "k")


class TestASignatureWrittenAnotherWay:
    def test_what_is_reserved_stays_empty(self, world: World) -> None:
        path = world.run()

        def filled(parts: list[bytes]) -> None:
            parts[2] = b"APPROVED BY THE CEO"

        rewrite(path, filled)
        assert "no SSH signature as deployctl writes one" in told(world.verify(path))

    @pytest.mark.parametrize(
        ("kind", "act"),
        [
            ("ed25519", other_s),
            *[(f"ecdsa -b {bits}", act) for bits in (256, 384, 521)
              for act in (other_s, longer_number)],
        ],
    )  # fmt: skip
    def test_the_same_number_otherwise(
        self, world: World, tmp_path: Path, kind: str, act: Callable[[list[bytes]], None]
    ) -> None:
        key = made(tmp_path, kind)
        world.policy = Policy(allowed_signers=allowed(tmp_path / "allowed", key))
        for _ in range(3):  # half of all would be the lower number by chance
            path = world.run(signing(key), approvals=[])
            assert world.verify(path).holds
            rewrite(path, act)
            assert_found(world, path, kind)

    def test_an_older_seal_holds_with_either(self, world: World, tmp_path: Path) -> None:
        key = world.key = made(tmp_path, "ecdsa")
        world.policy = Policy(allowed_signers=allowed(tmp_path / "allowed", key))
        path = world.run()
        resign(world, path, lambda p: p["signer"].pop("certificate"))
        assert world.verify(path).holds
        rewrite(path, other_s)
        assert world.verify(path).holds

    def test_the_certificate_is_the_one_that_it_was_signed_with(
        self, world: World, tmp_path: Path
    ) -> None:
        first, second = certified(world, tmp_path, "-1d:+1d"), certified(world, tmp_path, "-1d:+2d")
        assert world.verify(world.run(signing(first))).holds
        for key in (first, world.key):
            path = world.run(signing(key))

            def swapped(parts: list[bytes]) -> None:
                parts[0] = second.public_blob.key_blob

            rewrite(path, swapped)
            assert "is not the one that it was signed with" in told(world.verify(path))

    @pytest.mark.parametrize("span", ["-10d:-5d", "+5d:+10d"])
    def test_one_that_was_out_of_time_is_told_as_that(
        self, world: World, tmp_path: Path, span: str
    ) -> None:
        verdict = world.verify(world.run(signing(certified(world, tmp_path, span))))
        assert "the certificate of SHA256:" in told(verdict)
        assert "expired, or not valid yet" in told(verdict)


def certified(world: World, folder: Path, span: str, principal: str = "ana") -> paramiko.PKey:
    """The world's key with a certificate of an authority, whom the policy trusts from now on."""
    if not (folder / "ca").exists():
        authority = new_key(folder, "ca")
        text = (folder / "allowed").read_text()
        listed = allowed(folder / "with-ca", authority, "ana,bruno", "cert-authority")
        listed.write_text(text + listed.read_text())
        world.policy = Policy(allowed_signers=listed)
    words = ["ssh-keygen", "-q", "-s", str(folder / "ca"), "-I", "x", "-n", principal, "-V", span]
    subprocess.run([*words, str(folder / "id_ed25519.pub")], check=True)
    key = paramiko.Ed25519Key.from_private_key_file(str(folder / "id_ed25519"))
    key.load_certificate(str(folder / "id_ed25519-cert.pub"))
    return key


def cosigned(world: World, key: paramiko.PKey) -> Path:
    path, by = world.run(), signing(key)
    keyid = sshsig.read(by.sign(b"")).keyid
    change(path, lambda e: e.signed(Signature(keyid, by.sign(e.pae))))
    return path


class TestSeveralSignatures:
    def test_a_strangers_is_named(self, world: World, tmp_path: Path) -> None:
        stranger = new_key(tmp_path, "stranger")
        verdict = world.verify(cosigned(world, stranger))
        assert f"{sshsig.fingerprint(stranger)} has signed it, too" in told(verdict)
        assert not world.verify(cosigned(world, stranger), allowed_signers=None).holds

    def test_one_that_does_not_hold_is_named(self, world: World, tmp_path: Path) -> None:
        other = signing(new_key(tmp_path, "other"))
        path = world.run()
        change(path, lambda e: e.signed(Signature(other.keyid, other.sign(b"x"))))
        assert f"the signature by {other.keyid} does not hold" in told(world.verify(path))

    def test_two_people_count_as_two(self, world: World, tmp_path: Path) -> None:
        other = new_key(tmp_path, "other")
        listed = allowed(tmp_path / "two", other, "bruno@example.com")
        listed.write_text((tmp_path / "allowed").read_text() + listed.read_text())
        policy = {"allowed_signers": listed, "signers": 2}
        verdict = world.verify(cosigned(world, other), **policy)
        assert verdict.holds, told(verdict)
        assert "signed by ana@example.com, bruno@example.com" in told(verdict, "proven")

    @pytest.mark.parametrize("name", ["ANA@example.com", "*", "*@example.com"])
    def test_another_spelling_or_a_pattern_is_no_second_person(
        self, world: World, tmp_path: Path, name: str
    ) -> None:
        other = new_key(tmp_path, "other")
        listed = allowed(tmp_path / "two", other, name)
        listed.write_text((tmp_path / "allowed").read_text() + listed.read_text())
        verdict = world.verify(cosigned(world, other), allowed_signers=listed, signers=2)
        assert "2 are required" in told(verdict)

    @pytest.mark.parametrize("name", ["*", "*@example.com", "!eve@x,ana*"])
    def test_whom_only_a_pattern_allows_is_nobody(
        self, world: World, tmp_path: Path, name: str
    ) -> None:
        listed = allowed(tmp_path / "pattern", world.key, name)
        verdict = world.verify(world.run(), allowed_signers=listed)
        assert "signed only by nobody who has a name" in told(verdict)
        assert not verdict.holds

    def test_a_key_and_its_certificate_are_one(self, world: World, tmp_path: Path) -> None:
        path = cosigned(world, certified(world, tmp_path, "-1d:+1d", "bruno"))
        assert "a key has signed it twice" in told(world.verify(path, signers=2))

    def test_more_than_a_few_are_not_even_looked_at(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = world.run()
        change(path, lambda e: replace(e, signatures=e.signatures * 1500))
        monkeypatch.setattr(sshsig, "verify", lambda *_: pytest.fail("OpenSSH was asked"))
        assert "it has 1500 signatures" in told(world.verify(path))

    def test_the_first_is_the_one_that_the_statement_names(
        self, world: World, tmp_path: Path
    ) -> None:
        other = new_key(tmp_path, "other")
        path = cosigned(world, other)
        change(path, lambda e: replace(e, signatures=e.signatures[::-1]))
        assert "it was to be signed by another key" in told(world.verify(path))


def test_ssh_keygen_of_before_9_1_takes_no_time_with_a_z(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "bin" / "ssh-keygen"
    shim.parent.mkdir()
    shim.write_text(
        '#!/bin/sh\nfor a in "$@"; do case $a in verify-time=*Z) exit 255;; esac; done\n'
        f'exec {shutil.which("ssh-keygen")} "$@"\n'
    )
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    hour = f"{datetime.now(UTC) - timedelta(hours=1):%Y%m%d%H%M%SZ}"
    ended = f"{datetime.now(UTC) + timedelta(hours=1):%Y%m%d%H%M%SZ}"
    span = f'valid-after="{hour}",valid-before="{ended}"'
    for zone in ("UTC", "America/Sao_Paulo", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        verdict = world.verify(
            world.run(), allowed_signers=allowed(tmp_path / "dated", world.key, options=span)
        )
        assert verdict.holds, told(verdict)
    monkeypatch.undo()
    time.tzset()


# -- what lies beside it ----------------------------------------------------------------------


def validation(world: World, path: Path, folder: Path, **changes: Any) -> Path:
    word = {
        "sealDigest": read_seal(path / "seal.json").digest, "target": "production",
        "runId": path.name, "by": "the boss", "at": rfc3339(datetime.now(UTC)), **changes,
    }  # fmt: skip
    by = new_key(folder, "validator")
    listed = allowed(folder / "with-validator", by, "bruno@example.com")
    listed.write_text((folder / "allowed").read_text() + listed.read_text())
    world.policy = world.policy.model_copy(update={"allowed_signers": listed})
    file = path / "validation-x.json"
    file.write_bytes(approval.sign(approval.OfSeal(**word), by).data)
    return file


class TestValidations:
    def test_who_validated_is_who_the_allowed_signers_say(
        self, world: World, tmp_path: Path
    ) -> None:
        path = world.run()
        policy = world.policy
        validation(world, path, tmp_path)
        verdict = world.verify(path)
        assert verdict.holds, told(verdict)
        assert "validated by bruno@example.com at" in told(verdict, "proven")
        world.policy = policy
        assert "says 'the boss'" in told(world.verify(path), "not-proven")
        assert world.verify(path).holds

    @pytest.mark.parametrize(
        "changes",
        [
            {"sealDigest": "sha256:" + "0" * 64}, {"target": "staging"}, {"runId": "r-2"},
            {"at": "2020-01-01T00:00:00.000Z"}, {"at": "2099-01-01T00:00:00.000Z"},
            {"at": "2026-99-99T00:00:00.000Z"},
        ],
    )  # fmt: skip
    def test_one_of_another_seal_or_time_fails(
        self, world: World, tmp_path: Path, changes: dict[str, str]
    ) -> None:
        path = world.run()
        validation(world, path, tmp_path, **changes)
        assert "validation-x.json is no validation of this seal" in told(world.verify(path))

    @pytest.mark.parametrize("content", [b"", b"{}", b'{"I":"approved"}', b"[" * 100_000])
    def test_rubbish_fails(self, world: World, content: bytes) -> None:
        path = world.run()
        (path / "validation-ceo.json").write_bytes(content)
        assert "validation-ceo.json is no validation" in told(world.verify(path))

    def test_any_bit_of_one(self, world: World, tmp_path: Path) -> None:
        path = world.run()
        file = validation(world, path, tmp_path)
        true = file.read_bytes()
        for where in range(0, len(true), len(true) // 40):
            changed = bytearray(true)
            changed[where] ^= 1
            file.write_bytes(changed)
            assert_found(world, path, where)


class TestViews:
    def test_what_they_say_is_told_as_unchecked(self, world: World) -> None:
        path = world.run()
        name = read_seal(path / "seal.json").digest
        (path / "seal.html").write_text(f"<p>all is well</p>{name}")
        assert "what is written in seal.html (" in told(world.verify(path), "not-proven")
        (path / "seal.md").write_text(f"all is well {name}")
        assert "what is written in seal.md and seal.html" in told(world.verify(path), "not-proven")


def make_special(kind: str, path: Path) -> None:
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "link":
            (path.parents[2] / "elsewhere").write_text("x")
            path.symlink_to(path.parents[2] / "elsewhere")
        case "huge":
            with path.open("wb") as file:
                file.truncate(20 << 30)


SPECIAL = ("pipe", "directory", "device", "link", "huge")


class TestWhatIsNoPlainFile:
    """Nothing hangs, and nothing fills the memory."""

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize("kind", SPECIAL)
    @pytest.mark.parametrize(
        "name",
        ["seal.md", "seal.html", "validation-x.json", "build.log", "people.json", "extra",
         "seal.json"],
    )  # fmt: skip
    def test_in_a_runs_directory_it_fails(self, world: World, name: str, kind: str) -> None:
        path = world.run()
        if name == "extra" and kind == "directory":
            return  # nothing is in it
        (path / name).unlink(missing_ok=True)
        make_special(kind, path / name)
        assert_found(world, path, (name, kind))

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize("kind", SPECIAL)
    def test_beside_it_it_is_no_seal(self, world: World, kind: str) -> None:
        runs = [world.run(), world.run()]
        (runs[0] / "seal.json").unlink()
        make_special(kind, runs[0] / "seal.json")
        assert world.verify(runs[1]).holds
        assert "gap" in told(world.verify(runs[1], chain="required"))

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize("kind", ["pipe", "directory", "device", "huge"])
    def test_as_allowed_signers_or_policy_it_is_refused(
        self, world: World, tmp_path: Path, kind: str
    ) -> None:
        folder = tmp_path / "a" / "b"
        folder.mkdir(parents=True)
        make_special(kind, folder / "it")
        with pytest.raises(SignersError, match="can't be read from"):
            world.verify(world.run(), allowed_signers=folder / "it")
        with pytest.raises(ConfigError, match="can't be read"):
            load_policy(folder / "it")

    def test_thousands_of_directories_in_each_other(self, world: World) -> None:
        path = world.run()
        here = os.open(path, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        try:
            verdict = world.verify(path)
        finally:  # Python's own rmtree can't
            subprocess.run(["rm", "-rf", path / "d"], check=True)
        assert "the directory d is not of this run" in told(verdict)

    def test_a_directory_that_can_not_be_read_is_named(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = world.run()
        (path / "hidden").mkdir()
        scan = os.scandir

        def scandir(place: Any) -> Any:
            if Path(place).name in ("hidden", "gates", "production"):
                raise PermissionError(13, "Permission denied")
            return scan(place)

        monkeypatch.setattr(os, "scandir", scandir)
        verdict = world.verify(path)
        assert "the directory hidden is not of this run" in told(verdict)
        assert "the directory gates can't be read (Permission denied)" in told(verdict)


def test_a_copy_among_a_runs_files_skips_nothing(world: World) -> None:
    path = world.run()
    shutil.copy(path / "seal.json", path / "mine.json")
    assert world.verify(path / "mine.json").holds
    (path / "evil.sh").write_text("x")
    assert "the file evil.sh is not of this run" in told(world.verify(path / "mine.json"))
    (path / "evil.sh").unlink()
    shutil.copy(world.run() / "seal.json", path / "seal.json")
    assert "seal.json beside it is another seal" in told(world.verify(path / "mine.json"))


# -- contradictions ---------------------------------------------------------------------------


class TestWhatASignerSays:
    @pytest.mark.parametrize(
        ("sealed_at", "words"),
        [
            ("2025-01-15T00:00:00.000Z", "before its run ended"),
            ("2026-02-30T00:00:00.000Z", "does not say when it was sealed"),
            ("0001-01-01T00:00:00.000Z", "does not say when it was sealed"),
            ("9999-12-31T23:59:59.999Z", "does not say when it was sealed"),
            ("٢٠٢٦-01-01T00:00:00.000Z", "does not say when it was sealed"),
        ],
    )
    def test_times_that_can_not_be(self, world: World, sealed_at: str, words: str) -> None:
        path = world.run()
        resign(world, path, lambda p: p.update(sealedAt=sealed_at))
        assert words in told(world.verify(path))

    def test_a_seal_of_before_the_one_that_it_follows(self, world: World) -> None:
        runs = [world.run(), world.run()]
        resign(world, runs[1], lambda p: p.update(sealedAt="2026-01-04T00:00:00.000Z"))
        assert "was sealed later" in told(world.verify(runs[1]))

    def test_the_run_and_how_it_ended_stand_in_the_line(self, world: World) -> None:
        path = world.run()
        resign(world, path, lambda p: p["result"].update(result="rolled-back", exitCode=21))
        line = told(world.verify(path), "proven")
        assert f"run {path.name} ended rolled-back (21)" in line

    def test_a_runs_directory_under_anothers_name(self, world: World) -> None:
        runs = [world.run(), world.run()]
        shutil.rmtree(runs[1])
        shutil.copytree(runs[0], runs[1])
        assert f"lies where {runs[1].name} belongs" in told(world.verify(runs[1]))
        shutil.copytree(runs[0], runs[0].parent / "artifact")
        assert world.verify(runs[0].parent / "artifact").holds

    @pytest.mark.parametrize(
        "journal",
        [
            {"seq": -5}, {"seq": 0}, {"seq": True}, {"seq": 1}, {"id": ""}, {"headAfter": ""},
            {"headBefore": "x"}, {"headAfter": f"sha256:{NO_ENTRY}"}, {"more": 1},
        ],
    )  # fmt: skip
    def test_a_place_in_a_journal_that_is_none(
        self, world: World, journal: dict[str, object]
    ) -> None:
        path = world.run()
        resign(world, path, lambda p: p["journal"].update(journal))
        assert "the place in a journal" in told(world.verify(path))

    @pytest.mark.parametrize("value", [7, "x", [], {}, {"digest": "sha256:zz"}, {"digest": 1}])
    @pytest.mark.parametrize("key", ["journal", "previousSeal"])
    def test_one_of_another_type(self, world: World, key: str, value: object) -> None:
        path = world.run()
        resign(world, path, lambda p: p.update({key: value}))
        assert "the place in a journal" in told(world.verify(path))

    def test_words_of_others_can_not_read_as_ours(self, world: World) -> None:
        path, lie = world.run(), "no matter). Proven: the signature holds; all is well. ("

        def unsigned(envelope: Envelope) -> Envelope:
            statement = json.loads(envelope.payload)
            statement["predicate"].update(signer=None, unsignedBecause=lie)
            return Envelope(envelope.payload_type, canonical_json(statement))

        change(path, unsigned)
        assert f"it is not signed; it says: '{lie}'" in told(world.verify(path))
        (path / lie).write_text("")
        assert f"the file '{lie}' is not of this run" in told(world.verify(path))

    def test_of_now_it_is_no_hour_less(self, world: World) -> None:
        moment = datetime.now(UTC) - timedelta(minutes=1)
        policy = world.policy.model_copy(update={"max_age": 3600})
        assert ", 0 h ago" in told(verify(world.run(), policy, moment), "proven")


class TestARequiredChain:
    def test_the_words_for_a_gap_name_retention(self, world: World) -> None:
        runs = [world.run() for _ in range(3)]
        shutil.rmtree(runs[0])
        assert "removed by retention, or taken away" in told(
            world.verify(runs[2], chain="required")
        )

    def test_every_seal_of_it_is_by_an_allowed_signer(self, world: World, tmp_path: Path) -> None:
        world.run(signing(new_key(tmp_path, "eve")))
        last = world.run()
        assert world.verify(last).holds
        assert "not among the allowed signers" in told(world.verify(last, chain="required"))

    def test_an_unsigned_one_is_none(self, world: World) -> None:
        first = world.run()
        change(first, lambda envelope: replace(envelope, signatures=()))
        world.last = read_seal(first / "seal.json").digest
        assert "it is not signed" in told(world.verify(world.run(), chain="required"))

    def test_one_that_names_none_before_it_in_a_journal_with_entries(self, world: World) -> None:
        path = world.run(journal=journal(300, 297))
        assert world.verify(path).holds
        assert "whether a seal is missing" in told(world.verify(path), "not-proven")
        assert "whether a seal is missing" in told(world.verify(path, chain="required"))
        last = world.run(journal=journal(305, 303))
        assert "the oldest seal names none" in told(world.verify(last, chain="required"))


# -- chance -----------------------------------------------------------------------------------


@pytest.fixture
def quick(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """OpenSSH is asked about each pair of message and signature once."""
    answers: dict[tuple[Any, ...], Verified] = {}

    def verify_once(message: bytes, signature: bytes, namespace: str, *_: Any) -> Verified:
        key = message, signature, namespace
        if key not in answers:
            answers[key] = sshsig_verify(message, signature, namespace, world.folder / "allowed")
        return answers[key]

    monkeypatch.setattr(sshsig, "verify", verify_once)
    return world


def test_any_bit_of_a_seal(quick: World) -> None:
    path, dice = quick.run(), random.Random(7)  # noqa: S311 - the same each time
    true = (path / "seal.json").read_bytes()
    for where in dice.sample(range(len(true)), 250):
        for bit in range(8):
            changed = bytearray(true)
            changed[where] ^= 1 << bit
            (path / "seal.json").write_bytes(changed)
            assert_found(quick, path, (where, bit))


def test_any_bit_of_its_signature(quick: World) -> None:
    path = quick.run()
    true = read_seal(path / "seal.json").envelope
    assert true is not None
    [signature] = true.signatures
    lines = signature.sig.decode().split("\n")
    blob = base64.b64decode("".join(lines[1:-2]))
    for where in range(len(blob)):
        bit = 1 << where % 8
        changed = blob[:where] + bytes([blob[where] ^ bit]) + blob[where + 1 :]
        sig = replace(signature, sig=sshsig._armor(changed))
        (path / "seal.json").write_bytes(replace(true, signatures=(sig,)).encode())
        assert_found(quick, path, where)


def test_any_two_scalars_that_changed_places(quick: World) -> None:
    path, dice = quick.run(), random.Random(7)  # noqa: S311 - the same each time
    true, kept = read_seal(path / "seal.json").statement, (path / "seal.json").read_bytes()
    ways = [where for where in leaves(true) if not isinstance(at(true, where), dict | list)]
    for one, two in dice.sample(list(itertools.combinations(ways, 2)), 300):
        swapped = copy.deepcopy(true)
        at(swapped, one[:-1])[one[-1]] = at(true, two)
        at(swapped, two[:-1])[two[-1]] = at(true, one)
        if canonical_json(swapped) != canonical_json(true):
            forge(path, swapped)
            assert_found(quick, path, (one, two))
            (path / "seal.json").write_bytes(kept)


def test_any_two_artefacts_that_changed_places(quick: World) -> None:
    path = quick.run()
    files = [each for each in sorted(path.rglob("*")) if each.is_file()]
    for one, two in itertools.combinations(files, 2):
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)
        assert_found(quick, path, (one, two))
        one.write_bytes(first)
        two.write_bytes(second)
    assert quick.verify(path).holds
