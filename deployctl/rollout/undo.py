"""After a swap that must not stay: order the host's rollback, then prove what it brought back."""

import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from deployctl.engines.compose import look
from deployctl.engines.compose.job import RollbackOutcome
from deployctl.engines.compose.survey import parse_containers
from deployctl.errors import DeployctlError, UnreachableError
from deployctl.events import LogLine, RollbackEnded, RollbackStarted
from deployctl.evidence.run_directory import safe_name
from deployctl.gates import runner
from deployctl.gates.base import Observation
from deployctl.gates.verdict import held_before, verdict
from deployctl.host.connection import ProgramFailed
from deployctl.host.facts import ContainerState
from deployctl.result import Rollback
from deployctl.rollout import decide, user_steps
from deployctl.rollout.context import gate_context, keep_raw, record_containers
from deployctl.rollout.session import Session

LOG_LINES = 400
SHOWN_LINES = 30
PROOF_MIN_HEALTHY = 2.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def undo(session: Session, reason: str) -> Rollback:
    """Rolls back and proves it. Never raises for what the host or the link do."""
    began = time.monotonic()
    session.cancelled.set()
    with uninterrupted(session):
        session.events.emit(RollbackStarted(reason=reason))
        with session.recorder.stage("rollback") as note:
            try:
                rollback = _undo(session, reason, began)
            except (UnreachableError, ProgramFailed, TimeoutError) as error:
                rollback = Rollback(
                    performed=True,
                    state="unproven",
                    duration_ms=_ms(began),
                    reason=f"{reason}; what the rollback brought back could not be read: {error}",
                )
            note.detail = rollback.state
        session.events.emit(
            RollbackEnded(state=rollback.state, duration_ms=_ms(began), detail=rollback.reason)
        )
    return rollback


def _undo(session: Session, reason: str, began: float) -> Rollback:
    if session.unsafe_step:
        return Rollback(
            performed=False,
            state="failed",
            duration_ms=_ms(began),
            reason=f"{reason}; not rolled back, because the step {session.unsafe_step!r} has run "
            "and is declared `rollback: unsafe`",
        )
    for step, command in reversed(session.undo_commands):
        user_steps.undo(session, step, command)
    job = session.job
    outcome = job.rollback(reason) if job is not None else RollbackOutcome("unknown")
    duration = _ms(began)
    tell_last_words(session)
    if outcome.state == "released":
        return Rollback(performed=False, state="none", duration_ms=duration, reason=reason)
    if outcome.state != "rolled_back":
        told = "; ".join(outcome.failures) or "the host did not say how its rollback ended"
        return Rollback(
            performed=True,
            state="failed" if outcome.state == "rollback_failed" else "unproven",
            duration_ms=duration,
            reason=f"{reason}; {told}",
        )
    for line in outcome.notes:
        session.note("warning", line)
    return _prove(session, reason, duration)


def _prove(session: Session, reason: str, duration: int) -> Rollback:
    """By the gates that held before; by image, file and container state where none did."""
    held = held_before(session.before)
    gates = tuple(g for g in session.gates if g.name in held and g.mode == "required")
    images = decide.live_images(session.facts, session.settings.services)
    if not gates:
        return Rollback(
            performed=True,
            state="proven",
            duration_ms=duration,
            reason=f"{reason}; no gate held before, so the rollback is proven by image, file and "
            "container state only",
        )
    seen: dict[str, Observation] = {}
    results = runner.hold(
        gates,
        gate_context(session, images=images, sha=None, old_gone=True, baseline=session.baseline),
        min_healthy=min(PROOF_MIN_HEALTHY, session.settings.rollout.min_healthy),
        deadline=session.settings.rollout.deadline,
        when="rollback",
        events=session.events,
        cancelled=threading.Event(),
        observations=seen,
    )
    session.recorder.gates.extend(results)
    keep_raw(session, seen, "rollback")
    record_containers(
        session, look.containers(session.hostlink, session.facts, session.settings.public)
    )
    found = verdict(results)
    if found.state != "pass":
        return Rollback(
            performed=True,
            state="unproven",
            duration_ms=duration,
            reason=f"{reason}; the container of before runs again, but {found.reason}",
        )
    return Rollback(performed=True, state="proven", duration_ms=duration, reason=reason)


def tell_last_words(session: Session) -> None:
    """What the host kept of the containers that were removed: shown in short, kept whole."""
    if session.job is None:
        return
    with suppress(DeployctlError, ProgramFailed, TimeoutError):
        for name, content in look.kept_evidence(
            session.hostlink, session.facts, session.settings.public, session.job.run
        ).items():
            session.evidence.write_bytes(f"host/{safe_name(name)}", content)
            text = content.decode("utf-8", "replace")
            if name.endswith(".inspect.json"):
                _tell_containers(session, parse_containers(text))
            elif name.startswith("failed."):
                _tell_lines(session, text)


def tell_container_logs(session: Session) -> None:
    """The last words of containers that stay where they are."""
    if session.link is None or session.survey is None:
        return
    settings = session.settings
    with suppress(DeployctlError, ProgramFailed, TimeoutError):
        found = look.containers(session.link, session.survey, settings.public)
        _tell_containers(session, tuple(c for c in found if c.service in settings.services))
        for service in settings.services:
            told = look.last_lines(
                session.link, session.survey, settings.public, service, LOG_LINES
            )
            for _, text in told:
                _tell_lines(session, text)


def _tell_containers(session: Session, containers: Sequence[ContainerState]) -> None:
    for container in containers:
        told = f"{container.name}: {container.status}, health {container.health}"
        if container.status == "exited":
            told += f", exit code {container.exit_code}"
        if container.oom_killed:
            told += ", killed for want of memory"
        if container.error:
            told += f", {container.error}"
        session.events.emit(LogLine(source="container", text=told))
        for line in container.health_log[-3:]:
            session.events.emit(LogLine(source="container", text=f"health check: {line}"))


def _tell_lines(session: Session, text: str) -> None:
    for line in collapse(text.splitlines())[-SHOWN_LINES:]:
        session.events.emit(LogLine(source="container", text=line))


@contextmanager
def uninterrupted(session: Session) -> Iterator[None]:
    """Ctrl-C and SIGTERM wait: a rollback that has begun goes on to its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(_signal: int, _frame: object) -> None:
        session.note("warning", "Interrupted: the rollback goes on to its end first.")

    handlers = {number: signal.signal(number, hear) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def collapse(lines: Sequence[str]) -> list[str]:
    """Lines that differ only in their numbers become one, where the last of them stands.

    The probes of gates and availability fill an access log many times a second.
    """
    last: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for line in lines:
        shape = re.sub(r"\d+", "0", line)
        last.pop(shape, None)
        last[shape] = line
        counts[shape] += 1
    return [
        line if counts[shape] == 1 else f"{line}  (and {counts[shape] - 1} like it)"
        for shape, line in last.items()
    ]


def _ms(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
