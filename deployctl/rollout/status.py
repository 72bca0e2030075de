"""`deployctl status`: what the host says, without changing anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from deployctl.config.settings import Settings
from deployctl.engines.compose import runs, survey
from deployctl.engines.compose.job import describe_holder, describe_run
from deployctl.engines.compose.survey import Survey, Unfinished
from deployctl.engines.releases import ReleaseRecord, before, describe, find
from deployctl.host.facts import ContainerState
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout import decide
from deployctl.rollout.address import host_address
from deployctl.rollout.hints import for_target
from deployctl.rollout.history import KEPT, parse_runs


class ServiceStatus(Document):
    service: str
    container: str
    image: str
    image_id: str
    status: str
    health: str
    started_at: datetime | None
    restarts: int


class StatusDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "status"
    result: Literal["ok"] = "ok"
    exit_code: int = 0
    sentence: str
    next_step: str
    target: str
    host: str
    project: str
    release: str | None
    sha: str | None
    subject: str
    live_since: datetime | None
    by: str | None
    services: tuple[ServiceStatus, ...]
    drift: tuple[str, ...]
    compose_error: str
    unfinished: tuple[str, ...]
    lock: str | None
    state_directory: str


def status(settings: Settings, ask: Ask = ask_nobody) -> StatusDocument:
    """Raises RefusedError or UnreachableError where the host can't be asked."""
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        return describe_host(settings, facts, link.host.label)
    finally:
        link.close()


def describe_host(settings: Settings, facts: Survey, label: str) -> StatusDocument:
    """Pure: a survey in, the document out."""
    record = decide.current(facts, settings.services)
    sentence, next_step = _sentence(settings, facts, record)
    return StatusDocument(
        sentence=sentence,
        next_step=for_target(next_step, settings.target),
        target=settings.target,
        host=label,
        project=facts.project,
        release=record.number if record else None,
        sha=record.sha if record else None,
        subject=record.subject if record else "",
        live_since=(facts.live_since or record.at) if record else None,
        by=(facts.live_by or record.by) if record else None,
        services=tuple(
            ServiceStatus(
                service=container.service,
                container=container.name,
                image=container.image_ref,
                image_id=container.image_id,
                status=container.status,
                health=container.health,
                started_at=container.started_at,
                restarts=container.restart_count,
            )
            for container in facts.containers
        ),
        drift=(*facts.drift, *filter(None, [facts.untold]), *facts.differences),
        compose_error=facts.config_error,
        unfinished=tuple(f"{run.run_id}: {run.state}" for run in facts.unfinished),
        lock=describe_holder(facts.lock_holder) if facts.lock_holder is not None else None,
        state_directory=facts.state_dir,
    )


def _sentence(  # noqa: PLR0911 - one for each state
    settings: Settings, facts: Survey, record: ReleaseRecord | None
) -> tuple[str, str]:
    if facts.abandoned:
        run = facts.abandoned[0]
        return f"{_left(facts, run)}{_down_as_well(settings, facts)}", runs.choices(run)
    if facts.lock_holder is not None:
        return (
            f"A rollout is running: {describe_holder(facts.lock_holder)}.{_under_way(facts)}",
            "deployctl status",
        )
    down = _not_running(settings, facts)
    if down or not any(facts.containers_of(service) for service in settings.services):
        return _down(facts, down, record)
    if facts.config_error:
        return "Compose refuses the file on the host.", "deployctl compose diagnose"
    if facts.drift:
        return (
            f"What runs is not what the Compose file says{_differing(facts)}.",
            "Apply or undo the edit on the host; deployctl plan --sha SHA shows what is refused.",
        )
    if facts.untold:
        return (
            f"Whether what runs is what the Compose file says can't be told: {facts.untold}.",
            "deployctl doctor",
        )
    if record is None and (unproven := _kept(facts)):
        return unproven, "deployctl logs; deployctl hotfix --sha FIX"
    if record is None:
        return (
            "The service runs, started by hand: deployctl has no record of this image.",
            "deployctl hotfix --sha SHA",
        )
    back = ", or deployctl rollback" if before(facts.releases, record) else ""
    return f"{describe(record)} is live{_unproven(facts)}.", f"deployctl hotfix --sha SHA{back}"


def _kept(facts: Survey) -> str:
    """Told where the last run could not put back what ran before."""
    last = [run for run in parse_runs([facts.last_run]) if run.result == KEPT]
    return "".join(
        f"What runs was not proven good: run {run.run_id} ({run.command} {run.revision} by "
        f"{run.by}) failed and could not be rolled back: {run.reason}."
        for run in last
    )


def _unproven(facts: Survey) -> str:
    """Told where the last run was a rollback that the host finished by itself."""
    last = [run for run in parse_runs([facts.last_run]) if run.result == "unproven"]
    return "".join(
        f"; the run that made it so is not proven good: the host finished {run.run_id} "
        f"({run.command} by {run.by}) by itself"
        for run in last
    )


def _differing(facts: Survey) -> str:
    return f": {'. '.join(facts.differences)}" if facts.differences else ""


def _left(facts: Survey, run: Unfinished) -> str:
    """How it is with a run that has no client any more, and what becomes of it."""
    name = f"Run {run.run_id} ({describe_run(run.about)})"
    if _going_back(facts, run):
        return f"{name} is being put back by the host (the client is gone)."
    if run.state.startswith("rollback_failed"):
        return f"{name} could not be put back. {_host_will(facts, run)}"
    return (
        f"{name} lost its client: it {runs.stands(run.state)}, and was neither confirmed nor put "
        f"back; {runs.heard(run)}. {_host_will(facts, run)}"
    )


def _going_back(facts: Survey, run: Unfinished) -> bool:
    """Whether the host is at it: after a restart it begins at once."""
    at_it = run.state.startswith("rolling_back") or (
        run.silent_s < 0 and not run.state.startswith("rollback_failed")
    )
    forward = run.about.get("command") == "rollback"
    return at_it and not forward and runs.holding(facts) == run


def _under_way(facts: Survey) -> str:
    """How far the run is whose client is there, or was there just now."""
    run = runs.holding(facts)
    if run is None:
        return ""
    told = f" It {runs.stands(run.state)}; {runs.heard(run)}."
    if run.state.startswith("rolling_back"):
        return f"{told} The host brings that to its end by itself."
    if run.about.get("command") == "rollback":
        return f"{told} Without its client the host brings it to its end by itself."
    return (
        f"{told} Without a confirmation the host puts it back by itself in {max(run.left_s, 0)} s."
    )


def _host_will(facts: Survey, run: Unfinished) -> str:
    """What happens to it if nobody does anything."""
    holder = (facts.lock_holder or {}).get("runId")
    if holder != run.run_id or run.state.startswith("rollback_failed"):
        return "The host does nothing more about it by itself."
    if run.about.get("command") == "rollback" or run.state.startswith("rolling_back"):
        return "The host brings it to its end by itself."
    return f"The host puts it back by itself in {max(run.left_s, 0)} s."


def _not_running(settings: Settings, facts: Survey) -> list[ContainerState]:
    return [c for c in facts.containers if c.service in settings.services and c.status != "running"]


def _down_as_well(settings: Settings, facts: Survey) -> str:
    down = _not_running(settings, facts)
    return f" The service is down: {_states(down)}." if down else ""


def _states(containers: Sequence[ContainerState]) -> str:
    return ", ".join(f"{c.name} is {c.status}" for c in containers)


def _down(
    facts: Survey, down: Sequence[ContainerState], record: ReleaseRecord | None
) -> tuple[str, str]:
    if down:
        again = f"; deployctl rollback --to {record.number} starts it again" if record else ""
        return f"The service is down: {_states(down)}.", f"deployctl logs{again}"
    told = "The service is down: it has no container any more."
    last = find(facts.releases, facts.live)
    if last is None:
        return told, "`docker compose up -d` on the host, or deployctl hotfix --sha SHA"
    return f"{told} {describe(last)} was live.", f"deployctl rollback --to {last.number}"
