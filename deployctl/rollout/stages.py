"""deployctl's own stages. Each takes the session a step further, or raises and ends the run."""

import time
from collections.abc import Callable
from contextlib import suppress

from deployctl.engines.compose import build as builder
from deployctl.engines.compose import look
from deployctl.engines.compose.job import Job, SwapRefusedError
from deployctl.engines.releases import (
    ServiceImage,
    find,
)
from deployctl.errors import UnreachableError, UntouchedError
from deployctl.events import (
    LogLine,
    Progress,
)
from deployctl.gates import runner
from deployctl.gates.base import Observation
from deployctl.host.connection import ProgramFailed
from deployctl.host.facts import ContainerState
from deployctl.rollout import decide, holding
from deployctl.rollout.aside import aside
from deployctl.rollout.checks import preflight_stage
from deployctl.rollout.consent import approve_stage
from deployctl.rollout.context import (
    gate_context,
    keep_raw,
    record_containers,
    record_release,
    timing,
)
from deployctl.rollout.meaning import require_turn
from deployctl.rollout.outcome import raise_unless_proven
from deployctl.rollout.planning import capture_stage
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.resumed import RESTORE_SECONDS, once_more, resumed
from deployctl.rollout.retain import look_ahead
from deployctl.rollout.secret_values import build_secrets
from deployctl.rollout.session import Session, need

CONNECT_SECONDS = 15.0
"""for the second connection, which the gates have left time enough"""


def ship_stage(session: Session, note: StageNote) -> None:
    plan, package = need(session.plan, "a plan"), need(session.package, "a package")
    if not plan.decisions.build:
        note.skip("the host has the image already" if plan.decisions.swap else "live already")
        return
    until = time.monotonic() + timing(session).ship_timeout
    resumed(session, lambda: _send(session, until))
    note.detail = f"{package.files} files, {session.recorder.shipped_bytes} bytes"


def _send(session: Session, until: float) -> None:
    """Brings the package to the host, under the lock; all bytes that are sent for it count."""
    holding.hold(session)
    recorder, package = session.recorder, need(session.package, "a package")
    before, offset = recorder.shipped_bytes, -1

    def progress(done: int, total: int) -> None:
        nonlocal offset
        offset = done if offset < 0 else offset
        recorder.shipped_bytes = before + done - offset
        session.events.emit(Progress(stage="ship", done_bytes=done, total_bytes=total))

    builder.ship(
        session.hostlink,
        package,
        session.facts.state_dir,
        progress=progress,
        timeout=max(until - time.monotonic(), 1.0),
    )


def build_stage(session: Session, note: StageNote) -> None:
    plan, settings = need(session.plan, "a plan"), session.settings
    if not plan.decisions.swap:
        session.image_ids = decide.live_images(session.facts, settings.services)
        record_release(session)
        note.skip("live already")
        return
    reference = session.images[settings.services[0]]
    if plan.decisions.build:
        commit, package = need(session.commit, "a commit"), need(session.package, "a package")
        request = builder.BuildRequest(
            image=reference,
            labels=builder.labels(commit.sha, package.source_digest, session.build_digest),
            settings=settings.source,
            secrets=build_secrets(settings.source),
            docker=session.facts.docker,
            user=session.facts.user,
            buildx=session.facts.buildx,
            state_dir=session.facts.state_dir,
            state_group=settings.host.operators_group or "",
            docker_root=session.facts.docker_root,
            timeout=timing(session).build_timeout,
        )
        build = builder.Build(
            package,
            request,
            lambda line: session.events.emit(LogLine(source="build", text=line)),
        )
        shipped_for = session.jobs
        image_id = resumed(session, lambda: _follow(session, build, shipped_for))
        note.detail = f"{reference} {image_id[:19]}"
    else:
        image_id = session.facts.built[session.build_digest]
        resumed(session, lambda: _tag(session, image_id, reference))
        note.skip(f"{reference}: an image with this build digest is on the host ({image_id[:19]})")
    session.image_ids = dict.fromkeys(settings.services, image_id)
    goal = need(session.goal, "a release")
    session.goal = goal.model_copy(
        update={
            "services": {
                service: ServiceImage(image=reference, image_id=image_id)
                for service in settings.services
            }
        }
    )
    record_release(session)


def _follow(session: Session, build: builder.Build, shipped_for: int) -> str:
    holding.hold(session)
    if session.jobs != shipped_for:
        # While nobody held the lock, others may have cleared what was sent.
        _send(session, time.monotonic() + timing(session).ship_timeout)
    return build.follow(session.hostlink, need(session.job, "a job").run)


def _tag(session: Session, image_id: str, reference: str) -> None:
    holding.hold(session)
    builder.tag(
        session.hostlink,
        session.facts.docker,
        image_id,
        reference,
        run=need(session.job, "a job").run,
        state_group=session.settings.host.operators_group or "",
    )


def backup_stage(session: Session, note: StageNote) -> None:
    if session.prepared is None:
        note.skip("nothing is swapped")
        return
    resumed(session, lambda: holding.ready(session))
    note.detail = f"{len(session.edits)} file(s) kept, the running image pinned"


def arm_stage(session: Session, note: StageNote) -> None:
    if session.job is None:
        note.skip("nothing is swapped")
        return
    resumed(session, lambda: holding.ready(session))
    resumed(session, lambda: require_turn(session))
    job = need(session.job, "a job")
    records = [record for record in (session.found, session.goal) if record is not None]
    new = [record for record in records if find(session.facts.releases, record.number) is None]
    # From the order on it may be armed, whether or not we hear of it.
    session.armed = True
    try:
        job.arm(new)
    except (SwapRefusedError, UntouchedError):
        session.armed = False
        raise
    note.detail = (
        "the host finishes it by itself if this client goes"
        if session.command == "rollback"
        else "the host rolls back by itself without a confirmation"
    )


def swap_stage(session: Session, note: StageNote) -> None:
    if session.job is None:
        note.skip("nothing is swapped")
        return
    session.switching = True
    session.job.swap()
    note.detail = "the new container was started"


def gate_stage(session: Session, note: StageNote) -> None:
    times = timing(session)
    swapped = session.job is not None
    if swapped:
        # New since the switch, and ready when the gates are.
        session.fresh = aside(session.hostlink.fresh)
        look_ahead(session)
    seen: dict[str, Observation] = {}
    results = runner.hold(
        session.gates,
        gate_context(
            session,
            images=session.image_ids,
            sha=session.goal.sha if session.goal else None,
            old_gone=True,  # also where nothing was swapped: nothing older is there
            baseline=session.baseline,
        ),
        min_healthy=times.min_healthy if swapped else 0.0,
        deadline=times.deadline,
        when="after",
        events=session.events,
        cancelled=session.cancelled,
        observations=seen,
    )
    session.recorder.gates.extend(results)
    keep_raw(session, seen, "after")
    raise_unless_proven(results)
    note.detail = f"{len(results)} gates hold"


def confirm_stage(session: Session, note: StageNote) -> None:
    # The look at the containers doesn't wait for the fresh connection, nor that one for the look.
    looking = aside(lambda: once_more(session, lambda: _containers(session)))
    if session.job is None:
        session.confirmed = True
        record_containers(session, looking.result())
        note.skip("nothing was swapped")
    else:
        # From the order on it may be confirmed, whether or not we hear of it.
        session.confirming = True
        _confirm(session, session.job)
        session.confirmed, session.armed = True, False
        note.detail = "the host says confirmed"
        record_containers(session, looking.result())
        _tell_moved(session)


def _containers(session: Session) -> tuple[ContainerState, ...]:
    return look.containers(session.hostlink, session.facts, session.settings.public)


def _confirm(session: Session, job: Job) -> None:
    """Over the connection that was made meanwhile, if it still works; else over another.

    A confirmation that is given twice is confirmed; one that comes too late the host refuses.
    """
    made, session.fresh = session.fresh, None
    if made is not None:
        with suppress(UnreachableError, ProgramFailed, TimeoutError):
            job.confirm(made.result(CONNECT_SECONDS))
            return
    with suppress(UnreachableError, TimeoutError):
        job.confirm(session.hostlink.fresh())
        return
    session.hostlink.restore(RESTORE_SECONDS)
    job.confirm(session.hostlink.fresh())


def _tell_moved(session: Session) -> None:
    moved = [other.service for other in session.recorder.untouched if not other.same]
    if moved:
        session.note(
            "warning",
            f"Containers that this run did not touch changed meanwhile: {', '.join(moved)}.",
        )


STAGES: dict[str, Callable[[Session, StageNote], None]] = {
    "preflight": preflight_stage,
    "capture": capture_stage,
    "approve": approve_stage,
    "ship": ship_stage,
    "build": build_stage,
    "backup": backup_stage,
    "arm": arm_stage,
    "swap": swap_stage,
    "gate": gate_stage,
    "confirm": confirm_stage,
}
