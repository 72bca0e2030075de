"""From a request and a survey to the plan. Pure."""

from collections.abc import Mapping, Sequence

from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job import JobService
from deployctl.engines.compose.survey import Survey
from deployctl.engines.releases import ReleaseRecord, ServiceImage, describe, next_number
from deployctl.events import utc_now
from deployctl.gates.base import AnyGate
from deployctl.gates.verdict import held_before
from deployctl.result import GateResult
from deployctl.rollout.plan_document import (
    PlannedFile,
    PlannedGate,
    PlannedRelease,
    PlannedService,
)


def live_images(survey: Survey, services: Sequence[str]) -> dict[str, str]:
    """service -> image ID, for the services that have a container."""
    return {
        service: containers[0].image_id
        for service in services
        if (containers := survey.containers_of(service))
    }


def found_record(
    survey: Survey, services: Sequence[str], run_id: str, before: Sequence[GateResult]
) -> ReleaseRecord | None:
    """What runs, as a release of its own; None where nothing does."""
    images = live_images(survey, services)
    if not images:
        return None
    return ReleaseRecord(
        number=next_number(survey.releases),
        subject="found by deployctl",
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
        containers = survey.containers_of(service)
        running = [c for c in containers if c.status in {"running", "restarting", "paused"}]
        planned.append(
            JobService(
                name=service,
                scale=len(containers),
                container_ids=tuple(c.id for c in containers),
                image_id=containers[0].image_id if containers else "",
                image_ref=containers[0].image_ref if containers else "",
                config_hashes=tuple(c.config_hash for c in containers),
                held="running" if running else ("stopped" if containers else "absent"),
            )
        )
    return tuple(planned)


def planned_services(services: Sequence[JobService]) -> tuple[PlannedService, ...]:
    return tuple(
        PlannedService(
            name=service.name,
            container_ids=service.container_ids,
            image_id=service.image_id or None,
            image_ref=service.image_ref or None,
            config_hashes=service.config_hashes,
            scale=service.scale,
            state="running"
            if service.held == "running"
            else ("stopped" if service.held == "stopped" else "absent"),
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


def rollback_story(current: ReleaseRecord | None, before: Sequence[GateResult]) -> str:
    """What a rollback would do, in one sentence."""
    names = ", ".join(sorted(held_before(before)))
    if current is None:
        return (
            "A failed gate removes the new container again; the Compose file goes back to its "
            "bytes of now."
        )
    proof = (
        f"proven by the gates that hold now ({names})"
        if names
        else "proven by image, file and container state, as no gate holds now"
    )
    return f"A failed gate brings back {describe(current)}, the Compose file byte by byte, {proof}."
