"""What gates are given to look with in this run, how long they have, and what they saw."""

from collections.abc import Mapping, Sequence

from deployctl.config.settings import RolloutSettings
from deployctl.engines.compose import look
from deployctl.evidence.run_directory import safe_name
from deployctl.gates.base import GateContext, Observation, RawAnswer
from deployctl.host.facts import ContainerState
from deployctl.result import Release, ServiceResult
from deployctl.rollout import world
from deployctl.rollout.deadline import with_room
from deployctl.rollout.session import Session, need


def timing(session: Session) -> RolloutSettings:
    """How long each part may take: the playbook's word, else the settings'.

    Once the gates have looked, a deadline that nobody has set leaves room for what they need.
    """
    return with_room(session.playbook.timing(session.settings.rollout), session.needs)


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
        marks=session.marks,
    )


def keep_raw(session: Session, seen: Mapping[str, Observation], when: str) -> None:
    """Every gate's last raw answers, as evidence; beside each, where it came from, and how."""
    for gate, observation in seen.items():
        for number, answer in enumerate(observation.raw, 1):
            name = f"gates/{safe_name(gate)}.{when}.{number}"
            session.evidence.write_bytes(f"{name}.txt", answer.body)
            session.evidence.write_json(f"{name}.json", about(answer))


def about(answer: RawAnswer) -> dict[str, str | int]:
    """What is known of an answer beside its bytes. Its digest is of those that arrived; what is
    kept of them may be a part, and is without secrets."""
    return {
        "asked": answer.source,
        "status": answer.status,
        "contentType": answer.content_type,
        "kept": answer.kept,
        "sizeBytes": answer.size_bytes,
        "sha256": answer.sha256,
        "latencyMs": round(answer.latency * 1000),
    }


def record_release(session: Session) -> None:
    """The release of this run, as far as it is known: the image ID only after the build."""
    goal, first = need(session.goal, "a release"), session.settings.services[0]
    session.recorder.release = Release(
        number=goal.number,
        sha=goal.sha,
        image=session.images[first],
        image_id=session.image_ids.get(first),
        source_digest=goal.source_digest,
    )


def record_containers(session: Session, after: Sequence[ContainerState]) -> None:
    """Which containers serve now, and whether the others are the same as before."""
    services = session.settings.services
    session.recorder.services = [
        ServiceResult(name=c.service, container_id=c.id, image_id=c.image_id)
        for c in after
        if c.service in services
    ]
    session.recorder.untouched = list(
        look.untouched(
            session.facts.containers, after, services, restarted=session.engine_restarted
        )
    )
