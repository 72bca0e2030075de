"""From settings to gates."""

import pytest

from deployctl.config.gates import (
    ContainerGateSettings,
    HealthGateSettings,
    PrometheusGateSettings,
    TcpGateSettings,
)
from deployctl.errors import UsageError
from deployctl.gates.build import build


def test_the_container_gate_is_always_on() -> None:
    assert [gate.name for gate in build({}, ["api"])] == ["container"]


def test_each_service_has_its_own() -> None:
    gates = build({"container": ContainerGateSettings(max_restarts=2)}, ["api", "worker"])
    assert [(gate.name, gate.service) for gate in gates] == [
        ("container:api", "api"),
        ("container:worker", "worker"),
    ]
    assert all("at most 2 restarts" in gate.threshold for gate in gates)


def test_one_about_another_service_is_a_gate_of_its_own() -> None:
    settings = {
        "database": ContainerGateSettings(service="postgres", mode="advisory"),
        "mine": ContainerGateSettings(service="worker", max_restarts=2),
    }
    gates = {gate.name: gate for gate in build(settings, ["api", "worker"])}
    assert set(gates) == {"database", "container:api", "container:worker"}
    assert (gates["database"].service, gates["database"].mode) == ("postgres", "advisory")
    assert "at most 2 restarts" in gates["container:worker"].threshold
    assert "no restarts" in gates["container:api"].threshold


def test_a_gate_is_about_the_first_service_unless_it_says_otherwise() -> None:
    settings = {"health": HealthGateSettings(), "queue": TcpGateSettings(service="worker")}
    services = {gate.name: gate.service for gate in build(settings, ["api", "worker"])}
    assert (services["health"], services["queue"]) == ("api", "worker")


def test_a_gate_can_be_advisory_for_one_run() -> None:
    settings = {"prometheus": PrometheusGateSettings(url="http://p:9090", job="api")}
    modes = {gate.name: gate.mode for gate in build(settings, ["api"], ["prometheus"])}
    assert modes == {"container": "required", "prometheus": "advisory"}


def test_an_unknown_advisory_gate_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="metrics") as caught:
        build({}, ["api"], ["metrics"])
    assert "container" in caught.value.next_step
