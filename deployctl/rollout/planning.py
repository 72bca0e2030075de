"""The capture stage: what runs, what every gate says of it, and with that the immutable plan."""

import math
from dataclasses import replace

from deployctl import source
from deployctl.config.settings import SourceSettings
from deployctl.engines.compose import preflight
from deployctl.engines.compose.change import edits_for
from deployctl.engines.compose.layers import expected
from deployctl.engines.releases import ReleaseRecord
from deployctl.errors import ConfigError, RefusedError
from deployctl.events import (
    PlanReady,
)
from deployctl.gates import runner
from deployctl.gates.base import Observation
from deployctl.gates.build import build as build_gates
from deployctl.gates.verdict import held_before
from deployctl.result import GateResult, Release
from deployctl.rollout import decide
from deployctl.rollout.broken_file import planned_repair, repair_warnings
from deployctl.rollout.context import gate_context, keep_raw, record_release, timing
from deployctl.rollout.deadline import needs_of, too_short
from deployctl.rollout.goal import choose_goal
from deployctl.rollout.plan_document import (
    ChangedFile,
    Decisions,
    Plan,
    PlanFacts,
    PlannedCommit,
    PlannedLayer,
)
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.resumed import resumed
from deployctl.rollout.secret_values import build_secrets
from deployctl.rollout.session import Session, need
from deployctl.rollout.settings_digest import section_digests
from deployctl.rollout.steps import RunStep


def capture_stage(session: Session, note: StageNote) -> None:
    """What runs, what every gate says of it, and with that the immutable plan."""
    facts, settings = session.facts, session.settings
    session.gates = build_gates(settings.gates, settings.services, session.options.advisory)
    baseline: dict[str, Observation] = {}
    session.before = resumed(session, lambda: _look(session, baseline))
    session.baseline = baseline
    session.recorder.gates.extend(session.before)
    keep_raw(session, baseline, "before")
    session.current = decide.current(facts, settings.services)
    if session.current is None:
        session.found = decide.found_record(
            facts, settings.services, session.run_id, session.before
        )
    resumed(session, lambda: choose_goal(session))
    _refuse_unusable_gates(session)
    _refuse_short_deadline(session)
    _make_plan(session)
    held = held_before(session.before)
    note.detail = f"{len(held)} of {len(session.gates)} gates hold now"


def _look(session: Session, seen: dict[str, Observation]) -> tuple[GateResult, ...]:
    # The survey is a moment old: no need to ask Docker again.
    ctx = gate_context(session, images={}, sha=None)
    ctx = replace(ctx, containers=session.facts.containers_of)
    return tuple(runner.look(session.gates, ctx, "before", session.events, observations=seen))


def _refuse_unusable_gates(session: Session) -> None:
    """What no release can mend would end in a swap and a rollback for want of proof."""
    unusable = decide.unusable_gates(session.gates, session.before, session.baseline)
    if not unusable:
        return
    told = "; ".join(f"{result.name}: {result.reason}" for result in unusable)
    if session.options.accept_drift is not None:
        # What the Compose file says beyond the image is applied as well, and may mend it.
        session.note("warning", f"Gates that can't work as things are: {told}.")
        return
    raise RefusedError(
        f"Gates that are required can't work: {told}.",
        next_step="Correct the gate or the host, or go without it this once: "
        f"--advisory {unusable[0].name} --reason TEXT",
    )


def _refuse_short_deadline(session: Session) -> None:
    """Nor could what takes longer to prove than it may take."""
    session.needs = needs_of(session.gates, session.baseline)
    times = timing(session)
    told = too_short(times, session.needs)
    if told:
        ample = max(need.ample for need in session.needs.values()) + times.min_healthy
        raise RefusedError(
            f"No release could be proven in time: {told}.",
            next_step=f"Set the deadline to {math.ceil(ample)}s or more, or leave it out: then it "
            "follows from the gates.",
        )


def _make_plan(session: Session) -> None:
    facts, settings, options = session.facts, session.settings, session.options
    goal = need(session.goal, "a release")
    swap = (
        session.current is None
        or goal.number != session.current.number
        or decide.down(facts, settings.services)
    )
    if swap:
        session.edits = edits_for(facts.files, session.images)
    current = session.current or session.found
    times = timing(session)
    decisions = Decisions(
        command=session.playbook.kind,
        target=settings.target,
        project=facts.project,
        strategy=settings.rollout.strategy,
        playbook=session.playbook.name,
        playbook_digest=session.playbook.digest,
        commit=_planned_commit(session),
        image=session.images[settings.services[0]],
        release=goal.number,
        previous=decide.planned_release(current),
        services=decide.planned_services(decide.job_services(facts, settings.services)),
        files=decide.planned_files(session.edits),
        gates=decide.planned_gates(session.gates, options.advisory),
        min_healthy_ms=int(times.min_healthy * 1000),
        deadline_ms=int(times.deadline * 1000),
        swap=swap,
        build=session.command == "hotfix"
        and swap
        and (options.rebuild or session.build_digest not in facts.built),
        settings=section_digests(settings),
        advisory=dict(options.advisory),
        accept_drift=options.accept_drift,
        repair=planned_repair(session),
        guard=facts.guard,
    )
    if decisions.build:
        _check_secrets(session)
    session.plan = Plan(digest=decisions.digest, decisions=decisions, facts=_facts(session))
    session.recorder.plan_digest = decisions.digest
    record_release(session)
    session.recorder.previous = _previous(current, settings.services[0])
    session.ready = PlanReady(
        digest=decisions.digest,
        plan=session.plan.model_dump(mode="json", by_alias=True),
        diff="".join(
            [session.repair.diff if session.repair else "", *(e.diff for e in session.edits)]
        ),
    )
    session.evidence.write_json("plan.json", session.ready.plan)
    for number, edit in enumerate(session.edits, 1):
        session.evidence.write_bytes(f"compose.{number}.before.yml", edit.before)
        session.evidence.write_bytes(f"compose.{number}.after.yml", edit.after)
        if edit.found is not None:
            session.evidence.write_bytes(f"compose.{number}.broken.yml", edit.found)
    session.evidence.write_text("compose.diff", session.ready.diff)
    session.events.emit(session.ready)


def _check_secrets(session: Session) -> None:
    """A build secret that is not there stops the run before anybody approves it."""
    try:
        build_secrets(session.settings.source)
    except ConfigError as error:
        if not session.dry:
            raise
        session.note("warning", error.what)


def _previous(current: ReleaseRecord | None, service: str) -> Release | None:
    """Shown by its first service, or by another where that one has no container."""
    if current is None:
        return None
    shown = current.services.get(service) or next(iter(current.services.values()))
    return Release(
        number=current.number,
        sha=current.sha,
        image=shown.image,
        image_id=shown.image_id,
        source_digest=current.source_digest,
    )


def _planned_commit(session: Session) -> PlannedCommit | None:
    if session.commit is None or session.package is None:
        return None
    return PlannedCommit(
        sha=session.commit.sha,
        short=session.commit.short,
        subject=session.commit.subject,
        source_digest=session.package.source_digest,
        build_digest=session.build_digest,
    )


def _facts(session: Session) -> PlanFacts:
    facts, settings = session.facts, session.settings
    changed: tuple[tuple[str, str], ...] | None = None
    layers: tuple[PlannedLayer, ...] = ()
    if session.commit is not None:
        known = session.current.sha if session.current else None
        listed = source.changed_files(
            settings.repository, known, session.commit.sha, settings.source
        )
        changed = None if listed is None else tuple(listed)
        layers = _layers(session.commit, settings.source, changed)
    return PlanFacts(
        changed=None
        if changed is None
        else tuple(ChangedFile(status=status, path=path) for status, path in changed),
        files=session.package.files if session.package else 0,
        archive_bytes=session.package.size if session.package else 0,
        layers=layers,
        before=tuple(_seen_before(result) for result in session.before),
        rollback=decide.FORWARD_STORY
        if session.command == "rollback"
        else decide.rollback_story(
            session.current or session.found,
            session.before,
            tuple(step for step in session.playbook.armed_steps if isinstance(step, RunStep)),
            repaired=session.repair is not None,
        ),
        warnings=(*preflight.warnings(facts, settings.services), *repair_warnings(session)),
        compared=session.repair.compared if session.repair else (),
        committed_at=session.commit.committed_at if session.commit else None,
    )


def _seen_before(result: GateResult) -> str:
    reason = f" ({result.reason})" if result.state != "pass" and result.reason else ""
    return f"{result.name}: {result.state}{reason}"


def _layers(
    commit: source.Commit,
    settings: SourceSettings,
    changed: tuple[tuple[str, str], ...] | None,
) -> tuple[PlannedLayer, ...]:
    if changed is None:
        return ()
    text = source.read_dockerfile(commit, settings)
    return tuple(
        PlannedLayer(instruction=layer.instruction, cached=layer.cached)
        for layer in expected(text, [path for _, path in changed])
    )
