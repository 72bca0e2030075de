"""`deployctl approve FILE`: a person's signature on a plan, or on the seal of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deployctl.errors import ApprovalError, UsageError
from deployctl.events import utc_now
from deployctl.evidence import approval as words
from deployctl.evidence.canonical import digest
from deployctl.evidence.event_json import rfc3339
from deployctl.evidence.run_directory import write_private_file
from deployctl.evidence.statement import read_seal
from deployctl.host.keys import Ask
from deployctl.host.signing_key import SIGNING_FAULTS, signing_key
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout import plan_file
from deployctl.rollout.approved_plan import BESIDE
from deployctl.rollout.plan_file import Given, NotAPlanError, bytes_of


class ApprovalDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "approve"
    result: Literal["approved", "validated"]
    exit_code: int = 0
    target: str
    digest: str
    """of the plan's decisions, or of the seal's bytes"""
    by: str
    at: str
    fingerprint: str
    path: str
    """where the signature is"""


@dataclass(frozen=True)
class SealRead:
    """A seal as it was read: `result` is that of its run."""

    path: Path
    digest: str
    target: str
    run_id: str
    result: dict[str, object]


Consent = Callable[[Given | SealRead], None]
"""Shows what is to be signed and asks; raises ApprovalError for a no."""


def approve(file: Path, key: Path | None, by: str, consent: Consent, ask: Ask) -> ApprovalDocument:
    """`file` is a plan or a seal. UsageError, ApprovalError; nothing but the signature is written.

    The key is looked for first, so that nobody reads and says yes in vain.
    """
    subject = _read(file)
    offer = signing_key(key, ask)
    consent(subject)
    word = _word(subject, by)
    try:
        signed = words.sign(word, offer.key)
    except SIGNING_FAULTS as error:
        raise ApprovalError(
            f"{offer.origin} did not sign: {error}.",
            next_step="Unlock the key or the agent, then run the same command again.",
        ) from error
    path = _place(subject, signed.fingerprint)
    try:
        write_private_file(path, signed.data)
    except OSError as error:
        raise UsageError(
            f"The signature can't be written to {path}: {error.strerror}.",
            next_step=f"Copy {file} to a directory of yours, and approve it there.",
        ) from error
    return ApprovalDocument(
        result="approved" if isinstance(subject, Given) else "validated",
        target=word.target,
        digest=word.planDigest if isinstance(word, words.OfPlan) else word.sealDigest,
        by=word.by,
        at=word.at,
        fingerprint=signed.fingerprint,
        path=str(path),
    )


def _read(file: Path) -> Given | SealRead:
    data = bytes_of(file)
    try:
        return Given(file, data, plan_file.decode(data))
    except NotAPlanError:
        pass
    except ValueError as error:
        raise UsageError(
            f"{file} can't be approved: {error}.", next_step=f"Make a new one: {plan_file.DRAW_UP}"
        ) from error
    try:
        return _seal(file, data)
    except (ValueError, OSError) as error:
        raise UsageError(
            f"{file} is neither a plan nor a seal: {error}.",
            next_step=f"{plan_file.DRAW_UP} writes a plan; a run's seal is its seal.json.",
        ) from error


def _seal(file: Path, data: bytes) -> SealRead:
    sealed = read_seal(file)
    if sealed.digest != digest(data):
        raise ValueError("it changed while it was read")
    result = sealed.predicate.get("result")
    if not isinstance(result, dict):
        raise ValueError("its seal has no result")  # noqa: TRY004 - as all else that is wrong
    target, run_id = result.get("target"), result.get("runId")
    if not (isinstance(target, str) and target and isinstance(run_id, str) and run_id):
        raise ValueError("its seal names no run")
    return SealRead(file, sealed.digest, target, run_id, result)


def _word(subject: Given | SealRead, by: str) -> words.Word:
    at = rfc3339(utc_now())
    if isinstance(subject, SealRead):
        return words.OfSeal(
            sealDigest=subject.digest, target=subject.target, runId=subject.run_id, by=by, at=at
        )
    return words.OfPlan(
        planDigest=subject.file.plan.digest,
        fileDigest=subject.digest,
        target=subject.file.target,
        by=by,
        at=at,
    )


def _place(subject: Given | SealRead, fingerprint: str) -> Path:
    """Beside the file, by the key's name: signed again it is the same file, by others another."""
    name = words.file_name(fingerprint)
    if isinstance(subject, Given):
        return subject.path.with_name(f"{subject.path.name}{BESIDE}{name}")
    return subject.path.with_name(f"validation-{name}.json")
