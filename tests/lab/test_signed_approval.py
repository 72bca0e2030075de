"""Exactly the plan that enough people have signed, on a real host, or nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deployctl.evidence import approval as words
from deployctl.evidence.canonical import digest
from deployctl.evidence.names import with_names
from deployctl.evidence.statement import read_seal
from tests.people import Person, allow, person

from .client import Client, Ended
from .expect import assert_refused, assert_untouched
from .server import COMPOSE_FILE, Before, Server

HOTFIX = "d73cfb1"
PLAN = "plan.json"


@pytest.fixture
def ana(tmp_path: Path) -> Person:
    return person(tmp_path, "ana@example.com")


@pytest.fixture
def bob(tmp_path: Path) -> Person:
    return person(tmp_path, "bob@example.com")


@pytest.fixture
def client(make_client: Callable[..., Client], tmp_path: Path, ana: Person, bob: Person) -> Client:
    """Its target wants the signatures of two people."""
    signers = allow(tmp_path, ana, bob)
    wanted = {"how": "signed", "approvers": 2, "allowed_signers": str(signers)}
    return make_client(host_approval=wanted)


def approve(client: Client, *people: Person) -> None:
    """Each on a machine of their own, which has the plan and nothing else."""
    for who in people:
        machine = client.folder / f"machine-of-{who.name}"
        machine.mkdir()
        shutil.copy(client.folder / PLAN, machine)
        done = client.run_plain("approve", str(machine / PLAN), "--key", str(who.key_file), "--yes")
        assert done.code == 0, done.explained
        for signature in machine.glob(f"{PLAN}.approval-*"):
            shutil.copy(signature, client.folder)


def carry_out(client: Client, command: str = "hotfix") -> Ended:
    return client.run(command, "--plan", PLAN, "--output", "json")


def test_two_people_approve_and_the_plan_can_be_carried_out_once(
    server: Server, before: Before, client: Client, ana: Person, bob: Person
) -> None:
    done = client.hotfix(HOTFIX)
    assert_refused(done, 77, "--yes can't stand in")
    assert "deployctl approve plan.json" in done.document["nextStep"]
    assert client.run("plan", "--sha", HOTFIX, "--out", PLAN).code == 0
    assert_refused(carry_out(client), 77, "signed by nobody")
    approve(client, ana)
    assert_refused(carry_out(client), 77, "signed by ana@example.com")
    assert_untouched(server, before)

    approve(client, bob)
    done = carry_out(client)
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 200
    seal = Path(done.document["seal"]["path"])
    assert_kept(seal.parent, client, ana, bob)

    # What was approved has been done: the host is another now.
    again = carry_out(client)
    assert_refused(again, 23, "Not as approved: the host.")
    assert "swap: yes was approved, now it is no" in again.reason

    validated = client.run_plain("approve", str(seal), "--key", str(ana.key_file), "--yes")
    assert validated.code == 0, validated.explained
    (path,) = seal.parent.glob("validation-*.json")
    word = words.read(path.read_bytes()).word
    assert isinstance(word, words.OfSeal)
    assert word.sealDigest == digest(seal.read_bytes()) == done.document["seal"]["digest"]

    roll_back(server, client, ana, bob)


def roll_back(server: Server, client: Client, *people: Person) -> None:
    """The same way; the plan is another, so the approvals beside it count for nothing."""
    done = client.run("plan", "--rollback", "--out", PLAN)
    assert done.code == 0, done.explained
    refused = carry_out(client, "rollback")
    assert_refused(refused, 77, "signed by nobody")
    assert "about another plan" in refused.reason
    for who in people:
        shutil.rmtree(client.folder / f"machine-of-{who.name}")
    approve(client, *people)
    done = carry_out(client, "rollback")
    assert done.code == 0, done.explained
    assert server.get("/metrics")[0] == 404


def assert_kept(evidence: Path, client: Client, *people: Person) -> None:
    """The envelopes are kept byte for byte, erasable, and people.json names who is in the seal."""
    sealed = read_seal(evidence / "seal.json").predicate
    assert not any(who.name in json.dumps(sealed) for who in people)
    seal = with_names(evidence, sealed)
    assert [each["principal"] for each in seal["approvals"]] == [who.name for who in people]
    assert seal["context"]["approval"]["approvers"] == len(people)
    erasable = {each["name"]: each["digest"] for each in seal["erasable"]}
    assert (evidence / "approvals" / PLAN).read_bytes() == (client.folder / PLAN).read_bytes()
    for told in seal["approvals"]:
        name = f"approvals/SHA256-{words.file_name(told['fingerprint'])}.json"
        data = (evidence / name).read_bytes()
        assert digest(data) == told["digest"] == erasable[name]
        kept = words.read(data)
        assert words.check(kept, client.folder / "allowed_signers").principal == told["principal"]


def test_a_host_that_changed_voids_the_plan(
    server: Server, client: Client, ana: Person, bob: Person
) -> None:
    assert client.run("plan", "--sha", HOTFIX, "--out", PLAN).code == 0
    approve(client, ana, bob)
    server.sh(f"docker compose -f {COMPOSE_FILE} up -d --force-recreate --no-deps api")
    changed = server.look()
    done = carry_out(client)
    assert_refused(done, 23, "Not as approved: the host.")
    assert "services.api.containerIds" in done.reason
    assert "--out" in done.document["nextStep"]
    assert_untouched(server, changed)


def test_a_setting_that_changed_voids_the_plan(
    server: Server, before: Before, client: Client, ana: Person, bob: Person
) -> None:
    assert client.run("plan", "--sha", HOTFIX, "--out", PLAN).code == 0
    approve(client, ana, bob)
    client.config.write_text(
        client.config.read_text().replace("min_healthy: 1s", "min_healthy: 2s")
    )
    done = carry_out(client)
    assert_refused(done, 23, "Not as approved: the settings.")
    assert "minHealthyMs: 1000 was approved, now it is 2000" in done.reason
    assert_untouched(server, before)
