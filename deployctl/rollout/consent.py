"""The approve stage: consent; with it the host's lock is taken and the outage's probe begins."""

from deployctl.errors import RefusedError
from deployctl.events import Approved
from deployctl.rollout import holding
from deployctl.rollout.context import gate_context
from deployctl.rollout.probe import start_probe
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.resumed import resumed
from deployctl.rollout.session import Session, need


def approve_stage(session: Session, note: StageNote) -> None:
    """Consent first: no lock is held, and nothing is measured, while a person decides."""
    plan = need(session.plan, "a plan")
    _require_evidence(session)
    approval = session.approve(need(session.ready, "a plan to show"))
    session.approved_by, session.approved_how = approval.by, approval.how
    session.approvals = approval.signatures
    for name, data in approval.artefacts:
        session.evidence.write_bytes(name, data)
    session.events.emit(Approved(by=approval.by, how=approval.how, digest=plan.digest))
    note.detail = f"{approval.how} by {approval.by}"
    # A person may have thought for longer than the link lasted.
    resumed(session, session.hostlink.require)
    _start_probe(session)
    if plan.decisions.swap:
        holding.start(session)


def _require_evidence(session: Session) -> None:
    """A rollout whose plan already can't be kept could only end without a seal."""
    error = session.evidence.error
    if error is not None:
        raise RefusedError(
            f"The evidence can't be kept in {session.evidence.path}: {error.strerror}.",
            next_step="Free space there, or name another place with --evidence-dir.",
        )


def _start_probe(session: Session) -> None:
    settings = session.settings.availability
    if settings is None:
        session.note("info", "No availability endpoint is configured: the outage isn't measured.")
        return
    session.availability = start_probe(
        settings,
        gate_context(session, images={}, sha=None),
        session.facts.containers_of,
        session.events,
        scarce=lambda: session.hostlink.host.scarce,
    )
