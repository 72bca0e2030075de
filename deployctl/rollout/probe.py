"""The availability probe of this run, from its settings."""

import json
import ssl
from collections.abc import Callable

from urllib3.util.ssltransport import SSLTransport

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
        plain = context.dial("host", host, port, seconds)
        return plain if settings.scheme == "http" else _tls(plain, host)

    probe = Availability(
        endpoint=endpoint,
        dial=dial,
        alive=alive,
        path=settings.path,
        events=events,
        interval=settings.interval,
        timeout=settings.timeout,
        host_header=next(
            (value for name, value in settings.headers.items() if name.lower() == "host"), None
        ),
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


def _tls(plain: Socket, host: str) -> Socket:
    """Whether the certificate is good is for a gate to say; here only that somebody answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return SSLTransport(plain, context, server_hostname=host)  # type: ignore[arg-type, return-value]
