"""The end of a run's evidence: what goes into the seal, its signature, its place in the journal.

Nothing here changes how a run ends, but for evidence that could not be kept, or not be signed where
that is required (73).
"""

import os
import platform
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from deployctl.engines import host_journal
from deployctl.engines.host_journal import OpenJournal, Seen
from deployctl.errors import RefusedError, UnreachableError
from deployctl.evidence.ci_facts import ci_facts
from deployctl.evidence.names import with_names
from deployctl.evidence.predicate import (
    Approval,
    Circumstances,
    Client,
    JournalRef,
    NamedDigest,
    PreviousSeal,
    Source,
)
from deployctl.evidence.seal import SealError, seal
from deployctl.evidence.statement import read_seal
from deployctl.host.connection import ProgramFailed
from deployctl.result import Result, SealRef
from deployctl.rollout import known_journal
from deployctl.rollout.approved_plan import policy_record
from deployctl.rollout.session import Session
from deployctl.rollout.signing import key_for_seal

NOT_HAD = (UnreachableError, ProgramFailed, TimeoutError, OSError)


def seal_run(session: Session, draft: Result) -> SealRef:
    """Writes the seal, and notes it in the host's journal. Raises SealError."""
    book = _open(session)
    try:
        settings = session.settings.model_dump(mode="json")
        session.evidence.write_json("settings.json", session.evidence.people.hidden_in(settings))
        plan = session.plan.model_dump(mode="json", by_alias=True) if session.plan else {}
        key = key_for_seal(session)
        reference = seal(
            session.evidence, draft, plan, _context(session), _circumstances(session, book), key
        )
        if book is not None:
            _note(session, book, reference)
        elif _belongs(session):
            _keep_for_later(session, reference)
    finally:
        if book is not None:
            book.close()
    _require_signed(session, reference)
    return reference


def _context(session: Session) -> dict[str, Any]:
    survey = session.survey
    said = ci_facts(os.environ)
    reviews = None
    if "reviews" in said:
        from deployctl.rollout.github_reviews import github_reviews  # noqa: PLC0415

        reviews = github_reviews(os.environ, said["reviews"])
    commit = session.commit
    return {
        "asked": _asked(session),
        "commit": commit.sha if commit is not None else "",
        "operator": session.options.operator,
        "host": session.link.host.label if session.link else session.settings.host.host,
        "approvedBy": session.approved_by,
        "approval": policy_record(session.settings.approval),
        "ciSays": said,
        "ciReviews": reviews,
        "dockerVersion": survey.engine_version if survey else "",
        "composeVersion": survey.compose_version if survey else "",
    }


def _asked(session: Session) -> str:
    """What was typed, as far as it says what to do: a refused run has no plan to tell it."""
    if session.ending is not None:
        return f"{session.command} --run {session.ending}"
    if session.wanted is None:
        return session.command
    option = "--to" if session.command == "rollback" else "--sha"
    return f"{session.command} {option} {session.wanted}"


def _circumstances(session: Session, book: OpenJournal | None) -> Circumstances:
    seen = _seen(session, book)
    commit, package = session.commit, session.package
    return Circumstances(
        client=client(os.environ),
        playbook=NamedDigest(name=session.playbook.name, digest=session.playbook.digest),
        source=Source(
            commit=commit.sha, digest=package.source_digest, build_digest=session.build_digest
        )
        if commit is not None and package is not None
        else None,
        approval=Approval(
            how=session.approved_how,
            by=session.approved_by,
            plan_digest=session.plan.digest if session.plan else None,
        )
        if session.approved_by
        else None,
        approvals=tuple(dict(signature) for signature in session.approvals),
        diff=session.ready.diff if session.ready else "",
        journal=_reference(seen),
        previous_seal=PreviousSeal(digest=seen.seal) if seen.seal else None,
    )


def client(env: Mapping[str, str]) -> Client:
    """From where this runs; in CI with the job's address."""
    job = env.get("CI_JOB_URL")
    if "GITHUB_RUN_ID" in env:
        server = env.get("GITHUB_SERVER_URL", "https://github.com")
        job = f"{server}/{env.get('GITHUB_REPOSITORY', '')}/actions/runs/{env['GITHUB_RUN_ID']}"
    return Client(
        host=socket.gethostname(),
        user=env.get("USER") or env.get("LOGNAME") or f"uid {os.getuid()}",
        system=f"{platform.system()} {platform.machine()}",
        run=job,
    )


def _seen(session: Session, book: OpenJournal | None) -> Seen:
    if book is not None:
        return book.seen
    return session.survey.journal if session.survey is not None else host_journal.NOTHING


def _reference(seen: Seen) -> JournalRef | None:
    head = seen.head
    if head is None:
        return None
    before = seen.head_before or head.digest
    return JournalRef(
        id=f"sha256:{head.journal}",
        seq=head.seq,
        head_before=f"sha256:{before}",
        head_after=f"sha256:{head.digest}",
    )


# -- the host's journal -----------------------------------------------------------------------


def _belongs(session: Session) -> bool:
    """Whether the journal gets this seal: of runs that held the lock or put another's back, and of
    those that found their release live. What was only refused or planned leaves nothing there."""
    locked = session.locked
    held = locked is not None and locked.done() and locked.exception() is None
    put_back = session.recorder.rollback.state != "none"
    return not session.dry and (held or put_back or session.confirmed)


def _open(session: Session) -> OpenJournal | None:
    if session.link is None or session.survey is None or not _belongs(session):
        return None
    run = session.job.run.rpartition("/")[2] if session.job is not None else ""
    group = session.settings.host.operators_group or ""
    try:
        session.link.require()
        return OpenJournal(
            session.link.host, session.survey.state_dir, group, run, session.known_journal.unnoted
        )
    except NOT_HAD as error:
        _warn(session, error)
        return None


def _note(session: Session, book: OpenJournal, reference: SealRef) -> None:
    """With those that earlier runs could not note."""
    known = session.known_journal
    seals = [*known.unnoted, (session.run_id, reference.digest)]
    try:
        now, failed = book.add(session.run_id, reference.digest)
    except NOT_HAD as error:
        _warn(session, error)
        _keep_for_later(session, reference)
        return
    if failed:
        session.note(
            "warning",
            "The host's journal did not take this run's seal: its disk may be full. The next run "
            "notes it.",
        )
    place = known_journal.place(session.settings, session.hostlink.host)
    left = tuple(each for each in seals if each[0] in failed)
    try:
        known_journal.remember(place, now, known, left)
    except OSError as error:
        session.note("warning", f"How far the host's journal is known here was not kept: {error}.")


def _keep_for_later(session: Session, reference: SealRef) -> None:
    if session.link is None:
        return
    # Whoever has lost the link may have no disk either: this is a convenience.
    with suppress(OSError, RefusedError, *NOT_HAD):
        known_journal.remember_unnoted(
            known_journal.place(session.settings, session.link.host),
            session.known_journal,
            session.run_id,
            reference.digest,
        )


def _warn(session: Session, error: Exception) -> None:
    told = getattr(error, "what", None) or str(error) or type(error).__name__
    session.note(
        "warning",
        f"This run's seal could not be noted in the host's journal ({told.rstrip('.')}); the next "
        "run notes it.",
    )


# -- the signature ----------------------------------------------------------------------------


def _require_signed(session: Session, reference: SealRef) -> None:
    """A plain word where there is no signature; where one is required that is no seal.

    Of a run that reached no host nothing is to be proven.
    """
    path = Path(reference.path)
    why = with_names(path.parent, read_seal(path).predicate).get("unsignedBecause")
    if why is None or session.link is None:
        return
    if session.settings.signing.required:
        raise SealError(
            f"The evidence in {reference.path} is complete, but not signed: {why}.",
            production="The rollout is done and stays as it is; only its evidence is unsigned.",
            next_step="Mend that (`signing:` in the settings), then run the same hotfix again: a "
            "live release is only checked and sealed.",
        )
    session.note("warning", f"The evidence is not signed: {why}.")
