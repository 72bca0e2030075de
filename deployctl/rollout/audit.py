"""`deployctl audit`: the host's journal against every copy of the evidence that is at hand."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployctl.config.settings import Settings
from deployctl.engines import host_journal
from deployctl.engines.compose import survey
from deployctl.engines.compose.refusals import refusing
from deployctl.errors import ExitCode, RefusedError, UsageError
from deployctl.evidence import chain, known_journal, plain_file
from deployctl.evidence.audit import Audit
from deployctl.evidence.audit import audit as compare
from deployctl.evidence.audited import Copy, Finding, SealCopy, Whose, listed
from deployctl.evidence.known_journal import NOTHING, Known
from deployctl.evidence.policy import Policy
from deployctl.evidence.run_directory import safe_name, state_home
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout import audit_files
from deployctl.rollout.address import host_address
from deployctl.rollout.copies import LARGEST_JOURNAL, gather
from deployctl.rollout.known_journal import place as place_of_known


class AuditFinding(Document):
    line: int | None
    told: str


class AuditDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "audit"
    exit_code: int
    target: str | None
    journal: str
    entries: int
    seals: int
    """copies that are the ones which the journal notes"""
    unseen: int
    """how many seals the journal notes that are not here"""
    sentence: str
    findings: tuple[AuditFinding, ...]
    """the first is where the copies part"""
    notes: tuple[str, ...]
    accepted: bool = False


@dataclass(frozen=True)
class Asked:
    """What is compared. Without `dirs` it is this machine's own evidence of the target."""

    dirs: tuple[Path, ...] = ()
    """copies of seals may lie here alone, without the other files of their runs"""
    accept: bool = False
    """the host's journal of now is what this machine knows of it from now on"""
    policy: Policy | None = None
    """by which each seal's signature is verified"""


def audit_host(settings: Settings, asked: Asked, ask: Ask = ask_nobody) -> AuditDocument:
    """Raises UnreachableError, RefusedError."""
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        with refusing(link.host.label):
            data = host_journal.entries(link.host, facts.state_dir)
        path = place_of_known(settings, link.host)
        label = link.host.label
    finally:
        link.close()
    known, faults = _recall([path])
    journal = Copy(f"the journal on {label}", data)
    whose = Whose(settings.target, label.rpartition("@")[2], facts.project)
    found = _compare(journal, whose, asked, known)
    if asked.accept:
        _accept(path, data, known)
    return _document(settings.target, journal.place, found, faults, accepted=asked.accept)


def audit_copy(journal: Path, target: str | None, asked: Asked) -> AuditDocument:
    """Without a host: `journal` is a copy of its journal. Raises UsageError."""
    if not asked.dirs and target is None:
        raise UsageError(
            f"Nothing is named that the journal {journal} could be compared with.",
            next_step="Name copies of evidence with --dir, or this machine's own with --target.",
        )
    try:
        copy = Copy(str(journal), plain_file.read(journal, LARGEST_JOURNAL))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The journal {journal} can't be read: {plain_file.clause(error)}.",
            next_step="Give the path of a copy of the host's journal.jsonl.",
        ) from error
    paths, unread = _records(target)
    known, faults = _recall(paths)
    found = _compare(copy, Whose(target or ""), asked, known, but=journal)
    return _document(target, copy.place, found, [*unread, *faults])


def _records(target: str | None) -> tuple[list[Path], list[str]]:
    """What this machine knows of the target's journals (of several hosts, or of one rebuilt); why
    it can't tell."""
    if target is None:
        return [], []
    folder = state_home(os.environ) / "journals" / safe_name(target)
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json"), []
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"what this machine knew can't be read from {folder}: {error.strerror}"]


def _compare(
    journal: Copy, whose: Whose, asked: Asked, known: Sequence[Known], but: Path | None = None
) -> Audit:
    """`but`: the file of the journal itself, which may lie among the copies."""
    own = state_home(os.environ) / "evidence"
    for folder in asked.dirs:
        if not folder.is_dir():
            raise UsageError(
                f"There is no directory {folder}.", next_step="Name one with copies of evidence."
            )
    dirs = asked.dirs or ((own / safe_name(whose.target),) if whose.target else ())
    copies = gather(dirs, but)
    found = compare(
        journal,
        copies.journals(),
        copies.seals(),
        known,
        meant=whose,
        # This machine's own evidence is of its own runs; those of others lie with them.
        all_of_them=bool(asked.dirs),
        folders=copies.folders,
    )
    more = [Finding(None, fault) for fault in copies.faults]
    alone: list[SealCopy] = []
    if asked.policy is not None:
        more += audit_files.signatures(found.own, asked.policy)
    else:
        for each in audit_files.artefacts(found.own, may_be_alone=bool(asked.dirs)):
            if isinstance(each, Finding):
                more.append(each)
            else:
                alone.append(each)
    notes = list(found.notes)
    if copies.unsealed:
        names = listed(list(copies.unsealed))
        notes.append(f"nothing proves them, since they have no seal: directories of {names}")
    notes.append(_checked(found, len(alone), signatures=asked.policy is not None))
    return replace(found, findings=(*found.findings, *more), notes=tuple(notes))


def _checked(found: Audit, alone: int, *, signatures: bool) -> str:
    """The last line: what was looked at, and what was not."""
    seen = (
        f"seen here: {found.noted - found.unseen} of the {found.noted} seals that the journal notes"
    )
    parts = [seen + (f" ({found.unseen} not)" if found.unseen else "")]
    if signatures:
        parts.append(f"checked: signature and artefacts of {len(found.own)}")
        return "; ".join(parts)
    parts.append(f"checked: artefacts of {len(found.own) - alone}")
    if alone:
        parts.append(f"not checked: artefacts of {alone}, which lie here without them")
    parts.append("signatures were not verified: deployctl verify does, or audit --policy FILE")
    return "; ".join(parts)


def _recall(paths: Sequence[Path]) -> tuple[list[Known], list[str]]:
    """What is known, and which records of that can't be read."""
    found, faults = [], []
    for path in paths:
        try:
            found.append(known_journal.recall(path))
        except (OSError, ValueError) as error:
            clause = plain_file.clause(error)
            faults.append(f"what this machine knew can't be read from {path}: {clause}")
    return found, faults


def _accept(path: Path, data: bytes, known: Sequence[Known]) -> None:
    """Raises RefusedError where it can't be kept."""
    lines = data.splitlines()
    before = known[0] if known else NOTHING
    head = chain.head(lines[0], lines[-1]) if lines else None
    gone = () if head and head.journal == before.journal else (before.journal,)
    replaced = tuple(dict.fromkeys(filter(None, (*before.replaced, *gone))))
    now = Known("", 0, "", 0, "", replaced=replaced)
    if head is not None:
        digest = chain.line_digest(data)
        now = Known(head.journal, head.seq, head.digest, len(data), digest, replaced=replaced)
    try:
        known_journal.replace(path, now)
    except OSError as error:
        raise RefusedError(
            f"What is accepted could not be kept in {path}: {error.strerror}.",
            next_step="Free space there, then run the same command again.",
        ) from error


def _document(
    target: str | None, place: str, found: Audit, faults: Sequence[str], *, accepted: bool = False
) -> AuditDocument:
    findings = (
        *(AuditFinding(line=each.line, told=each.told) for each in found.findings),
        *(AuditFinding(line=None, told=each) for each in faults),
    )
    agree = found.compared and not findings
    return AuditDocument(
        exit_code=int(ExitCode.SEALED if agree or accepted else ExitCode.REFUSED),
        target=target,
        journal=place,
        entries=found.entries,
        seals=found.seals,
        unseen=found.unseen,
        sentence=" ".join(_sentences(place, found, findings, accepted=accepted)),
        findings=findings,
        notes=found.notes,
        accepted=accepted,
    )


def _sentences(
    place: str, found: Audit, findings: Sequence[AuditFinding], *, accepted: bool
) -> Iterator[str]:
    if findings:
        yield f"The copies part: {findings[0].told}."
    elif not found.compared:
        whole = (
            f"is whole by itself: {found.entries} entries" if found.entries else "has no entries"
        )
        yield f"{place[0].upper()}{place[1:]} {whole}. Nothing here could be compared with it."
    elif not found.entries:
        yield f"{place[0].upper()}{place[1:]} has no entries yet."
    else:
        entries = "1 entry" if found.entries == 1 else f"{found.entries} entries"
        seals = (
            "1 seal here is the one" if found.seals == 1 else f"{found.seals} seals here are those"
        )
        yield f"{place[0].upper()}{place[1:]} is whole: {entries}, and {seals} that it notes."
    if found.entries and found.unvouched and not findings:
        yield f"Line {found.entries}, the last, is vouched for by nothing yet."
    if accepted:
        yield "This machine goes on from what is there now."
