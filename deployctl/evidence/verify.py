"""Whether a seal holds: every check says what is proven, and what is not.

Nothing is taken from the seal that a verifier must bring: who may sign is the policy's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from deployctl.evidence import (
    allowed_signers,
    approval_check,
    artefact_check,
    chain_check,
    signer_check,
    validation_check,
)
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.checked import Check, State
from deployctl.evidence.moments import CLOCKS_PART, moment
from deployctl.evidence.policy import Policy
from deployctl.evidence.quoted import quoted
from deployctl.evidence.run_directory import safe_name
from deployctl.evidence.seal import NAME
from deployctl.evidence.statement import Sealed, read_seal

_RUN_ID: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z]+-[0-9a-f]{6}")
"""of a directory: as deployctl calls those of its runs"""
_LONGEST_MS: Final = 366 * 24 * 3600 * 1000


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
    """`path` is a seal.json or the run's directory.

    Raises OSError where the seal itself can't be read, NoOpenSSHError, SignersError.
    """
    with allowed_signers.copied(policy) as asked:
        return _verify(path / NAME if path.is_dir() else path, asked, now)


def _verify(file: Path, policy: Policy, now: datetime) -> Verdict:
    try:
        sealed = read_seal(file)
    except ValueError as error:
        return Verdict((Check("seal", "failed", f"{file} is no seal: {error}"),))
    if sealed.envelope is None:
        told = f"{file} is of a version that had no signatures"
        return Verdict((Check("seal", "failed", told),))
    return Verdict(tuple(_checks(file, sealed, policy, now)), sealed)


def _checks(file: Path, sealed: Sealed, policy: Policy, now: datetime) -> Iterator[Check]:
    sealed_at = moment(sealed.predicate.get("sealedAt"))
    if sealed_at is None:
        yield Check("seal", "failed", "it does not say when it was sealed")
        return
    signed = list(signer_check.check(sealed, policy, sealed_at))
    yield from signed
    yield _run(file, sealed)
    yield _target(sealed, policy)
    yield from _age(policy, sealed_at, now)
    yield from _order(sealed, sealed_at)
    yield _plan(sealed)
    yield from _subjects(sealed)
    yield from artefact_check.check(file, sealed)
    if any(each.name == "signature" and each.state == "failed" for each in signed):
        yield from approval_check.not_looked_at(sealed)
    else:
        yield from approval_check.check(file.absolute().parent, sealed, policy)
    names = artefact_check.validations(file)
    for state, told in validation_check.check(
        file.absolute().parent, names, sealed, sealed_at, policy, now
    ):
        yield Check("validation", state, told)
    for state, told in chain_check.check(file, sealed, policy):
        yield Check("chain", state, told)


def _run(file: Path, sealed: Sealed) -> Check:
    result = sealed.predicate.get("result")
    name, ended, code = (_at(result, each) for each in ("runId", "result", "exitCode"))
    if not isinstance(name, str) or not isinstance(ended, str) or type(code) is not int:
        return Check("run", "failed", "it does not say which run it is of, and how that ended")
    folder = file.absolute().parent.name
    if file.name == NAME and _RUN_ID.fullmatch(folder) and folder != safe_name(name):
        told = f"it is of the run {quoted(name)}, and lies where {folder} belongs"
        return Check("run", "failed", told)
    told = f"run {quoted(name)} ended {quoted(ended)} ({code})"
    return Check("run", "proven", told, brief=told)


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _target(sealed: Sealed, policy: Policy) -> Check:
    target = _at(sealed.predicate, "result", "target")
    planned = _at(sealed.predicate, "plan", "document", "decisions", "target")
    if planned is not None and planned != target:
        told = f"its result is of {quoted(target)}, its plan of {quoted(planned)}"
        return Check("target", "failed", told)
    if policy.target is None:
        return Check("target", "not-proven", f"which target was meant (it says {quoted(target)})")
    if target != policy.target:
        told = f"it is of the target {quoted(target)}, not {policy.target}"
        return Check("target", "failed", told)
    return Check("target", "proven", f"target {target}")


def _age(policy: Policy, sealed_at: datetime, now: datetime) -> Iterator[Check]:
    age = (now - sealed_at).total_seconds()
    if age < -CLOCKS_PART:
        yield Check("age", "failed", f"it was sealed in the future, at {sealed_at:%FT%TZ}")
    elif policy.max_age is not None:
        old = age > policy.max_age
        told = f"sealed at {sealed_at:%FT%TZ}, {max(age, 0) / 3600:.0f} h ago"
        yield Check("age", "failed" if old else "proven", told + (": too old" if old else ""))


def _order(sealed: Sealed, sealed_at: datetime) -> Iterator[Check]:
    """Nothing is sealed before it is over."""
    began = moment(_at(sealed.predicate, "result", "startedAt"))
    took = _at(sealed.predicate, "result", "durationMs")
    if began is None or type(took) is not int or not 0 <= took < _LONGEST_MS:
        yield Check("age", "failed", "it does not say when its run began, and how long it took")
    elif (began - sealed_at).total_seconds() + took / 1000 > CLOCKS_PART:
        ended = began + timedelta(milliseconds=took)
        told = f"it says that it was sealed at {sealed_at:%FT%TZ}, before its run ended"
        yield Check("age", "failed", f"{told} ({ended:%FT%TZ})")


def _plan(sealed: Sealed) -> Check:
    plan = _at(sealed.predicate, "plan")
    said, document = _at(plan, "digest"), _at(plan, "document")
    bound = _at(sealed.predicate, "result", "planDigest")
    if bound is not None and bound != said:
        told = f"its result is of the plan {quoted(bound)}, and not of {quoted(said)}"
        return Check("plan", "failed", told)
    decisions = _at(document, "decisions")
    if digest(canonical_json(document if decisions is None else decisions)) == said:
        told = f"plan {said}" if document else "no plan was made"
        return Check("plan", "proven", told)
    if _at(plan, "redacted") is True:
        told = f"that the plan is {quoted(said)} (something of it was a secret, and is not there)"
        return Check("plan", "not-proven", told)
    return Check("plan", "failed", f"its plan's decisions don't have the digest {quoted(said)}")


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
        quoted(value)
        for each in subjects
        for value in each["digest"].values()
        if value not in known
    ]
    if foreign:
        yield Check("subject", "failed", f"it is about {', '.join(foreign)}, unlike its result")
