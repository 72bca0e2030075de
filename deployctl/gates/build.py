"""From settings to gates."""

from collections.abc import Collection, Mapping, Sequence

from deployctl.config.gates import (
    AnyGateSettings,
    CommandGateSettings,
    ContainerGateSettings,
    HealthGateSettings,
    HttpGateSettings,
    MetricsGateSettings,
    PrometheusGateSettings,
    QueryGateSettings,
    TcpGateSettings,
)
from deployctl.errors import UsageError
from deployctl.gates.base import AnyGate
from deployctl.gates.command import CommandGate
from deployctl.gates.container import ContainerGate
from deployctl.gates.health import HttpGate
from deployctl.gates.metrics import MetricsGate
from deployctl.gates.prometheus import PrometheusGate
from deployctl.gates.query import QueryGate
from deployctl.gates.tcp import TcpGate


def build(
    settings: Mapping[str, AnyGateSettings],
    services: Sequence[str],
    advisory: Collection[str] = (),
) -> tuple[AnyGate, ...]:
    """Every gate of a rollout of these services, the container gates first.

    Each service gets a container gate, named `container` (`container:SERVICE` where there are
    several services); one that is configured for another service keeps its own name. `advisory`
    names gates that only report in this run; raises UsageError for a name that no gate has.
    """
    gates = (*_container_gates(settings, services), *_configured(settings, services))
    unknown = sorted(set(advisory) - {gate.name for gate in gates})
    if unknown:
        names = ", ".join(gate.name for gate in gates)
        raise UsageError(
            f"There is no gate {', '.join(unknown)} to make advisory.",
            next_step=f"Choose from: {names}",
        )
    for gate in gates:
        if gate.name in advisory:
            gate.mode = "advisory"
    return gates


def _container_gates(
    settings: Mapping[str, AnyGateSettings], services: Sequence[str]
) -> list[AnyGate]:
    own = {name: each for name, each in settings.items() if isinstance(each, ContainerGateSettings)}
    by_service = {each.service: each for each in own.values()}
    fallback = by_service.get(None, ContainerGateSettings())
    others: list[AnyGate] = [
        ContainerGate(name, each, each.service)
        for name, each in own.items()
        if each.service is not None and each.service not in services
    ]
    return others + [
        ContainerGate(
            "container" if len(services) == 1 else f"container:{service}",
            by_service.get(service, fallback),
            service,
        )
        for service in services
    ]


def _configured(settings: Mapping[str, AnyGateSettings], services: Sequence[str]) -> list[AnyGate]:
    return [
        _gate(name, each, each.service or services[0])
        for name, each in settings.items()
        if not isinstance(each, ContainerGateSettings)
    ]


def _gate(name: str, settings: AnyGateSettings, service: str) -> AnyGate:
    gate: AnyGate
    match settings:
        case HealthGateSettings() | HttpGateSettings():
            gate = HttpGate(name, settings, service)
        case MetricsGateSettings():
            gate = MetricsGate(name, settings, service)
        case PrometheusGateSettings():
            gate = PrometheusGate(name, settings, service)
        case QueryGateSettings():
            gate = QueryGate(name, settings, service)
        case CommandGateSettings():
            gate = CommandGate(name, settings, service)
        case TcpGateSettings():
            gate = TcpGate(name, settings, service)
        case ContainerGateSettings():
            gate = ContainerGate(name, settings, service)
    return gate
