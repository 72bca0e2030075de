"""A signed word is whose key it says, about what it says, and no byte of it can be another."""

import json
import os
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence import approval as words
from deployctl.evidence import sshsig
from deployctl.evidence.approval import OfPlan, OfSeal, check, file_name, read, sign
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature
from tests.people import Person, allow, person

README = (Path(__file__).parents[3] / "README.md").read_text()
PLAN = OfPlan(
    planDigest=f"sha256:{'a' * 64}", fileDigest=f"sha256:{'b' * 64}", target="production",
    by="ana", at="2026-01-03T07:32:00.000Z",
)  # fmt: skip
SEAL = OfSeal(
    sealDigest=f"sha256:{'c' * 64}", target="production", runId="r-1", by="ana",
    at="2026-01-03T07:42:00.000Z",
)  # fmt: skip


@pytest.fixture
def ana(tmp_path: Path) -> Person:
    return person(tmp_path, "ana@example.com")


@pytest.fixture
def bob(tmp_path: Path) -> Person:
    return person(tmp_path, "bob@example.com")


@pytest.mark.parametrize("word", [PLAN, SEAL], ids=["plan", "seal"])
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_whoever_the_file_allows_is_named_by_it(tmp_path: Path, kind: str, word: Any) -> None:
    signs = person(tmp_path, "rui@example.com", kind)
    approval = read(sign(word, signs.key).data)
    assert approval.word == word
    assert approval.fingerprint == signs.fingerprint
    found = check(approval, allow(tmp_path, signs))
    assert (found.state, found.principal) == ("good", "rui@example.com")


def test_a_key_that_the_file_does_not_list_is_unknown(
    tmp_path: Path, ana: Person, bob: Person
) -> None:
    assert check(sign(PLAN, bob.key), allow(tmp_path, ana)).state == "unknown"


def test_a_file_that_names_nobody_in_particular_names_nobody(tmp_path: Path, ana: Person) -> None:
    everybody = replace(ana, name="*")
    found = check(sign(PLAN, ana.key), allow(tmp_path, everybody))
    assert found.state == "unknown"
    assert "name nobody" in found.detail


def test_a_key_counts_only_while_it_is_valid(tmp_path: Path, ana: Person) -> None:
    file = allow(tmp_path, ana, options='valid-before="20260601Z"')
    approval = sign(PLAN, ana.key)
    assert check(approval, file).state == "unknown"
    assert check(approval, file, datetime(2026, 5, 1, tzinfo=UTC)).state == "good"


def test_a_key_that_may_sign_seals_only_approves_nothing(tmp_path: Path, ana: Person) -> None:
    file = allow(tmp_path, ana, options='namespaces="seal@deployctl"')
    assert check(sign(PLAN, ana.key), file).state != "good"


def test_a_signature_of_another_namespace_is_none(tmp_path: Path, ana: Person) -> None:
    envelope = Envelope(IN_TOTO, sign(PLAN, ana.key).envelope.payload)
    sig = sshsig.sign(envelope.pae, "seal@deployctl", ana.key)
    data = envelope.signed(Signature(ana.fingerprint, sig)).encode()
    assert check(read(data), allow(tmp_path, ana)).state == "bad"


def test_a_signature_of_something_else_is_none(tmp_path: Path, ana: Person) -> None:
    """Ana approved one plan; her signature is put under another."""
    other = sign(PLAN.model_copy(update={"planDigest": f"sha256:{'d' * 64}"}), ana.key)
    moved = Envelope(IN_TOTO, sign(PLAN, ana.key).envelope.payload, other.envelope.signatures)
    assert check(read(moved.encode()), allow(tmp_path, ana)).state == "bad"


def test_a_certificate_is_named_by_its_authority(tmp_path: Path, ana: Person) -> None:
    authority = person(tmp_path, "ca")
    public = f"{ana.key_file}.pub"
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority.key_file), "-I", "ana", "-n", ana.name, public],
        check=True, capture_output=True,
    )  # fmt: skip
    certificate = ana.key_file.with_name(f"{ana.key_file.name}-cert.pub")
    key = ana.key
    key.load_certificate(str(certificate))
    file = tmp_path / "allowed_signers"
    file.write_text(f"*@example.com cert-authority {authority.public}\n")
    approval = read(sign(PLAN, key).data)
    assert check(approval, file).principal == ana.name
    assert approval.fingerprint == ana.fingerprint, "the key's own, with or without certificate"


def test_no_byte_of_it_can_be_another(tmp_path: Path, ana: Person) -> None:
    data = sign(PLAN, ana.key).data
    file = allow(tmp_path, ana)
    survived = []
    for at in range(0, len(data), 7):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            approval = read(changed)
        except ValueError:
            continue
        if check(approval, file).state == "good":
            survived.append(at)
    assert survived == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"predicateType": "urn:else:1"}, "another type"),
        ({"predicate": {}}, "planDigest"),
        ({"subject": []}, "not written as deployctl writes one"),
        ({"more": 1}, "not written as deployctl writes one"),
    ],
)
def test_another_statement_is_refused_with_the_reason(
    ana: Person, change: dict[str, Any], told: str
) -> None:
    statement = {**json.loads(sign(PLAN, ana.key).envelope.payload), **change}
    envelope = Envelope(IN_TOTO, canonical_json(statement))
    signature = sshsig.sign(envelope.pae, words.NAMESPACE, ana.key)
    with pytest.raises(ValueError, match=told):
        read(envelope.signed(Signature(sshsig.read(signature).keyid, signature)).encode())


def test_the_key_it_names_is_the_one_of_its_signature(ana: Person, bob: Person) -> None:
    envelope = sign(PLAN, ana.key).envelope
    lying = Envelope(
        IN_TOTO, envelope.payload, (Signature(bob.fingerprint, envelope.signatures[0].sig),)
    )
    with pytest.raises(ValueError, match="names another key"):
        read(lying.encode())


@pytest.mark.parametrize("count", [0, 2])
def test_it_has_one_signature(ana: Person, count: int) -> None:
    envelope = sign(PLAN, ana.key).envelope
    with pytest.raises(ValueError, match=f"{count} signatures"):
        read(Envelope(IN_TOTO, envelope.payload, envelope.signatures * count).encode())


def test_openssh_and_jq_verify_it_by_the_readmes_own_commands(tmp_path: Path, ana: Person) -> None:
    """No part of deployctl is needed to believe it."""
    (commands,) = re.findall(
        r"^```sh\n(jq -r .payload \"\$APPROVAL.*?)^```", README, re.MULTILINE | re.DOTALL
    )
    allow(tmp_path, ana)
    (tmp_path / "approval").write_bytes(sign(PLAN, ana.key).data)

    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-ec", commands], cwd=tmp_path, env={**os.environ, "APPROVAL": "approval"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run()
    assert done.returncode == 0, done.stderr
    assert 'Good "approval@deployctl" signature for ana@example.com' in done.stdout
    assert PLAN.planDigest in done.stdout
    other = sign(PLAN.model_copy(update={"by": "eva"}), ana.key).envelope.payload
    moved = Envelope(IN_TOTO, other, sign(PLAN, ana.key).envelope.signatures)
    (tmp_path / "approval").write_bytes(moved.encode())
    assert run().returncode != 0


def test_and_so_they_do_a_validation_of_this_seal_and_no_other(tmp_path: Path, ana: Person) -> None:
    (whose,) = re.findall(
        r"^```sh\n(jq -r .payload \"\$APPROVAL.*?)^```", README, re.MULTILINE | re.DOTALL
    )
    (which,) = re.findall(
        r"^```sh\n(jq -r .predicate.sealDigest.*?)^```", README, re.MULTILINE | re.DOTALL
    )
    allow(tmp_path, ana)
    seal = tmp_path / "seal.json"
    seal.write_bytes(b"the bytes of a seal")
    word = SEAL.model_copy(update={"sealDigest": digest(seal.read_bytes())})
    (tmp_path / "validation-ana.json").write_bytes(sign(word, ana.key).data)

    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-ec", whose + which], cwd=tmp_path,
            env={**os.environ, "APPROVAL": "validation-ana.json", "SEAL": "seal.json"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run()
    assert done.returncode == 0, done.stderr
    assert 'Good "approval@deployctl" signature for ana@example.com' in done.stdout
    seal.write_bytes(b"the bytes of another one")
    assert run().returncode != 0


@pytest.mark.parametrize("data", [b"", b"no", b"-----BEGIN SSH SIGNATURE-----\n"])
def test_what_is_no_signature_has_no_signer(data: bytes) -> None:
    with pytest.raises(ValueError, match="no SSH signature"):
        sshsig.read(data)


def test_a_fingerprint_is_a_files_name() -> None:
    assert file_name("SHA256:a/b+c") == "a_b-c"
