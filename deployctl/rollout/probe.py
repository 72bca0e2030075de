"""The availability probe of this run, from its settings."""

import json
from collections.abc import Callable

from deployctl.config.settings import AvailabilitySettings
from deployctl.events import Events
from deployctl.gates.address import Place, places
from deployctl.gates.availability import Availability, Measured
from deployctl.gates.base import GateContext, Socket


def start_probe(
    settings: AvailabilitySettings,
    context: GateContext,
    alive: Callable[[], bool],
    events: Events,
) -> Availability:
    service = settings.service or context.services[0]

    def endpoint() -> Place:
        return places(settings.address, service, context.containers(service))[0]

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
