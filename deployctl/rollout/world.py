"""How gates and the availability probe reach the host of this run."""

import os
from collections.abc import Mapping

import requests

from deployctl.config.gates import Via
from deployctl.engines.compose import look
from deployctl.engines.compose.survey import Survey
from deployctl.evidence.marks import Marks
from deployctl.gates.base import CommandOutcome, GateContext, Observation, Socket
from deployctl.host.client_side import dial_from_here, session_from_here
from deployctl.host.commands import run_command
from deployctl.host.facts import ContainerState
from deployctl.host.link import Link


def context(
    link: Link,
    survey: Survey,
    services: tuple[str, ...],
    *,
    expected_images: Mapping[str, str],
    expected_sha: str | None,
    old_gone: bool,
    baseline: Mapping[str, Observation],
    client_host: str,
    public: tuple[str, ...],
    marks: Marks,
) -> GateContext:
    """Every call asks the link for the connection of now, so that a new one serves at once.

    The first look at each service also learns what is secret in its containers: what they answer
    is cleaned of it.
    """
    known: set[str] = set()

    def http(via: Via) -> requests.Session:
        return link.host.http() if via == "host" else session_from_here()

    def dial(via: Via, host: str, port: int, seconds: float) -> Socket:
        if via == "host":
            return link.host.dial(host, port, seconds)
        return dial_from_here(host, port, seconds)

    def look_at(service: str) -> tuple[ContainerState, ...]:
        new = None if service in known else marks
        found = look.containers(link, survey, public, service, new)
        known.add(service)
        return found

    def run(command: str, seconds: float) -> CommandOutcome:
        done = run_command(link.host, command, {}, seconds)
        return CommandOutcome(done.exit_code, done.stdout, done.stderr)

    return GateContext(
        http=http,
        dial=dial,
        containers=look_at,
        run=run,
        alive=lambda: link.host.alive(),  # noqa: PLW0108 - the link may be a new one
        services=services,
        expected_images=expected_images,
        expected_sha=expected_sha,
        replicas={
            service: len(containers)
            for service in services
            if (containers := survey.containers_of(service))
        },
        old_gone=old_gone,
        baseline=baseline,
        env=os.environ,
        client_host=client_host,
        clean=marks.hide,
    )
