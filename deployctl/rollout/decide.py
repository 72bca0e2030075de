"""From a request and a survey to the plan. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job import Held, JobService
from deployctl.engines.compose.survey import Survey
from deployctl.engines.releases import (
    ReleaseRecord,
    ServiceImage,
    describe,
    image_ids,
    next_number,
    running,
)
from deployctl.events import utc_now
from deployctl.gates.base import AnyGate, Observation
from deployctl.gates.runner import Unobserved
from deployctl.gates.verdict import held_before
from deployctl.host.facts import ContainerState
from deployctl.result import GateResult
from deployctl.rollout.plan_document import (
    PlannedFile,
    PlannedGate,
    PlannedRelease,
    PlannedService,
)
from deployctl.rollout.steps import RunStep


def live_images(survey: Survey, services: Sequence[str]) -> dict[str, str]:
    """service -> image ID, for the services that have a container to go back to."""
    return {
        service: containers[0].image_id
        for service in services
        if (containers := survey.restorable(service))
    }


def current(survey: Survey, services: Sequence[str]) -> ReleaseRecord | None:
    """The release that is live, if it is what runs."""
    return running(survey.releases, survey.live, live_images(survey, services), services)


def found_record(
    survey: Survey, services: Sequence[str], run_id: str, before: Sequence[GateResult]
) -> ReleaseRecord | None:
    """What runs, as a release of its own; None where nothing does."""
    images = live_images(survey, services)
    if not images:
        return None
    left_by = _left_by(survey, images)
    return ReleaseRecord(
        number=next_number(survey.releases),
        subject=f"left by run {left_by}, not proven good" if left_by else "found by deployctl",
        left_by=left_by,
        services={
            service: ServiceImage(
                image=survey.containers_of(service)[0].image_ref, image_id=image_id
            )
            for service, image_id in images.items()
        },
        previous=survey.live or None,
        run_id=run_id,
        by="deployctl",
        at=utc_now(),
        gates=tuple(sorted(held_before(before))),
    )


def _left_by(survey: Survey, images: Mapping[str, str]) -> str | None:
    """The run that left these images in place, without a proof."""
    for left in reversed(survey.left):
        its = image_ids(left.release)
        if all(its.get(service) == image_id for service, image_id in images.items()):
            return left.run_id
    return None


def kept_images(*records: ReleaseRecord | None) -> dict[str, str]:
    """reference -> image ID, of the releases whose tags must not move."""
    return {
        service.image: service.image_id
        for record in records
        if record is not None
        for service in record.services.values()
    }


def job_services(survey: Survey, services: Sequence[str]) -> tuple[JobService, ...]:
    """What the host's job compares with, and goes back to."""
    planned = []
    for service in services:
        there, containers = survey.containers_of(service), survey.restorable(service)
        planned.append(
            JobService(
                name=service,
                scale=len(there),
                container_ids=tuple(c.id for c in there),
                image_id=containers[0].image_id if containers else "",
                image_ref=containers[0].image_ref if containers else "",
                config_hashes=tuple(c.config_hash for c in there),
                held=held(containers),
            )
        )
    return tuple(planned)


def held(containers: Sequence[ContainerState]) -> Held:
    """A service that crash-loops, or is paused, counts as running."""
    if not containers:
        return "absent"
    up = any(c.status in {"running", "restarting", "paused"} for c in containers)
    return "running" if up else "stopped"


def down(survey: Survey, services: Sequence[str]) -> bool:
    """Whether one of the services has containers, and none of them runs."""
    return any(held(survey.containers_of(service)) == "stopped" for service in services)


def differences(
    survey: Survey, services: Sequence[str], after: Sequence[ContainerState]
) -> tuple[str, ...]:
    """What of the services isn't as the survey found it: state, number, images."""
    found = []
    for service in services:
        was = survey.restorable(service)
        now = [c for c in after if c.service == service]
        if held(now) != held(was):
            found.append(f"{service} is {held(now)}, and was {held(was)}")
        elif len(now) != len(was):
            found.append(f"{service} has {len(now)} containers, and had {len(was)}")
        elif {c.image_id for c in now} != {c.image_id for c in was}:
            found.append(f"{service} runs another image than before")
    return tuple(found)


def unusable_gates(
    gates: Sequence[AnyGate], before: Sequence[GateResult], seen: Mapping[str, Observation]
) -> tuple[GateResult, ...]:
    """Required gates that could not even look, for a reason that no release can mend.

    Such is an unset variable, a refused forwarding, an address that isn't there. What was judged
    `error` from an answer (the old release wants credentials) is not: the new one may answer
    otherwise. Nor is what was only not reached.
    """
    required = {gate.name for gate in gates if gate.mode == "required"}
    return tuple(
        result
        for result in before
        if result.name in required
        and result.state == "error"
        and isinstance(seen.get(result.name), Unobserved)
    )


def planned_services(services: Sequence[JobService]) -> tuple[PlannedService, ...]:
    return tuple(
        PlannedService(
            name=service.name,
            container_ids=service.container_ids,
            image_id=service.image_id or None,
            image_ref=service.image_ref or None,
            config_hashes=service.config_hashes,
            scale=service.scale,
            state=service.held,
        )
        for service in services
    )


def planned_files(edits: Sequence[Edit]) -> tuple[PlannedFile, ...]:
    return tuple(
        PlannedFile(
            path=edit.path, before_sha256=edit.before_sha256, after_sha256=edit.after_sha256
        )
        for edit in edits
    )


def planned_gates(gates: Sequence[AnyGate], advisory: Mapping[str, str]) -> tuple[PlannedGate, ...]:
    return tuple(
        PlannedGate(
            name=gate.name,
            service=gate.service,
            mode="advisory" if gate.name in advisory else gate.mode,
            threshold=gate.threshold,
        )
        for gate in gates
    )


def planned_release(record: ReleaseRecord | None) -> PlannedRelease | None:
    if record is None:
        return None
    first = next(iter(record.services.values()))
    return PlannedRelease(
        number=record.number, sha=record.sha, image=first.image, image_id=first.image_id
    )


FORWARD_STORY = (
    "A rollback is finished, never undone: if a gate does not pass, the release stays in place, "
    "the exit code is 22, and a person decides."
)


def rollback_story(
    current: ReleaseRecord | None,
    before: Sequence[GateResult],
    steps: Sequence[RunStep] = (),
    *,
    repaired: bool = False,
) -> str:
    """What a rollback would do. `steps` are those that run while the host is armed; `repaired`:
    the Compose file is broken, so it isn't what a rollback goes back to."""
    file = "the reconstructed Compose file" if repaired else "the Compose file byte by byte"
    return " ".join((_put_back_story(current, before, file), *_steps_story(steps)))


def _steps_story(steps: Sequence[RunStep]) -> Iterator[str]:
    undone = [step.name for step in steps if step.undo is not None]
    unsafe = [step.name for step in steps if step.rollback == "unsafe"]
    if undone:
        yield (
            f"Before that, this client runs the commands that undo {', '.join(undone)}; a host "
            "that has lost its client rolls back without them."
        )
    if unsafe:
        yield f"Once {' or '.join(unsafe)} has begun, nothing is rolled back: it is unsafe."


def _put_back_story(current: ReleaseRecord | None, before: Sequence[GateResult], file: str) -> str:
    names = ", ".join(sorted(held_before(before)))
    if current is None:
        return f"A failed gate removes the new container again, and brings back {file}."
    proof = (
        f"proven by the gates that hold now ({names})"
        if names
        else "proven by image, file and container state, as no gate holds now"
    )
    return f"A failed gate brings back {describe(current)}, {file}, {proof}."


def as_before(
    name: str,
    services: Sequence[JobService],
    *,
    proven: bool,
    foreign_edit: bool,
    repaired: bool = False,
) -> str:
    """What production is in after a rollback that brought back what the survey found.

    `proven`: gates said so. `foreign_edit`: somebody else's edit of the Compose file was kept.
    """
    states = {service.held for service in services}
    if states == {"running"}:
        told = f"{name} {'serves' if proven else 'runs'} again, the image and containers of before"
    elif states == {"stopped"}:
        told = f"{name} is in place again, stopped as it was before"
    elif states == {"absent"}:
        told = "The new container was removed: there was none before"
    else:
        each = ", ".join(f"{service.name} {service.held}" for service in services)
        told = f"Each service is again as it was before ({each})"
    if foreign_edit:
        file = (
            "the Compose file keeps what somebody else edited meanwhile, with the image of before "
            "in it"
        )
    elif repaired:
        file = "the broken Compose file is replaced by its reconstruction, with the image of before"
    else:
        file = "the Compose file is as before"
    return f"{told}; {file}."
