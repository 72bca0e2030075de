"""Where the availability probe asks, before and after the switch."""

from dataclasses import replace

import pytest

from deployctl.gates.address import Place
from deployctl.gates.base import CannotObserveError
from deployctl.host.facts import ContainerState, PublishedPort
from deployctl.rollout.probe import endpoint_of
from tests.unit.engines.support import API

PORT = PublishedPort(8000, "tcp", "127.0.0.1", 8000)
CHOSEN = replace(PORT, host_port=32768, fixed=False)


def with_ports(*ports: PublishedPort) -> ContainerState:
    return replace(API, ports=ports)


def test_a_fixed_port_is_known_at_first_and_read_again_after_the_swap() -> None:
    asked: list[str] = []

    def look(service: str) -> tuple[ContainerState, ...]:
        asked.append(service)
        return (with_ports(replace(PORT, host_port=8001)),)

    endpoint = endpoint_of("published", "api", [with_ports(PORT)], look)
    assert endpoint() == Place("127.0.0.1", 8000)
    assert asked == [], "the survey is a moment old"
    assert endpoint() == Place("127.0.0.1", 8001), "an edited file may publish another port"


def test_a_port_that_docker_chose_is_looked_up_at_once() -> None:
    now = with_ports(replace(CHOSEN, host_port=32769))
    endpoint = endpoint_of("published", "api", [with_ports(CHOSEN)], lambda _: (now,))
    assert (endpoint(), endpoint().fixed) == (Place("127.0.0.1", 32769), False)


@pytest.mark.parametrize("before", [(), (API,)])
def test_where_nothing_is_published_the_look_says_why(before: tuple[ContainerState, ...]) -> None:
    endpoint = endpoint_of("published", "api", before, lambda _: (API,))
    with pytest.raises(CannotObserveError, match="publishes no port"):
        endpoint()
