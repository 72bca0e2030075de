"""Runs of one operator, sealed and signed one after another, for tests that tamper with them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko

from deployctl.evidence import approval
from deployctl.evidence.approval import Approval, OfPlan
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.chain import NO_ENTRY
from deployctl.evidence.dsse import Envelope, Signature
from deployctl.evidence.event_json import rfc3339
from deployctl.evidence.policy import Policy
from deployctl.evidence.predicate import Approval as Approved
from deployctl.evidence.predicate import (
    Circumstances,
    Client,
    JournalRef,
    NamedDigest,
    PreviousSeal,
)
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import SigningKey, seal
from deployctl.evidence.statement import read_seal
from deployctl.evidence.verify import Verdict, verify
from deployctl.result import GateResult, Release, Result
from tests.seals import allowed, new_key, signing

RUN = "20260103T073200Z-hotfix-aaaaaa"
APPROVED = "approvals/SHA256-0.json"
"""by the operator's key, where a test says nothing else"""
ERASABLE = ("people.json", "approvals/plan.json", APPROVED)
DECISIONS = {"target": "production", "project": "shop", "files": [], "gates": [{"name": "health"}]}
PLAN: dict[str, Any] = {
    "digest": digest(canonical_json(DECISIONS)),
    "decisions": DECISIONS,
    "facts": {"n": 2.5},
}
PLAN_FILE = canonical_json(PLAN)


def result(plan: dict[str, Any] = PLAN, run_id: str = RUN) -> Result:
    gate = GateResult(
        name="health", when="after", state="pass", observed="200", threshold="200", attempts=1,
        reason="",
    )  # fmt: skip
    return Result(
        command="hotfix",
        result="sealed",
        exit_code=0,
        reason="Every gate held.",
        target="production",
        run_id=run_id,
        started_at=datetime.now(UTC),
        duration_ms=1,
        plan_digest=plan["digest"],
        release=Release(sha="d" * 40, image="api:d", image_id="sha256:" + "e" * 64),
        gates=[gate],
    )


def entry(number: int) -> str:
    """What stands for the digest of that entry of a journal, which nobody looks at here."""
    return digest(str(number).encode()) if number else f"sha256:{NO_ENTRY}"


def journal(number: int, before: int, name: str = entry(1)) -> JournalRef:
    """A place in it: that entry was its last, and that one the last before the run."""
    return JournalRef(id=name, seq=number, head_before=entry(before), head_after=entry(number))


def approving(key: paramiko.PKey, **changes: str) -> Approval:
    """A person's word on the plan, an hour before the run."""
    word: dict[str, str] = {
        "planDigest": PLAN["digest"], "fileDigest": digest(PLAN_FILE), "target": "production",
        "by": "bruno", "at": rfc3339(datetime.now(UTC) - timedelta(hours=1)), **changes,
    }  # fmt: skip
    return approval.sign(OfPlan(**word), key)


class World:
    """Runs of one operator, sealed one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = new_key(folder)
        self.policy = Policy(allowed_signers=allowed(folder / "allowed", self.key))
        self.count = 0
        self.last = ""

    def run(
        self,
        key: SigningKey | None = None,
        plan: dict[str, Any] = PLAN,
        approvals: Sequence[Approval] | None = None,
        **changes: Any,
    ) -> Path:
        """`approvals`: what people signed before it; by default the operator has."""
        self.count += 1
        name = f"20260103T07320{self.count}Z-hotfix-aaaaaa"
        directory = RunDirectory(self.folder / "evidence", "production", name)
        for artefact, data in (
            ("events.ndjson", b"{}\n"), ("build.log", b"#1 FROM python\n"),
            ("gates/health.after.1.txt", b"200"), ("gates/health.after.1.json", b'{"a":1}'),
        ):  # fmt: skip
            directory.write_bytes(artefact, data)
        signed = [approving(self.key)] if approvals is None else approvals
        for number, each in enumerate(signed):
            directory.write_bytes(f"approvals/SHA256-{number}.json", each.data)
        if signed:
            directory.write_bytes("approvals/plan.json", PLAN_FILE)
        circumstances = {
            "approval": Approved(
                how="signed" if signed else "typed", by="ana", plan_digest=plan["digest"]
            ),
            "approvals": tuple({"principal": "bruno", **each.record} for each in signed),
            "client": Client(host="laptop", user="ana", system="Linux x86_64"),
            "playbook": NamedDigest(name="hotfix", digest="sha256:" + "b" * 64),
            "journal": journal(3 * self.count - 1, 3 * self.count - 3),
            "previous_seal": PreviousSeal(digest=self.last) if self.last else None,
            **changes,
        }
        key = key or signing(self.key)
        reference = seal(
            directory, result(plan, name), plan, {"operator": "ana"},
            Circumstances(**circumstances), key,
        )  # fmt: skip
        self.last = reference.digest
        return directory.path

    def verify(self, path: Path, **policy: Any) -> Verdict:
        asked = self.policy.model_copy(update=policy)
        return verify(path, asked, datetime.now(UTC))


def told(verdict: Verdict, state: str = "failed") -> str:
    return "; ".join(check.told for check in verdict.checks if check.state == state)


def change(path: Path, act: Callable[[Envelope], Envelope]) -> None:
    sealed = read_seal(path / "seal.json")
    assert sealed.envelope is not None
    (path / "seal.json").write_bytes(act(sealed.envelope).encode())


def resign(world: World, path: Path, act: Callable[[dict[str, Any]], object]) -> None:
    """Changes the predicate, and signs it as the signer could."""

    def changed(envelope: Envelope) -> Envelope:
        statement = json.loads(envelope.payload)
        act(statement["predicate"])
        new = Envelope(envelope.payload_type, canonical_json(statement))
        key = signing(world.key)
        return new.signed(Signature(key.keyid, key.sign(new.pae)))

    change(path, changed)


def leaves(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every member there is."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*where, key)
            yield from leaves(item, (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield (*where, index)
            yield from leaves(item, (*where, index))


def at(value: Any, where: tuple[Any, ...]) -> Any:
    for part in where:
        value = value[part]
    return value


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
        case dict():
            return {**value, "x": 1}
        case list():
            return [*value, 1]
        case _:
            return "x"


def forge(path: Path, statement: dict[str, Any]) -> None:
    """The statement under the signature that was made of the true one."""
    change(path, lambda envelope: replace(envelope, payload=canonical_json(statement)))


def assert_found(world: World, path: Path, what: object) -> None:
    verdict = world.verify(path)
    assert verdict.of("failed"), what
    assert not verdict.holds, what
