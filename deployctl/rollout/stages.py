"""deployctl's own stages. Each takes the session a step further, or raises and ends the run."""

from collections.abc import Callable, Mapping

from deployctl import source
from deployctl.config.settings import RolloutSettings, SourceSettings
from deployctl.engines.compose import build as builder
from deployctl.engines.compose import look, preflight, survey
from deployctl.engines.compose.change import edits_for
from deployctl.engines.compose.job import Job, JobEvent, JobSpec, describe_holder, read_holder
from deployctl.engines.compose.layers import expected
from deployctl.engines.releases import (
    ReleaseRecord,
    ServiceImage,
    describe,
    find,
    next_number,
    resolve,
    running,
)
from deployctl.errors import LockedError, RefusedError
from deployctl.events import (
    Approved,
    LogLine,
    PlanReady,
    Progress,
    Switched,
    utc_now,
)
from deployctl.evidence.run_directory import safe_name
from deployctl.gates import runner
from deployctl.gates.base import GateContext, Observation
from deployctl.gates.build import build as build_gates
from deployctl.gates.verdict import held_before
from deployctl.host.link import Link
from deployctl.result import Release, ServiceResult
from deployctl.rollout import decide, world
from deployctl.rollout.address import host_address
from deployctl.rollout.outcome import raise_unless_proven
from deployctl.rollout.plan_document import (
    ChangedFile,
    Decisions,
    Plan,
    PlanFacts,
    PlannedCommit,
    PlannedLayer,
)
from deployctl.rollout.probe import start_probe
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.secret_values import build_secrets
from deployctl.rollout.session import Session, need, scratch_path
from deployctl.rollout.steps import RunStep

PIN = "deployctl-pin"


def preflight_stage(session: Session, note: StageNote) -> None:
    """The commit, then the host: everything that can refuse before anything is shown."""
    _check_options(session)
    question = survey.Question(probe_write=not session.dry)
    if session.command == "hotfix":
        _pack(session)
        question = survey.Question(probe_write=not session.dry, build_digest=session.build_digest)
    session.link = Link(host_address(session.settings.host))
    session.survey = survey.take(session.link.host, session.settings, question)
    _check_host(session)
    for warning in preflight.warnings(session.facts, session.settings.services):
        session.note("warning", warning)
    note.detail = (
        f"{session.link.host.label}, Docker {session.facts.engine_version}, "
        f"Compose {session.facts.compose_version}"
    )


def _check_options(session: Session) -> None:
    settings, options = session.settings, session.options
    for word, used in (("advisory", options.advisory), ("accept-drift", options.accept_drift)):
        if used and word in settings.forbid:
            raise RefusedError(f"The target {settings.target} forbids --{word}.")


def _pack(session: Session) -> None:
    commit = source.resolve(session.settings.repository, need(session.wanted, "a revision"))
    for line in commit.notes:
        session.note("warning", line)
    package = source.pack(commit, session.settings.source, scratch_path(session))
    for line in package.notes:
        session.note("warning", line)
    session.commit, session.package = commit, package
    session.build_digest = builder.build_digest(package.source_digest, session.settings.source)


def _check_host(session: Session) -> None:
    facts, options = session.facts, session.options
    if facts.locked and not options.lock_wait and not session.dry:
        raise LockedError(
            f"Another rollout is running: {describe_holder(facts.lock_holder or {})}.",
            next_step="Wait for it (--lock-wait 5m), or look at it: deployctl status",
        )
    preflight.raise_for(
        preflight.judge(
            facts,
            session.settings.services,
            accept_drift=options.accept_drift is not None,
            may_recover=session.command == "rollback",
        )
    )


def capture_stage(session: Session, note: StageNote) -> None:
    """What runs, what every gate says of it, and with that the immutable plan."""
    facts, settings = session.facts, session.settings
    session.gates = build_gates(settings.gates, settings.services, session.options.advisory)
    baseline: dict[str, Observation] = {}
    session.before = tuple(
        runner.look(
            session.gates,
            gate_context(session, images={}, sha=None),
            "before",
            session.events,
            observations=baseline,
        )
    )
    session.baseline = baseline
    session.recorder.gates.extend(session.before)
    keep_raw(session, baseline, "before")
    live = decide.live_images(facts, settings.services)
    session.current = running(facts.releases, facts.live, live)
    if session.current is None:
        session.found = decide.found_record(
            facts, settings.services, session.run_id, session.before
        )
    _choose_goal(session)
    if session.command == "rollback":
        judge_by_what_held(session)
    _make_plan(session)
    held = held_before(session.before)
    note.detail = f"{len(held)} of {len(session.gates)} gates hold now"


def _choose_goal(session: Session) -> None:
    if session.command == "hotfix":
        _goal_of_hotfix(session)
    else:
        _goal_of_rollback(session)


def _goal_of_hotfix(session: Session) -> None:
    facts, settings = session.facts, session.settings
    commit, package = need(session.commit, "a commit"), need(session.package, "a package")
    current = session.current or session.found
    name = preflight.image_name(facts, settings.services[0], settings.image)
    kept = decide.kept_images(current, before_of(session, current))
    reference = preflight.image_reference(name, commit.short, session.build_digest, facts, kept)
    session.images = dict.fromkeys(settings.services, reference)
    same = (
        session.current is not None
        and session.current.sha == commit.sha
        and session.current.build_digest == session.build_digest
        and not session.options.rebuild
    )
    if same:
        session.goal = session.current
        return
    records = [*facts.releases, *([session.found] if session.found else [])]
    session.goal = ReleaseRecord(
        number=next_number(records),
        sha=commit.sha,
        subject=commit.subject,
        source_digest=package.source_digest,
        build_digest=session.build_digest,
        services={
            service: ServiceImage(image=reference, image_id="") for service in settings.services
        },
        previous=current.number if current else None,
        run_id=session.run_id,
        by=session.options.operator,
        at=utc_now(),
        gates=tuple(sorted(gate.name for gate in session.gates if gate.mode == "required")),
    )


def judge_by_what_held(session: Session) -> None:
    """An earlier release is judged by the gates that held for it; it may know no others."""
    held = set(need(session.goal, "a release").gates)
    for gate in session.gates:
        if gate.name not in held and not gate.name.startswith("container"):
            gate.mode = "advisory"


def before_of(session: Session, record: ReleaseRecord | None) -> ReleaseRecord | None:
    if record is None or record.previous is None:
        return None
    return find(session.facts.releases, record.previous)


def _goal_of_rollback(session: Session) -> None:
    facts, settings = session.facts, session.settings
    current = session.current or session.found
    goal = resolve(facts.releases, current, session.wanted)
    if current is not None and goal.number == current.number:
        raise RefusedError(
            f"{describe(goal)} is what runs already.",
            next_step="deployctl history shows the other releases.",
        )
    missing = sorted(set(settings.services) - set(goal.services))
    if missing:
        raise RefusedError(
            f"{describe(goal)} has no image for {', '.join(missing)}.",
            next_step="deployctl history shows the other releases.",
        )
    references = {
        service: (goal.services[service].image, pin_of(facts.project, service, goal.number))
        for service in settings.services
    }
    known = look.image_ids(
        session.hostlink, facts, sorted({ref for pair in references.values() for ref in pair})
    )
    for service, pair in references.items():
        wanted = goal.services[service].image_id
        usable = [reference for reference in pair if known[reference] == wanted]
        if not usable:
            raise RefusedError(
                f"The image of {service} in {describe(goal)} ({wanted}) is not on the host any "
                "more.",
                next_step=f"deployctl hotfix --sha {goal.sha[:7]}"
                if goal.sha
                else "deployctl history shows the other releases.",
            )
        session.images[service] = usable[0]
        session.image_ids[service] = wanted
    session.goal = goal


def pin_of(project: str, service: str, number: str) -> str:
    """The tag that keeps a release's image from being pruned, whatever its own tag does."""
    return f"{PIN}/{project}-{service}:{number}".lower()


def _make_plan(session: Session) -> None:
    facts, settings, options = session.facts, session.settings, session.options
    goal = need(session.goal, "a release")
    swap = session.current is None or goal.number != session.current.number
    if swap:
        session.edits = edits_for(
            facts.files, [(service, session.images[service]) for service in settings.services]
        )
    current = session.current or session.found
    times = timing(session)
    decisions = Decisions(
        command=session.command,
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
        and (options.rebuild or not facts.built_image_id),
        advisory=dict(options.advisory),
        accept_drift=options.accept_drift,
    )
    session.plan = Plan(digest=decisions.digest, decisions=decisions, facts=_facts(session))
    session.recorder.plan_digest = decisions.digest
    session.recorder.release = _release_result(goal, session.images[settings.services[0]])
    if current is not None:
        first = current.services[settings.services[0]]
        session.recorder.previous = Release(
            number=current.number,
            sha=current.sha,
            image=first.image,
            image_id=first.image_id,
            source_digest=current.source_digest,
        )
    document = session.plan.model_dump(mode="json", by_alias=True)
    diff = "".join(edit.diff for edit in session.edits)
    session.evidence.write_text("plan.json", session.plan.model_dump_json(by_alias=True, indent=2))
    for number, edit in enumerate(session.edits, 1):
        session.evidence.write_bytes(f"compose.{number}.before.yml", edit.before)
        session.evidence.write_bytes(f"compose.{number}.after.yml", edit.after)
    session.evidence.write_text("compose.diff", diff)
    session.events.emit(PlanReady(digest=decisions.digest, plan=document, diff=diff))


def _release_result(goal: ReleaseRecord, image: str) -> Release:
    return Release(number=goal.number, sha=goal.sha, image=image, source_digest=goal.source_digest)


def timing(session: Session) -> RolloutSettings:
    """How long each part may take: the playbook's word, else the settings'."""
    return session.playbook.timing(session.settings.rollout)


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
        before=tuple(f"{result.name}: {result.state}" for result in session.before),
        rollback=decide.rollback_story(session.current or session.found, session.before),
        warnings=preflight.warnings(facts, settings.services),
    )


def _layers(
    commit: source.Commit,
    settings: SourceSettings,
    changed: tuple[tuple[str, str], ...] | None,
) -> tuple[PlannedLayer, ...]:
    if changed is None:
        return ()
    text = source.read_file(commit, settings, settings.dockerfile)
    return tuple(
        PlannedLayer(instruction=layer.instruction, cached=layer.cached)
        for layer in expected(text, [path for _, path in changed])
    )


def approve_stage(session: Session, note: StageNote) -> None:
    plan = need(session.plan, "a plan")
    document = plan.model_dump(mode="json", by_alias=True)
    diff = "".join(edit.diff for edit in session.edits)
    approval = session.approve(PlanReady(digest=plan.digest, plan=document, diff=diff))
    session.approved_by = approval.by
    session.events.emit(Approved(by=approval.by, how=approval.how, digest=plan.digest))
    note.detail = f"{approval.how} by {approval.by}"
    if plan.decisions.swap:
        _start_job(session)
    _start_probe(session)


def _start_job(session: Session) -> None:
    """From here on the host holds the lock; nothing was locked while a person decided."""
    facts, settings = session.facts, session.settings
    goal = need(session.goal, "a release")
    own = sum(
        stage.params.timeout
        for stage in session.playbook.stages
        if isinstance(stage.params, RunStep)
    )
    spec = JobSpec(
        run_id=session.run_id,
        state_dir=facts.state_dir,
        state_group=settings.host.operators_group or "",
        docker=facts.docker,
        compose_words=facts.compose_words,
        up_words=facts.up_words,
        project=facts.project,
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
        public=settings.public,
        forward=session.command == "rollback",
    )
    job = Job(session.hostlink, spec, lambda event: hear(session, event))
    session.job = job
    job.start()


def hear(session: Session, event: JobEvent) -> None:
    if event.kind == "waiting":
        session.note("info", f"Waiting for the lock: {describe_holder(read_holder(event.text))}.")
    elif event.kind in {"note", "failed"}:
        session.note("warning", event.text)
    session.events.emit(LogLine(source="host", text=" ".join((event.kind, *event.fields))))


def _start_probe(session: Session) -> None:
    settings = session.settings.availability
    if settings is None:
        session.note("info", "No availability endpoint is configured: the outage isn't measured.")
        return
    session.availability = start_probe(
        settings,
        gate_context(session, images={}, sha=None),
        lambda: session.hostlink.host.alive(),
        session.events,
    )


def ship_stage(session: Session, note: StageNote) -> None:
    plan, package = need(session.plan, "a plan"), need(session.package, "a package")
    if not plan.decisions.build:
        note.skip("the host has the image already" if plan.decisions.swap else "live already")
        return
    session.recorder.shipped_bytes = builder.ship(
        session.hostlink,
        package,
        session.facts.state_dir,
        progress=lambda done, total: session.events.emit(
            Progress(stage="ship", done_bytes=done, total_bytes=total)
        ),
        timeout=timing(session).ship_timeout,
    )
    note.detail = f"{package.files} files, {session.recorder.shipped_bytes} bytes"


def build_stage(session: Session, note: StageNote) -> None:
    plan, settings = need(session.plan, "a plan"), session.settings
    if not plan.decisions.swap:
        session.image_ids = decide.live_images(session.facts, settings.services)
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
            buildx=session.facts.buildx,
            state_dir=session.facts.state_dir,
            run_id=session.run_id,
            timeout=timing(session).build_timeout,
        )
        image_id = builder.build(
            session.hostlink,
            package,
            request,
            lambda line: session.events.emit(LogLine(source="build", text=line)),
        )
        note.detail = f"{reference} {image_id[:19]}"
    else:
        image_id = session.facts.built_image_id
        builder.tag(session.hostlink, session.facts.docker, image_id, reference)
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


def backup_stage(session: Session, note: StageNote) -> None:
    if session.job is None:
        note.skip("nothing is swapped")
        return
    facts = session.facts
    current = session.current or session.found
    records = [record for record in (session.found, session.goal) if record is not None]
    new = [record for record in records if find(facts.releases, record.number) is None]
    session.job.stage(
        decide.job_services(facts, session.settings.services),
        session.edits,
        new,
        lambda service: pin_of(facts.project, service, current.number if current else "r0"),
    )
    session.job.backup()
    note.detail = f"{len(session.edits)} file(s) kept, the running image pinned"


def arm_stage(session: Session, note: StageNote) -> None:
    if session.job is None:
        note.skip("nothing is swapped")
        return
    # From the order on it may be armed, whether or not we hear of it.
    session.armed = True
    session.job.arm()
    note.detail = "the host rolls back by itself without a confirmation"


def swap_stage(session: Session, note: StageNote) -> None:
    if session.job is None:
        note.skip("nothing is swapped")
        return
    if session.availability is not None:
        session.availability.mark_switch()
    session.job.swap()
    after = look.containers(session.hostlink, session.facts)
    for service in session.settings.services:
        for container in (c for c in after if c.service == service):
            session.events.emit(
                Switched(service=service, container_id=container.id, image_id=container.image_id)
            )
            note.detail = f"{container.name} {container.id[:12]}"


def gate_stage(session: Session, note: StageNote) -> None:
    times = timing(session)
    swapped = session.job is not None
    seen: dict[str, Observation] = {}
    results = runner.hold(
        session.gates,
        gate_context(
            session,
            images=session.image_ids,
            sha=session.goal.sha if session.goal else None,
            old_gone=swapped,
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
    facts, settings = session.facts, session.settings
    after = look.containers(session.hostlink, facts)
    session.recorder.services = [
        ServiceResult(name=c.service, container_id=c.id, image_id=c.image_id)
        for c in after
        if c.service in settings.services
    ]
    session.recorder.untouched = list(look.untouched(facts.containers, after, settings.services))
    if session.recorder.release is not None:
        session.recorder.release = session.recorder.release.model_copy(
            update={"image_id": session.image_ids.get(settings.services[0])}
        )
    if session.job is None:
        note.skip("nothing was swapped")
        return
    moved = [other.service for other in session.recorder.untouched if not other.same]
    if moved:
        session.note(
            "warning",
            f"Containers that this run did not touch changed meanwhile: {', '.join(moved)}.",
        )
    session.job.confirm()
    note.detail = "the host says confirmed"


def gate_context(
    session: Session,
    *,
    images: dict[str, str],
    sha: str | None,
    old_gone: bool = False,
    baseline: Mapping[str, Observation] | None = None,
) -> GateContext:
    return world.context(
        session.hostlink,
        session.facts,
        session.settings.services,
        expected_images=images,
        expected_sha=sha,
        old_gone=old_gone,
        baseline=baseline or {},
        client_host=session.settings.host.host,
        public=session.settings.public,
    )


def keep_raw(session: Session, seen: Mapping[str, Observation], when: str) -> None:
    """Every gate's last raw answers, as evidence."""
    for gate, observation in seen.items():
        for number, answer in enumerate(observation.raw, 1):
            session.evidence.write_bytes(
                f"gates/{safe_name(gate)}.{when}.{number}.txt", answer.body
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
