"""Exactly the approved plan, or nothing: what a run finds is compared, and signatures are counted.

Nothing here asks a person, and nothing was changed on the host when it refuses.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deployctl.config.approval import ApprovalSettings
from deployctl.errors import ApprovalError, ConfigError, RefusedError, UsageError
from deployctl.events import PlanReady
from deployctl.evidence import approval as words
from deployctl.evidence.canonical import digest
from deployctl.evidence.sshsig import NoOpenSSHError
from deployctl.rollout.plan_difference import SHOWN, changed_parts, differences
from deployctl.rollout.plan_file import Given, bytes_of
from deployctl.rollout.request import Approval, Approver, Options

BESIDE: Final = ".approval-"
"""between a plan's name and the key's: `plan.json.approval-…`"""
MOST_FILES: Final = 100


@dataclass(frozen=True)
class Envelope:
    """A file that should hold an approval: the approval, or why it holds none."""

    path: Path
    approval: words.Approval | None
    fault: str = ""


@dataclass
class Counted:
    """`signers` maps the people who have signed, by their names in the file, to their approvals."""

    signers: dict[str, words.Approval] = field(default_factory=dict)
    not_counted: list[str] = field(default_factory=list)


def exactly(given: Given, approve: Approver) -> Approver:
    """Before anybody is asked, the plan of now must be the one in the file."""

    def same(ready: PlanReady) -> Approval:
        require_same(given, ready)
        return approve(ready)

    return same


def require_same(given: Given, ready: PlanReady) -> None:
    """RefusedError with the difference, field by field."""
    approved = given.file.plan
    if ready.digest == approved.digest:
        return
    before = approved.decisions.model_dump(mode="json", by_alias=True)
    now: Mapping[str, Any] = ready.plan["decisions"]
    found = differences(before, now)
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    parts = ", ".join(changed_parts(before, now))
    raise RefusedError(
        f"This is not the plan of {given.path.name} any more. Not as approved: {parts}.",
        detail="\n".join((*found[:SHOWN], *more)),
        next_step="Make a new plan, and have it approved: "
        + plan_command(ready, given.file.request.playbook, str(given.path), _options_of(given)),
    )


def signed(
    settings: ApprovalSettings,
    given: Given | None,
    envelopes: Sequence[Envelope],
    options: Options,
    playbook: str | None,
) -> Approver:
    """The approver of a target that wants signatures. ConfigError, ApprovalError."""

    def approve(ready: PlanReady) -> Approval:
        if given is None:
            raise ApprovalError(
                "This target requires a signed approval"
                + (", and --yes can't stand in for one." if options.yes else "; none was given."),
                next_step="\n  ".join(
                    (
                        "",
                        plan_command(ready, playbook, "plan.json", options),
                        "deployctl approve plan.json",
                        f"deployctl {ready.plan['decisions']['command']} --plan plan.json",
                    )
                ),
            )
        counted = count(given, envelopes, settings)
        _require_enough(given, counted, settings)
        chosen = dict(sorted(counted.signers.items()))
        return Approval(
            by=", ".join(chosen),
            how="signed",
            signatures=tuple({"principal": name, **each.record} for name, each in chosen.items()),
            artefacts=(
                ("approvals/plan.json", given.data),
                *((_artefact(each), each.data) for each in chosen.values()),
            ),
        )

    return approve


def count(given: Given, envelopes: Sequence[Envelope], settings: ApprovalSettings) -> Counted:
    """Who has signed this plan, by the allowed signers of now. ConfigError."""
    file = settings.allowed_signers
    if file is None:
        raise ConfigError(
            "No allowed_signers say who may approve.", next_step="deployctl docs settings"
        )
    counted = Counted()
    try:
        file.read_bytes()
        for envelope in envelopes:
            _count(counted, given, envelope, file)
    except OSError as error:
        raise ConfigError(
            f"The allowed signers can't be read from {file}: {error.strerror}.",
            next_step="Correct `approval.allowed_signers`, or its permissions.",
        ) from error
    except NoOpenSSHError as error:
        raise ConfigError(
            f"Signatures can't be checked here: {error}.",
            next_step="Install OpenSSH's client, 8.9 or newer, on this machine.",
        ) from error
    return counted


def _count(counted: Counted, given: Given, envelope: Envelope, allowed_signers: Path) -> None:
    approval = envelope.approval
    why = envelope.fault
    if approval is not None:
        why = _other(given, approval)
        if not why:
            found = words.check(approval, allowed_signers)
            if found.state == "good":
                counted.signers.setdefault(found.principal, approval)
                return
            who = f"{approval.fingerprint}, which says it is {approval.word.by}'s"
            why = (
                f"the key {who}, is not one of the allowed signers ({found.detail})"
                if found.state == "unknown"
                else f"the signature by {who}, is not valid ({found.detail})"
            )
    counted.not_counted.append(f"{envelope.path.name}: {why}")


def _other(given: Given, approval: words.Approval) -> str:
    """Why it is not about this plan; empty where it is."""
    word = approval.word
    if isinstance(word, words.OfSeal):
        return "it is about a seal, after a run"
    if word.planDigest != given.file.plan.digest or word.target != given.file.target:
        return "it is about another plan"
    if word.fileDigest != given.digest:
        return f"it is about another file of this plan; {given.path.name} was changed or made anew"
    return ""


def _require_enough(given: Given, counted: Counted, settings: ApprovalSettings) -> None:
    missing = settings.approvers - len(counted.signers)
    if missing <= 0:
        return
    who = ", ".join(
        f"{name} ({each.fingerprint})" for name, each in sorted(counted.signers.items())
    )
    noun = "signature" if settings.approvers == 1 else "signatures of different people"
    people = "one person" if missing == 1 else f"{missing} people"
    more = "more " if counted.signers else ""
    raise ApprovalError(
        f"Plan {given.name} needs {settings.approvers} {noun}; it was signed by {who or 'nobody'}.",
        detail="\n".join(f"not counted: {line}" for line in counted.not_counted),
        next_step=f"Have {people} {more}of {settings.allowed_signers} approve it: deployctl approve"
        f" {given.path}. Put what that writes beside the plan, then run the same command again.",
    )


def beside(path: Path) -> tuple[Path, ...]:
    """The approvals that lie beside a plan, however many people copied theirs there."""
    try:
        found = [
            each
            for each in path.parent.iterdir()
            if each.name.startswith(f"{path.name}{BESIDE}") and each.is_file()
        ]
    except OSError:
        return ()
    return tuple(sorted(found)[:MOST_FILES])


def gather(path: Path, named: Sequence[Path]) -> tuple[Envelope, ...]:
    """Those beside the plan, and those named. What is named must be readable: UsageError.

    What lies beside and is no approval hides none that is; it is told when too few are left.
    """
    found = [*named, *(each for each in beside(path) if each not in named)]
    return tuple(_envelope(each, must_be=each in named) for each in found)


def _envelope(path: Path, *, must_be: bool) -> Envelope:
    try:
        return Envelope(path, words.read(bytes_of(path)))
    except (ValueError, UsageError) as error:
        told = error.what.rstrip(".") if isinstance(error, UsageError) else str(error)
        if must_be:
            raise UsageError(
                f"{path} is not an approval: {told}.",
                next_step="deployctl approve plan.json writes one.",
            ) from error
        return Envelope(path, None, told)


def policy_record(settings: ApprovalSettings) -> dict[str, Any]:
    """What the target asked for, for the evidence: with the digest of who might sign."""
    record: dict[str, Any] = {"how": settings.how}
    if settings.how == "signed" and settings.allowed_signers is not None:
        record["approvers"] = settings.approvers
        try:
            record["allowedSigners"] = digest(settings.allowed_signers.read_bytes())
        except OSError:
            record["allowedSigners"] = None
    return record


def plan_command(ready: PlanReady, playbook: str | None, out: str, options: Options) -> str:
    """The command that makes the plan of now, as a file."""
    decided = ready.plan["decisions"]
    commit = decided["commit"]
    line = ["deployctl", "plan"]
    if decided["command"] == "rollback":
        line += ["--rollback", "--to", decided["release"]]
    elif commit:
        line += ["--sha", commit["sha"]]
    line += ["--playbook", playbook] if playbook else []
    line += [f"--{name}" for name in ("rebuild", "repair") if getattr(options, name)]
    for gate, reason in options.advisory.items():
        line += ["--advisory", gate, "--reason", reason]
    if options.accept_drift is not None:
        line += ["--accept-drift", "--reason", options.accept_drift]
    return shlex.join([*line, "--out", out])


def _options_of(given: Given) -> Options:
    asked = given.file.request
    return Options(
        rebuild=asked.rebuild,
        repair=asked.repair,
        advisory=asked.advisory,
        accept_drift=asked.accept_drift,
    )


def _artefact(approval: words.Approval) -> str:
    return f"approvals/SHA256-{words.file_name(approval.fingerprint)}.json"
