"""Which release this run is to make live, and under which image reference."""

from deployctl.engines.compose import look, preflight
from deployctl.engines.pins import pin_of
from deployctl.engines.releases import (
    ReleaseRecord,
    ServiceImage,
    before,
    describe,
    find,
    next_number,
    resolve,
)
from deployctl.errors import RefusedError
from deployctl.events import (
    utc_now,
)
from deployctl.rollout import decide
from deployctl.rollout.session import Session, need


def choose_goal(session: Session) -> None:
    """Sets the session's goal, images and (for a rollback) image IDs. Raises RefusedError."""
    if session.command == "hotfix":
        _goal_of_hotfix(session)
    else:
        _goal_of_rollback(session)
        _judge_by_what_held(session)


def _goal_of_hotfix(session: Session) -> None:
    facts, settings = session.facts, session.settings
    commit, package = need(session.commit, "a commit"), need(session.package, "a package")
    last = _last(session)
    live = session.current
    if (
        live is not None
        and live.sha == commit.sha
        and live.build_digest == session.build_digest
        and not session.options.rebuild
    ):
        session.goal = live
        session.images = {service: live.services[service].image for service in settings.services}
        return
    name = preflight.image_name(facts, settings.services[0], settings.image)
    kept = decide.kept_images(last, before(facts.releases, last) if last else None)
    reference = preflight.image_reference(
        name,
        commit.short,
        session.build_digest,
        facts,
        kept,
        rebuild=session.options.rebuild,
    )
    session.images = dict.fromkeys(settings.services, reference)
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
        previous=last.number if last else None,
        run_id=session.run_id,
        by=session.options.operator,
        at=utc_now(),
        gates=tuple(sorted(gate.name for gate in session.gates if gate.mode == "required")),
    )


def _judge_by_what_held(session: Session) -> None:
    """An earlier release is judged by the gates that held for it; it may know no others."""
    held = set(need(session.goal, "a release").gates)
    for gate in session.gates:
        if gate.name not in held and not gate.name.startswith("container"):
            gate.mode = "advisory"


def _last(session: Session) -> ReleaseRecord | None:
    """What the goal comes after: what runs, or what was live last where nothing runs."""
    facts = session.facts
    return session.current or session.found or find(facts.releases, facts.live)


def _goal_of_rollback(session: Session) -> None:
    facts, settings = session.facts, session.settings
    current = session.current or session.found
    goal = resolve(facts.releases, _last(session), session.wanted)
    same = current is not None and goal.number == current.number
    if same and not decide.down(facts, settings.services):
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
                "more; somebody pruned it with the container that held it.",
                next_step=f"deployctl hotfix --sha {goal.sha[:7]}"
                if goal.sha
                else "deployctl history shows the other releases.",
            )
        session.images[service] = usable[0]
        session.image_ids[service] = wanted
    session.goal = goal
