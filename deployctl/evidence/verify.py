"""Whether a seal holds: every check says what is proven, and what is not.

Nothing is taken from the seal that a verifier must bring: who may sign is the policy's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from deployctl.evidence import artefact_check, signer_check
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.policy import Policy
from deployctl.evidence.seal import NAME
from deployctl.evidence.statement import Sealed, read_seal

State = Literal["proven", "not-proven", "failed"]


@dataclass(frozen=True)
class Check:
    """`failed`: something contradicts the seal, or a demand of the policy. `not-proven`: nobody
    asked for it, or it can't be told here."""

    name: str
    state: State
    told: str


@dataclass(frozen=True)
class Verdict:
    checks: tuple[Check, ...]
    sealed: Sealed | None = None

    @property
    def holds(self) -> bool:
        """Nothing failed, and it is known who signed."""
        signers = [check.state for check in self.checks if check.name == "signer"]
        return signers == ["proven"] and not self.of("failed")

    def of(self, state: State) -> list[Check]:
        return [check for check in self.checks if check.state == state]


def verify(path: Path, policy: Policy, now: datetime) -> Verdict:
    """`path` is a seal.json or the run's directory. Raises OSError, NoOpenSSHError."""
    file = path / NAME if path.is_dir() else path
    try:
        sealed = read_seal(file)
    except ValueError as error:
        return Verdict((Check("seal", "failed", f"{file} is no seal: {error}"),))
    if sealed.envelope is None:
        told = f"{file} is of a version that had no signatures"
        return Verdict((Check("seal", "failed", told),))
    return Verdict(tuple(_checks(file, sealed, policy, now)), sealed)


def _checks(file: Path, sealed: Sealed, policy: Policy, now: datetime) -> Iterator[Check]:
    try:
        sealed_at = _moment(sealed.predicate)
    except ValueError as error:
        yield Check("seal", "failed", str(error))
        return
    for name, state, told in signer_check.check(sealed, policy, sealed_at):
        yield Check(name, state, told)
    yield _target(sealed, policy)
    yield from _age(policy, sealed_at, now)
    yield _plan(sealed)
    yield from _subjects(sealed)
    for state, told in artefact_check.check(file, sealed):
        yield Check("artefacts", state, told)
    yield from _chain(file, sealed, policy)


def _moment(predicate: Mapping[str, Any]) -> datetime:
    text = predicate.get("sealedAt")
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text):
        return datetime.fromisoformat(text)
    raise ValueError("it does not say when it was sealed")


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _target(sealed: Sealed, policy: Policy) -> Check:
    target = _at(sealed.predicate, "result", "target")
    planned = _at(sealed.predicate, "plan", "document", "decisions", "target")
    if planned is not None and planned != target:
        return Check("target", "failed", f"its result is of {target!r}, its plan of {planned!r}")
    if policy.target is None:
        return Check("target", "not-proven", f"which target was meant (it says {target})")
    if target != policy.target:
        return Check("target", "failed", f"it is of the target {target!r}, not {policy.target!r}")
    return Check("target", "proven", f"target {target}")


def _age(policy: Policy, sealed_at: datetime, now: datetime) -> Iterator[Check]:
    age = (now - sealed_at).total_seconds()
    if age < -300:
        yield Check("age", "failed", f"it was sealed in the future, at {sealed_at:%FT%TZ}")
    elif policy.max_age is not None:
        old = age > policy.max_age
        told = f"sealed at {sealed_at:%FT%TZ}, {age / 3600:.0f} h ago"
        yield Check("age", "failed" if old else "proven", told + (": too old" if old else ""))


def _plan(sealed: Sealed) -> Check:
    plan = _at(sealed.predicate, "plan")
    said, document = _at(plan, "digest"), _at(plan, "document")
    bound = _at(sealed.predicate, "result", "planDigest")
    if bound is not None and bound != said:
        return Check("plan", "failed", f"its result is of the plan {bound}, and not of {said}")
    decisions = _at(document, "decisions")
    if digest(canonical_json(document if decisions is None else decisions)) == said:
        told = f"plan {said}" if document else "no plan was made"
        return Check("plan", "proven", told)
    if _at(plan, "redacted") is True:
        told = f"that the plan is {said} (something of it was a secret, and is not there)"
        return Check("plan", "not-proven", told)
    return Check("plan", "failed", f"its plan's decisions don't have the digest {said}")


def _subjects(sealed: Sealed) -> Iterator[Check]:
    """What it is about is what its own result and artefacts say."""
    release = _at(sealed.predicate, "result", "release")
    artefacts = sealed.predicate.get("artefacts")
    known = [
        _at(release, "sha"),
        str(_at(release, "imageId") or "").removeprefix("sha256:"),
        _at(sealed.predicate, "source", "commit"),
        *(_at(each, "sha256") for each in (artefacts if isinstance(artefacts, list) else ())),
    ]
    subjects = sealed.statement.get("subject")
    if not isinstance(subjects, list) or not all(
        isinstance(each, dict) and isinstance(each.get("digest"), dict) for each in subjects
    ):
        yield Check("subject", "failed", "it does not say what it is about")
        return
    foreign = [
        str(value) for each in subjects for value in each["digest"].values() if value not in known
    ]
    if foreign:
        yield Check("subject", "failed", f"it is about {', '.join(foreign)}, unlike its result")


# -- the seals before it ----------------------------------------------------------------------


def _chain(file: Path, sealed: Sealed, policy: Policy) -> Iterator[Check]:
    """Each seal names the one before it in the host's journal; they lie in directories beside."""
    wanted = policy.chain == "required"
    followed, here = 0, sealed
    seen = {sealed.digest}
    beside = _Beside(file)
    while (name := _at(here.predicate, "previousSeal", "digest")) is not None:
        before = beside.find(str(name))
        if before is None:
            told = f"the seal {name} before {'it' if not followed else f'the {followed} before it'}"
            if wanted:
                yield Check("chain", "failed", f"the chain has a gap: {told} is not here")
            else:
                yield Check("chain", "not-proven", f"{told} (it is not here)")
            return
        broken = _does_not_follow(before, here)
        if broken or before.digest in seen:
            yield Check("chain", "failed", broken or "the chain of seals is a ring")
            return
        seen.add(before.digest)
        followed, here = followed + 1, before
        if not wanted:
            break
    if _at(sealed.predicate, "journal") is None and not followed:
        state: State = "failed" if wanted else "not-proven"
        yield Check("chain", state, "its place in a journal (it names none)")
    elif followed:
        count = "the seal" if followed == 1 else f"the {followed} seals"
        yield Check("chain", "proven", f"follows {count} before it")
    else:
        yield Check("chain", "proven", "the first seal of its journal")


class _Beside:
    """The seals in the directories beside a run's, by their digests."""

    def __init__(self, file: Path) -> None:
        own = file.absolute().parent
        # The one before is mostly the next older: names of runs sort by time.
        folders = sorted(own.parent.iterdir(), reverse=True) if own.parent.is_dir() else []
        older = [each for each in folders if each.name < own.name]
        later = [each for each in folders if each.name > own.name]
        self._files = iter([each / NAME for each in (*older, *later)])
        self._known: dict[str, Sealed] = {}

    def find(self, name: str) -> Sealed | None:
        while name not in self._known:
            file = next(self._files, None)
            if file is None:
                return None
            try:
                read = read_seal(file)
            except (OSError, ValueError):
                continue
            self._known[read.digest] = read
        return self._known[name]


def _does_not_follow(before: Sealed, after: Sealed) -> str:
    first, second = (_at(each.predicate, "journal") for each in (before, after))
    target = _at(after.predicate, "result", "target")
    if _at(before.predicate, "result", "target") != target:
        return f"the seal before it, {before.digest}, is of another target"
    if first is None or second is None:
        return ""
    if not all(type(_at(each, "seq")) is int for each in (first, second)):
        return "a seal does not say where the journal stood"
    if first.get("id") != second.get("id"):
        return f"the seal before it, {before.digest}, is of another journal: it was begun anew"
    if first["seq"] >= second["seq"]:
        return f"the seal before it, {before.digest}, stands later in the journal"
    return ""


def utc_now() -> datetime:
    return datetime.now(UTC)
