"""The availability probe of this run, from its settings."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress

from deployctl.config.settings import AvailabilitySettings
from deployctl.events import Events
from deployctl.gates.address import Place, places
from deployctl.gates.availability import Availability, Measured
from deployctl.gates.base import CannotObserveError, GateContext, Socket
from deployctl.host.facts import ContainerState


def start_probe(
    settings: AvailabilitySettings,
    context: GateContext,
    known: Callable[[str], tuple[ContainerState, ...]],
    events: Events,
    scarce: Callable[[], bool],
) -> Availability:
    """`known`: the containers of before; where they publish a fixed port, that is where it begins.

    From the switch on the containers are looked up anew: another file may publish another port.
    """
    service = service_of(settings, context.services)
    endpoint = endpoint_of(settings.address, service, known(service), context.containers)

    def dial(host: str, port: int, seconds: float) -> Socket:
        return context.dial("host", host, port, seconds)

    probe = Availability(
        endpoint=endpoint,
        dial=dial,
        alive=context.alive,
        path=settings.path,
        events=events,
        interval=settings.interval,
        timeout=settings.timeout,
        headers=settings.headers,
        secure=settings.scheme == "https",
        scarce=scarce,
    )
    probe.start()
    return probe


def service_of(settings: AvailabilitySettings, services: Sequence[str]) -> str:
    """The service that is probed."""
    return settings.service or services[0]


def endpoint_of(
    address: str,
    service: str,
    before: Sequence[ContainerState],
    look: Callable[[str], Sequence[ContainerState]],
) -> Callable[[], Place]:
    """Where the service listens: at first by what is known, then by looks."""
    unasked = [before]

    def endpoint() -> Place:
        if unasked:
            with suppress(CannotObserveError):
                place = places(address, service, unasked.pop())[0]
                if place.fixed:
                    return place
        return places(address, service, look(service))[0]

    return endpoint


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
