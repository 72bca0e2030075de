"""The host's job of a run: it holds the lock and keeps what a rollback needs, beside what else is
done. A job that gave up, because its client was away for too long, is replaced by another."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

from deployctl.engines.compose.job import Job, JobSpec, describe_holder, ended_by
from deployctl.engines.compose.job_line import JobEvent, JobGoneError
from deployctl.engines.compose.survey import read_about
from deployctl.engines.pins import pin_of
from deployctl.errors import LockedError, UntouchedError
from deployctl.events import LogLine, Switched
from deployctl.rollout import decide
from deployctl.rollout.aside import aside
from deployctl.rollout.context import timing
from deployctl.rollout.loss import is_loss
from deployctl.rollout.probe import service_of
from deployctl.rollout.session import Session, need

OWN_LOCK_SECONDS = 30
"""for which a later job of this run waits for an earlier one to let go"""


def start(session: Session) -> None:
    """Has the host take the lock, and keep what a rollback needs."""
    session.jobs += 1
    goal = need(session.goal, "a release")
    spec = _spec(session, goal.number, goal.sha)
    job = Job(session.hostlink, spec.run, spec.state_group, lambda event: hear(session, event))
    job.phase = session.recorder.current
    session.job = job
    session.locked = locked = aside(lambda: job.start(spec))

    def prepare() -> None:
        locked.result()
        _prepare(session, job)

    session.prepared = aside(prepare)


@contextmanager
def alone(session: Session) -> Iterator[None]:
    """Nobody else begins meanwhile: the host's job holds the lock, and is ordered nothing.

    Where that can't be had (a full disk, or somebody else proves the same), it goes on without.
    """
    job = _guarding(session)
    try:
        yield
    finally:
        if job is not None:
            job.release()


def _guarding(session: Session) -> Job | None:
    session.jobs += 1
    spec = replace(_spec(session, session.facts.live, None), lock_wait=0, proves=True)
    job = Job(session.hostlink, spec.run, spec.state_group, lambda event: hear(session, event))
    job.phase = session.recorder.current
    try:
        job.start(spec)
    except (LockedError, UntouchedError) as error:
        job.close()
        session.note("warning", f"What serves is proven without the host's lock. {error.what}")
        return None
    session.job = job
    return job


def hold(session: Session) -> None:
    """Waits for the lock, over a link that is there.

    Raises LockedError, LinkLostError, JobGoneError, and what the host has refused by now.
    """
    job, locked = session.job, session.locked
    if job is None or locked is None:
        if session.link is not None:
            session.link.require()
        return
    locked.result()
    session.hostlink.require()
    if session.prepared is not None and session.prepared.done():
        session.prepared.result()
    if job.gone:
        raise JobGoneError("The host's job has ended.")


def ready(session: Session) -> None:
    """As `hold`, and waits until what a rollback needs is kept."""
    hold(session)
    if session.prepared is not None:
        session.prepared.result()


def renew(session: Session) -> None:
    """After a loss: the job of before goes on if it is still there, or another takes its place.

    Only in the place of one that gave this client up: what ended it otherwise (`deployctl unlock`,
    a killed process) is not worked around. Raises UntouchedError, UnreachableError, ProgramFailed.
    """
    job, locked, prepared = session.job, session.locked, session.prepared
    if job is None or _failed(locked):
        return
    if not _lost(locked) and job.lives():
        if _lost(prepared):
            session.prepared = aside(lambda: _prepare(session, job))
        return
    if not _lost(locked) and not job.gave_up:
        raise UntouchedError(
            f"The host's job was ended there ({job.end or 'it did not say why'}).",
            next_step="deployctl status",
        )
    job.close()
    session.note(
        "warning",
        "The host has given the lock back meanwhile: it is taken again, and what a rollback needs "
        "is kept anew.",
    )
    start(session)


def hear(session: Session, event: JobEvent) -> None:
    if event.kind == "state" and (by := ended_by(event.text)):
        session.evidence.people.meet(by)
    if event.kind == "waiting":
        holder = read_about(event.text)
        session.waited |= not str(holder.get("runId", "")).startswith(session.run_id)
        session.note("info", f"Waiting for the lock: {describe_holder(holder)}.")
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


def _spec(session: Session, release: str, sha: str | None) -> JobSpec:
    facts, settings = session.facts, session.settings
    own = sum(step.timeout for step in session.playbook.armed_steps)
    again = session.jobs > 1
    run_id = f"{session.run_id}-{session.jobs}" if again else session.run_id
    return JobSpec(
        run_id=run_id,
        state_dir=facts.state_dir,
        state_group=settings.host.operators_group or "",
        docker=facts.docker,
        compose_words=facts.compose_words,
        up_words=facts.up_words,
        project=facts.project,
        services=settings.services,
        live_after=release,
        lock_wait=max(int(session.options.lock_wait), OWN_LOCK_SECONDS if again else 0),
        budget=timing(session).deadline + own + len(settings.services) * 120,
        about={
            "runId": run_id,
            "command": session.command,
            "revision": session.wanted or "",
            "sha": sha,
            "release": release,
            "by": session.options.operator,
            "at": session.recorder.started_at.isoformat(timespec="seconds"),
            "target": settings.target,
        },
        journal={"command": session.command, "release": release, "sha": sha},
        guard=facts.guard,
        engine=facts.engine_mark,
        running=facts.running,
        public=settings.public,
        forward=session.command == "rollback",
    )


def _prepare(session: Session, job: Job) -> None:
    facts, settings = session.facts, session.settings
    current = session.current or session.found
    job.stage(
        decide.job_services(facts, settings.services),
        session.edits,
        facts.dry_run,
        lambda service: pin_of(facts.project, service, current.number if current else "r0"),
    )
    job.backup()


def _failure(future: "Future[None] | None") -> BaseException | None:
    return future.exception() if future is not None and future.done() else None


def _lost(future: "Future[None] | None") -> bool:
    """Whether it ended by a loss: then it is to be done again."""
    error = _failure(future)
    return error is not None and is_loss(error, lambda: True)


def _failed(future: "Future[None] | None") -> bool:
    """Whether it ended by what no other connection would mend."""
    return _failure(future) is not None and not _lost(future)
