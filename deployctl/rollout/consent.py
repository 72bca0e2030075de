"""The approve stage: consent; with it the host's lock is taken and the outage's probe begins."""

from deployctl.engines.compose.job import Job, JobSpec, describe_holder
from deployctl.engines.compose.job_line import JobEvent
from deployctl.engines.compose.survey import read_about
from deployctl.errors import RefusedError
from deployctl.events import (
    Approved,
    LogLine,
    Switched,
)
from deployctl.rollout import decide
from deployctl.rollout.aside import aside
from deployctl.rollout.context import gate_context, timing
from deployctl.rollout.goal import pin_of
from deployctl.rollout.probe import service_of, start_probe
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.session import Session, need


def approve_stage(session: Session, note: StageNote) -> None:
    """Consent first: no lock is held, and nothing is measured, while a person decides."""
    plan = need(session.plan, "a plan")
    _require_evidence(session)
    approval = session.approve(need(session.ready, "a plan to show"))
    session.approved_by = approval.by
    session.events.emit(Approved(by=approval.by, how=approval.how, digest=plan.digest))
    note.detail = f"{approval.how} by {approval.by}"
    _start_probe(session)
    if plan.decisions.swap:
        _start_job(session)


def _require_evidence(session: Session) -> None:
    """A rollout whose plan already can't be kept could only end without a seal."""
    error = session.evidence.error
    if error is not None:
        raise RefusedError(
            f"The evidence can't be kept in {session.evidence.path}: {error.strerror}.",
            next_step="Free space there, or name another place with --evidence-dir.",
        )


def _start_job(session: Session) -> None:
    """Has the host take the lock and keep what a rollback needs, beside what else is done."""
    facts, settings = session.facts, session.settings
    goal = need(session.goal, "a release")
    own = sum(step.timeout for step in session.playbook.armed_steps)
    spec = JobSpec(
        run_id=session.run_id,
        state_dir=facts.state_dir,
        state_group=settings.host.operators_group or "",
        docker=facts.docker,
        compose_words=facts.compose_words,
        up_words=facts.up_words,
        project=facts.project,
        services=settings.services,
        live_after=goal.number,
        lock_wait=int(session.options.lock_wait),
        budget=timing(session).deadline + own + len(settings.services) * 120,
        about={
            "runId": session.run_id,
            "command": session.command,
            "revision": session.wanted or "",
            "sha": goal.sha,
            "release": goal.number,
            "by": session.options.operator,
            "at": session.recorder.started_at.isoformat(timespec="seconds"),
            "target": settings.target,
        },
        guard=facts.guard,
        public=settings.public,
        forward=session.command == "rollback",
    )
    job = Job(session.hostlink, spec.run, spec.state_group, lambda event: hear(session, event))
    session.job = job
    session.locked = locked = aside(lambda: job.start(spec))

    def prepare() -> None:
        locked.result()
        current = session.current or session.found
        job.stage(
            decide.job_services(facts, settings.services),
            session.edits,
            facts.dry_run,
            lambda service: pin_of(facts.project, service, current.number if current else "r0"),
        )
        job.backup()

    session.prepared = aside(prepare)


def hear(session: Session, event: JobEvent) -> None:
    if event.kind == "waiting":
        session.note("info", f"Waiting for the lock: {describe_holder(read_about(event.text))}.")
    elif event.kind == "container" and len(event.fields) == 3:
        service, container_id, image_id = event.fields
        session.events.emit(Switched(service=service, container_id=container_id, image_id=image_id))
        _probe_follows(session, service)
    elif event.kind == "state" and event.text.startswith("rolled_back"):
        if session.availability is not None:
            session.availability.moved()
    elif event.kind in {"note", "failed"}:
        session.engine_restarted |= event.fields[:1] == ("engine-restarted",)
        session.note("warning", event.text)
    session.events.emit(LogLine(source="host", text=" ".join((event.kind, *event.fields))))


def _probe_follows(session: Session, service: str) -> None:
    probe, settings = session.availability, session.settings
    if probe is None or settings.availability is None:
        return
    if service == service_of(settings.availability, settings.services):
        probe.mark_switch()


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
