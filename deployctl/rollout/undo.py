"""After a swap that must not stay: order the host's rollback, then prove what it brought back."""

import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from deployctl.engines.compose import look
from deployctl.engines.compose.inspected import parse_containers
from deployctl.engines.compose.job import RollbackOutcome
from deployctl.engines.releases import describe
from deployctl.errors import UNTOUCHED, UnreachableError
from deployctl.events import LogLine, RollbackEnded, RollbackStarted
from deployctl.evidence.run_directory import safe_name
from deployctl.gates import runner
from deployctl.gates.base import AnyGate, Observation
from deployctl.gates.verdict import held_before, verdict
from deployctl.host.connection import ProgramFailed
from deployctl.host.facts import ContainerState
from deployctl.host.waiting import reminded
from deployctl.result import Rollback
from deployctl.rollout import decide, user_steps
from deployctl.rollout.context import gate_context, keep_raw, record_containers, timing
from deployctl.rollout.meanwhile import confirmed_meanwhile, confirmer, told_first
from deployctl.rollout.resumed import RESTORE_SECONDS, once_more
from deployctl.rollout.session import Session, need
from deployctl.rollout.undone_steps import UndoneSteps, by_hand, names, noted

LOG_LINES = 400
SHOWN_LINES = 30
PROOF_MIN_HEALTHY = 2.0


NEEDS_A_PERSON = "A person is needed: the host may run the new release, the old one, or none."


@dataclass(frozen=True)
class Undone:
    """How an ordered rollback ended.

    `nothing`: nothing had been changed. `live`: the host had confirmed the release before the
    order came. `kept`: there is no way back, as a step that can't be undone has run, or the image
    of before is gone. `stuck`: what ran before is back, but what a step changed is not undone.
    The others are those of the result. `by_hand` is how a person undoes such steps.
    `by`: who confirmed it in the place of this client.
    """

    state: Literal["nothing", "live", "kept", "proven", "stuck", "failed", "unproven"]
    reason: str
    production: str = NEEDS_A_PERSON
    by_hand: str = ""
    by: str = ""


def undo(session: Session, reason: str) -> Undone:
    """Rolls back and proves it. Never raises: what it could not read is `unproven`."""
    began = time.monotonic()
    session.cancelled.set()
    reason = session.clean(reason)  # the host keeps it
    if confirmed_meanwhile(session):
        return _left_alone(session, reason)
    session.events.emit(RollbackStarted(reason=reason))
    steps = UndoneSteps()
    with session.recorder.stage("rollback") as note:
        try:
            undone = _undo(session, reason, steps)
        except Exception as error:  # noqa: BLE001 - whatever it is, what runs now is not known
            told = str(error) or type(error).__name__
            undone = Undone(
                "unproven", f"{reason}; what the rollback brought back could not be read: {told}"
            )
        undone = _with_steps(session, undone, steps)
        match undone.state:
            case "proven":
                note.detail = undone.state
            case "nothing" | "live":
                note.skip("nothing to put back")
            case "stuck":
                note.fail(f"{names(steps.stuck)} was not undone")
            case state:
                note.fail(state)
    rollback = _for_result(undone, int((time.monotonic() - began) * 1000))
    session.recorder.rollback = rollback
    session.events.emit(
        RollbackEnded(
            state=rollback.state, duration_ms=rollback.duration_ms or 0, detail=undone.reason
        )
    )
    return undone


def _for_result(undone: Undone, duration_ms: int) -> Rollback:
    match undone.state:
        case "live":
            return Rollback(reason=undone.reason)
        case "nothing":
            return Rollback(duration_ms=duration_ms, reason=undone.reason)
        case "kept":
            return Rollback(state="failed", duration_ms=duration_ms, reason=undone.reason)
        case "stuck":
            return Rollback(
                performed=True, state="unproven", duration_ms=duration_ms, reason=undone.reason
            )
        case state:
            return Rollback(
                performed=True, state=state, duration_ms=duration_ms, reason=undone.reason
            )


def _undo(session: Session, reason: str, steps: UndoneSteps) -> Undone:
    """The steps' own undo commands, then the host's order.

    The commands come first: they may need the new image, and the code of before must not meet
    what the steps changed. They cost an interrupted client seconds that it may not have; then the
    host rolls back by itself at its deadline, without them. Only where a confirmation was sent
    the order goes first: whether there is anything to undo is then for the host to say.
    """
    if not session.confirming:
        _undo_steps(session, steps)
    job = need(session.job, "a job")
    with reminded(lambda gone: _tell_waiting(session, gone, job.longest_rollback)):
        outcome = job.rollback(noted(reason, steps.stuck))
    reason = told_first(session, reason)
    if session.confirming and outcome.state == "rolled_back":
        _undo_steps(session, steps)
    _tell_last_words(session)
    for line in outcome.notes:
        session.note("warning", line)
    told = "; ".join((reason, *outcome.failures))
    match outcome.state:
        case "released":
            return Undone("nothing", reason, UNTOUCHED)
        case "confirmed":
            return Undone("live", reason) if session.confirming else _left_alone(session, reason)
        case "kept":
            return Undone(
                "kept",
                told,
                "The new release stays in place, although it was not proven good."
                if session.switching
                else "The switch had not begun: what ran before still runs; what a step of the "
                "playbook changed stays.",
            )
        case "rolled_back":
            return _prove(session, reason, outcome)
        case "rollback_failed":
            return Undone("failed", told)
        case _:
            return Undone(
                "unproven",
                f"{told}; the host did not say how its rollback ended",
                _left_to_the_host(session),
            )


def _tell_waiting(session: Session, gone: float, longest: float) -> None:
    if not session.hostlink.host.lost:  # else the link itself says until when it is sought
        session.note(
            "info",
            f"Waiting for the host, which puts back what held before: {gone:.0f} s so far, "
            f"{longest:.0f} s at most.",
        )


def _left_to_the_host(session: Session) -> str:
    """What it does where its last word was not heard. A job that is gone promises nothing, nor
    one on a host that would not start it again."""
    if need(session.job, "a job").gone or session.facts.guard == "none":
        return f"{NEEDS_A_PERSON} deployctl status says what the host does about it."
    return (
        "What the host runs now could not be read. As long as nobody confirms, it rolls back by "
        "itself; a person is needed to see that it has."
    )


def _left_alone(session: Session, reason: str) -> Undone:
    """Another command confirmed it: the release stays, and so does what steps changed for it."""
    facts = session.facts
    # What can't be read changes nothing of that.
    with suppress(UnreachableError, ProgramFailed, TimeoutError):
        record_containers(
            session,
            once_more(
                session, lambda: look.containers(session.hostlink, facts, session.settings.public)
            ),
        )
    return Undone("live", reason, by=confirmer(session))


def _undo_steps(session: Session, steps: UndoneSteps) -> None:
    """Latest first."""
    if session.unsafe_step:
        return  # what they changed belongs to the release that stays
    if any(step.where == "host" for step in session.undo_steps):
        with suppress(UnreachableError):
            session.hostlink.restore(RESTORE_SECONDS)
    for step in reversed(session.undo_steps):
        undone = user_steps.undo(session, step)
        (steps.done if undone else steps.stuck).append(step)


def _with_steps(session: Session, undone: Undone, steps: UndoneSteps) -> Undone:
    production = undone.production
    if steps.done and undone.state == "proven":
        production += f" What the step {names(steps.done)} changed was undone."
    if not steps.stuck:
        return replace(undone, production=production)
    back = undone.state in {"nothing", "proven"}
    return Undone(
        "stuck" if back else undone.state,
        f"{undone.reason}; what the step {names(steps.stuck)} changed could not be undone",
        f"{production} A person is needed to undo what the step {names(steps.stuck)} changed.",
        by_hand(steps.stuck, user_steps.facts_for_steps(session)),
    )


def _prove(session: Session, reason: str, outcome: RollbackOutcome) -> Undone:
    """By the gates that held before, and by image and container state in any case.

    The host's job has compared the Compose file itself, and notes an edit that it kept.
    """
    facts, services = session.facts, session.settings.services
    held = held_before(session.before)
    gates = tuple(g for g in session.gates if g.name in held and g.mode == "required")
    failed = _failed_gates(session, gates)
    after = once_more(
        session, lambda: look.containers(session.hostlink, facts, session.settings.public)
    )
    record_containers(session, after)
    wrong = "; ".join(filter(None, (failed, *decide.differences(facts, services, after))))
    if wrong:
        return Undone("unproven", f"{reason}; the host has rolled back, but {wrong}")
    previous = session.current or session.found
    production = decide.as_before(
        describe(previous) if previous else "What was there before",
        decide.job_services(facts, services),
        proven=bool(gates),
        foreign_edit=any(note.startswith("foreign-edit") for note in outcome.notes),
        repaired=session.repair is not None,
    )
    if not gates:
        reason = (
            f"{reason}; no gate held before, so the rollback is proven by image, file and "
            "container state only"
        )
    return Undone("proven", reason, production)


def _failed_gates(session: Session, gates: Sequence[AnyGate]) -> str:
    """Why the gates do not hold again; empty when they do, or there is none."""
    if not gates:
        return ""
    times = timing(session)
    images = decide.live_images(session.facts, session.settings.services)
    seen: dict[str, Observation] = {}
    results = runner.hold(
        gates,
        gate_context(session, images=images, sha=None, old_gone=True, baseline=session.baseline),
        min_healthy=min(PROOF_MIN_HEALTHY, times.min_healthy),
        deadline=times.deadline,
        when="rollback",
        events=session.events,
        cancelled=threading.Event(),
        observations=seen,
    )
    session.recorder.gates.extend(results)
    keep_raw(session, seen, "rollback")
    return verdict(results).reason


def _tell_last_words(session: Session) -> None:
    """What the host kept of the containers that were removed: shown in short, kept whole."""
    # What can't be told must not decide how the rollback ended.
    with suppress(Exception):
        for name, content in look.kept_evidence(
            session.hostlink, session.facts, session.settings.public, need(session.job, "a job").run
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
    with suppress(Exception):
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
