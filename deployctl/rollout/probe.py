"""The availability probe of this run, from its settings."""

import json
from collections.abc import Callable

from deployctl.config.settings import AvailabilitySettings
from deployctl.events import Events
from deployctl.gates.address import Place, places
from deployctl.gates.availability import Availability, Measured
from deployctl.gates.base import GateContext, Socket
from deployctl.host.facts import ContainerState


def start_probe(
    settings: AvailabilitySettings,
    context: GateContext,
    alive: Callable[[], bool],
    known: Callable[[str], tuple[ContainerState, ...]],
    events: Events,
) -> Availability:
    """`known`: the containers of before. A published address is theirs and stays the same."""
    service = settings.service or context.services[0]
    before = known(service)
    published = settings.address.startswith("published") and any(c.ports for c in before)

    def endpoint() -> Place:
        containers = before if published else context.containers(service)
        return places(settings.address, service, containers)[0]

    def dial(host: str, port: int, seconds: float) -> Socket:
        return context.dial("host", host, port, seconds)

    probe = Availability(
        endpoint=endpoint,
        dial=dial,
        alive=alive,
        path=settings.path,
        events=events,
        interval=settings.interval,
        timeout=settings.timeout,
        headers=settings.headers,
        secure=settings.scheme == "https",
    )
    probe.start()
    return probe


def series_json(measured: Measured) -> str:
    """Every sample, for evidence: milliseconds since the start, latency, what happened."""
    return json.dumps(
        {
            "startedAt": measured.started_at.isoformat(),
            "switchedMs": None if measured.switched is None else round(measured.switched * 1000),
            "result": measured.result.model_dump(mode="json", by_alias=True),
            "columns": ["atMs", "latencyMs", "outcome"],
            "rows": list(measured.series.rows()),
            "dropped": measured.series.dropped,
        }
    )
