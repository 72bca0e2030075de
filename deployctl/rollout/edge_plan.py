"""`deployctl edge plan`: what an edge before the target's service would make of its files."""

from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field

from deployctl import composefile
from deployctl.composefile.document import parse
from deployctl.composefile.edge import EdgeSpec, Installed, install, installed, published
from deployctl.composefile.faults import UnreadableCompose
from deployctl.config.settings import Settings
from deployctl.engines.compose import survey
from deployctl.engines.compose.refusals import refusal
from deployctl.engines.compose.survey import ComposeSource, Survey
from deployctl.errors import ConfigError
from deployctl.host.connection import ProgramFailed
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout.address import host_address
from deployctl.rollout.diagnosis import Fault
from deployctl.rollout.edge_configuration import configuration


class EdgePlan(Document):
    """What putting an edge before a service would change. Nothing was changed."""

    schema_version: int = SCHEMA_VERSION
    command: Literal["edge plan"] = "edge plan"
    target: str
    service: str
    result: Literal["possible", "refused", "installed"]
    exit_code: Literal[0, 23]
    live: Literal["blue", "green"] | None = None
    """the live colour, where the edge is there already"""
    faults: list[Fault] = Field(default_factory=list)
    """why it can't be"""
    file: str
    diff: str = ""
    """of the Compose file"""
    configuration_file: str = ""
    configuration: str = ""
    """of HAProxy"""
    notes: list[str] = Field(default_factory=list)


def edge_plan(settings: Settings, ask: Ask = ask_nobody) -> EdgePlan:
    """Touches nothing. Raises RefusedError and UnreachableError as a survey does, ConfigError, and
    UsageError for a template that can't be rendered."""
    service = _service(settings)
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
    except ProgramFailed as failure:
        raise refusal(failure.kind, failure.message, link.host.label) from failure
    finally:
        link.close()
    return planned(settings, service, facts)


def planned(settings: Settings, service: str, facts: Survey) -> EdgePlan:
    """Pure but for the template: the plan for what the host said."""
    source = _source(facts, service)
    there = installed(source.data, service)
    if there is not None:
        return _there(settings, service, source, there)
    spec = _spec(settings, service, source)
    try:
        converted = install(source.data, service, spec)
    except UnreadableCompose as error:
        return EdgePlan(
            target=settings.target,
            service=service,
            result="refused",
            exit_code=23,
            faults=[Fault.of(fault, source.path) for fault in error.faults],
            file=source.path,
        )
    ports = published(source.data, service)
    return EdgePlan(
        target=settings.target,
        service=service,
        result="possible",
        exit_code=0,
        file=source.path,
        diff=composefile.diff(source.data, converted, source.path),
        configuration_file=f"{spec.directory}/haproxy.cfg",
        configuration=configuration(settings, service, spec, ports, "blue"),
        notes=_notes(facts, service, source),
    )


def _service(settings: Settings) -> str:
    if settings.edge.service is not None:
        return settings.edge.service
    if len(settings.services) == 1:
        return settings.services[0]
    raise ConfigError(
        f"The target {settings.target} has several services: {', '.join(settings.services)}.",
        next_step="Name the one that the edge stands before in `edge.service`.",
    )


def _source(facts: Survey, service: str) -> ComposeSource:
    """The one file that defines the service. Raises UnreadableCompose."""
    files = [(source.path, source.data) for source in facts.files]
    edge = f"{service}-edge"
    there = any(edge in composefile.services(source.data) for source in facts.files)
    found = facts.files[composefile.file_to_edit(files, edge if there else service)]
    others = [
        source.path
        for source in facts.files
        if source is not found and service in composefile.services(source.data)
    ]
    if others:
        document = parse(found.data)
        message = f"`{service}` is in {', '.join(others)}, too: an edge needs it in one file."
        raise UnreadableCompose([document.fault(document.root, message, "Put it together.")])
    return found


def _spec(settings: Settings, service: str, source: ComposeSource) -> EdgeSpec:
    edge = settings.edge
    beside = str(PurePosixPath(source.path).parent / "edge" / service)
    return EdgeSpec(edge.image, edge.directory or beside, edge.subnet, frozenset(edge.shared))


def _there(settings: Settings, service: str, source: ComposeSource, there: Installed) -> EdgePlan:
    return EdgePlan(
        target=settings.target,
        service=service,
        result="installed",
        exit_code=0,
        live=there.live,
        file=source.path,
    )


def _notes(facts: Survey, service: str, source: ComposeSource) -> list[str]:
    """What changes for people and programs around it."""
    once = (
        f"Once, {service} is replaced as by `docker compose up -d`: requests fail for as long as "
        f"in a hotfix without an edge. {service} sees the edge as its client; X-Forwarded-For has "
        "the address of the real one."
    )
    twice = (
        "During a switch both colours are up. Whatever they connect to, a database above all, "
        "needs room for the connections of both."
    )
    notes = [once, twice]
    names = ", ".join(container.name for container in facts.containers_of(service))
    if names:
        notes.append(
            f"{names} is called otherwise then, in `docker logs` and `docker exec`. In its "
            "networks its names lead to the edge."
        )
    if len(facts.files) > 1:
        notes.append(f"Of {len(facts.files)} Compose files only {source.path} changes.")
    return notes
