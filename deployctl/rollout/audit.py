"""`deployctl audit`: the host's journal against every copy of the evidence that is at hand."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployctl.config.settings import Settings
from deployctl.engines import host_journal
from deployctl.engines.compose import survey
from deployctl.engines.compose.refusals import refusing
from deployctl.errors import ExitCode, RefusedError, UsageError
from deployctl.evidence import chain, known_journal
from deployctl.evidence import seal as seal_file
from deployctl.evidence.audit import Audit, Copy, SealCopy
from deployctl.evidence.audit import audit as compare
from deployctl.evidence.known_journal import NOTHING, Known
from deployctl.evidence.people import same_host
from deployctl.evidence.run_directory import safe_name, state_home
from deployctl.evidence.statement import read_seal
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout.address import host_address
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
    sentence: str
    findings: tuple[AuditFinding, ...]
    """the first is where the copies part"""
    notes: tuple[str, ...]
    accepted: bool = False


@dataclass(frozen=True)
class Asked:
    """What is compared. Without `dirs` it is this machine's own evidence of the target."""

    dirs: tuple[Path, ...] = ()
    accept: bool = False
    """the host's journal of now is what this machine knows of it from now on"""


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
    found = _compare(journal, settings.target, asked, known, label)
    if asked.accept:
        _accept(path, data, known)
    return _document(settings.target, journal.place, found, faults, accepted=asked.accept)


def audit_copy(journal: Path, target: str | None, asked: Asked) -> AuditDocument:
    """Without a host: `journal` is a copy of its journal. Raises UsageError."""
    try:
        copy = Copy(str(journal), journal.read_bytes())
    except OSError as error:
        raise UsageError(
            f"The journal {journal} can't be read: {error.strerror}.",
            next_step="Give the path of a copy of the host's journal.jsonl.",
        ) from error
    paths: list[Path] = []
    if target is not None:
        folder = state_home(os.environ) / "journals" / safe_name(target)
        paths = sorted(folder.glob("*.json"))
    known, faults = _recall(paths)
    found = _compare(copy, target, asked, known, None)
    return _document(target, copy.place, found, faults)


def _compare(
    journal: Copy, target: str | None, asked: Asked, known: Sequence[Known], host: str | None
) -> Audit:
    own = state_home(os.environ) / "evidence"
    dirs = asked.dirs or ((own / safe_name(target),) if target is not None else ())
    for folder in asked.dirs:
        if not folder.is_dir():
            raise UsageError(
                f"There is no directory {folder}.", next_step="Name one with copies of evidence."
            )
    files = sorted(file for folder in dirs for file in folder.rglob("*") if file.is_file())
    replaced = {each for one in known for each in one.replaced}
    seals = [
        copy
        for file in files
        if file.name == seal_file.NAME
        and (copy := _seal(file, target, host)) is not None
        and not (copy.journal and str(copy.journal.get("id")).removeprefix("sha256:") in replaced)
    ]
    others = [Copy(str(file), file.read_bytes()) for file in files if file.name == chain.NAME]
    return compare(journal, others, seals, known)


def _seal(file: Path, target: str | None, host: str | None) -> SealCopy | None:
    """None for one of another target, or of a host of another name."""
    try:
        sealed = read_seal(file)
    except (OSError, ValueError) as error:
        return SealCopy(str(file), "", "", None, None, fault=str(error))
    result, context = (sealed.predicate.get(name) for name in ("result", "context"))
    result = result if isinstance(result, dict) else {}
    context = context if isinstance(context, dict) else {}
    if target is not None and result.get("target") != target:
        return None
    if host is not None and not same_host(str(context.get("host")), host):
        return None
    journal, previous = (sealed.predicate.get(name) for name in ("journal", "previousSeal"))
    return SealCopy(
        place=str(file),
        digest=sealed.digest,
        run=str(result.get("runId")),
        journal=journal if isinstance(journal, dict) else None,
        previous=str(previous.get("digest")) if isinstance(previous, dict) else None,
    )


def _recall(paths: Sequence[Path]) -> tuple[list[Known], list[str]]:
    """What is known, and which records of that can't be read."""
    found, faults = [], []
    for path in paths:
        try:
            found.append(known_journal.recall(path))
        except (OSError, ValueError, TypeError) as error:
            faults.append(f"what this machine knew can't be read from {path}: {error}")
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
    return AuditDocument(
        exit_code=int(ExitCode.REFUSED if findings and not accepted else ExitCode.SEALED),
        target=target,
        journal=place,
        entries=found.entries,
        seals=found.seals,
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
    elif not found.entries:
        yield f"{place[0].upper()}{place[1:]} has no entries yet."
    else:
        yield (
            f"{place[0].upper()}{place[1:]} is whole: {found.entries} entries, and {found.seals} "
            "seals here are the ones that it notes."
        )
    if accepted:
        yield "This machine goes on from what is there now."
