"""A hotfix leaves evidence that others can check; a host that is tampered with is found out."""

import json
from pathlib import Path

import pytest

from deployctl.evidence.chain import follow
from deployctl.evidence.statement import Sealed, parse_seal

from .client import Client, Ended
from .server import STATE, Server

HOTFIX = "d73cfb1"
JOURNAL = f"{STATE}/journal.jsonl"


def allowed_signers(client: Client) -> Path:
    """The lab's key, with which every run logs in, is ana's."""
    public = client.key_file.with_name(f"{client.key_file.name}.pub").read_text().split()
    file = client.folder / "allowed_signers"
    file.write_text(f"ana@example.com {public[0]} {public[1]}\n")
    return file


def verify(client: Client, done: Ended, *words: str) -> Ended:
    path = done.document["seal"]["path"]
    signers = str(allowed_signers(client))
    return client.run_plain("verify", path, "--allowed-signers", signers, *words)


def seal_of(done: Ended) -> Sealed:
    return parse_seal(Path(done.document["seal"]["path"]).read_bytes())


def test_a_hotfix_is_sealed_verified_and_audited(server: Server, client: Client) -> None:
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    checked = verify(client, done)
    assert checked.code == 0, checked.explained
    assert "signed by ana@example.com" in checked.stdout.splitlines()[0]

    predicate = seal_of(done).predicate
    chain = follow(server.sh(f"cat {JOURNAL}").encode())
    assert chain.broken is None
    assert [(entry.event, entry.run == done.document["runId"]) for entry in chain.entries] == [
        ("begin", True), ("end", True), ("seal", True),
    ]  # fmt: skip
    assert chain.entries[2].seal == done.document["seal"]["digest"]
    assert predicate["journal"]["seq"] == 2
    assert predicate["journal"]["headAfter"] == f"sha256:{chain.digests[1]}"
    assert predicate["previousSeal"] is None
    assert predicate["buildLog"]["name"] == "build.log"
    assert predicate["availability"]["name"] == "availability.json"
    assert predicate["compose"]["files"][0]["before"]["name"] == "compose.1.before.yml"
    assert predicate["approval"]["how"] == "--yes"
    after = [gate for gate in predicate["gates"] if gate["when"] == "after"]
    assert {gate["name"] for gate in after if gate["responses"]} >= {"health", "metrics"}
    mode = server.sh(f"stat -c %a {JOURNAL}").strip()
    assert mode == "600"

    audited = client.run("audit")
    assert audited.code == 0, audited.explained
    assert "is whole: 3 entries" in audited.stdout

    # The next one follows; a rollback and a run that only looks are in the chain as well.
    second = client.rollback()
    third = client.hotfix(HOTFIX)
    fourth = client.hotfix(HOTFIX)
    assert fourth.document["result"] == "unchanged"
    names = [seal_of(each).predicate["previousSeal"] for each in (second, third, fourth)]
    assert [name["digest"] for name in names] == [
        each.document["seal"]["digest"] for each in (done, second, third)
    ]
    policy = client.folder / "policy.yml"
    policy.write_text(
        f"allowed_signers: {allowed_signers(client)}\nchain: required\nmax_age: 1h\n"
        f"target: {client.target}\n"
    )
    checked = client.run_plain("verify", fourth.document["seal"]["path"], "--policy", str(policy))
    assert checked.code == 0, checked.explained
    assert "follows the 3 seals" in checked.stdout
    assert client.run("audit").code == 0


@pytest.mark.parametrize(
    "tamper",
    [
        "sed -i 1s/hotfix/rolback/", "sed -i 2s/confirmed/released/", "sed -i 2d", "sed -i '$d'",
        "rm",
    ],
)  # fmt: skip
def test_who_tampers_with_the_journal_is_found_out(
    server: Server, client: Client, tamper: str
) -> None:
    assert client.hotfix(HOTFIX).code == 0
    server.sh(f"{tamper} {JOURNAL}")
    live = server.look()

    refused = client.rollback()
    assert refused.code == 23, refused.explained
    assert "is not the one that this machine knows" in refused.reason
    assert server.look() == live
    audited = client.run("audit", "--output", "json")
    assert audited.code == 23, audited.explained
    assert json.loads(audited.stdout)["findings"]

    accepted = client.run("audit", "--accept")
    assert accepted.code == 0, accepted.explained
    if tamper == "rm":
        assert client.rollback().code == 0


def test_a_journal_that_can_not_be_written_is_in_the_way_of_nothing(
    server: Server, client: Client
) -> None:
    server.sh(f"install -d -o deploy -m 700 {STATE}; mkdir {JOURNAL}")
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert "journal" in done.stderr
    server.sh(f"rmdir {JOURNAL}")
    again = client.hotfix(HOTFIX)
    assert again.code == 0, again.explained
    seals = [entry.seal for entry in follow(server.sh(f"cat {JOURNAL}").encode()).entries]
    assert seals == [each.document["seal"]["digest"] for each in (done, again)]


def test_a_key_of_its_own_signs_where_the_settings_name_one(server: Server, client: Client) -> None:
    del server
    missing = client.folder / "no-such-key"
    text = client.config.read_text()
    client.config.write_text(f"{text}signing: {{key_file: {missing}, required: true}}\n")
    refused = client.hotfix(HOTFIX)
    assert refused.code == 78, refused.explained
    client.config.write_text(f"{text}signing: {{key_file: {missing}}}\n")
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert "The evidence is not signed" in done.stderr
    assert verify(client, done).code == 23
