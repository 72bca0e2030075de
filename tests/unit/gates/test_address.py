"""Where a gate looks for a service."""

import pytest

from deployctl.gates.address import Place, places
from deployctl.gates.base import CannotObserveError
from tests.unit.gates.support import container, published


def place(address: str, *, via: str = "host", **changes: object) -> Place:
    (found,) = places(address, "api", [container(**changes)], via=via, client_host="vps")  # type: ignore[arg-type]
    return found


class TestPublished:
    @pytest.mark.parametrize(
        ("host_ip", "seen"),
        [("0.0.0.0", "127.0.0.1"), ("", "127.0.0.1"), ("::", "::1"), ("10.1.2.3", "10.1.2.3")],
    )
    def test_a_wildcard_is_asked_on_the_loopback(self, host_ip: str, seen: str) -> None:
        assert place("published", ports=(published(8080, host_ip),)) == Place(seen, 8080)

    def test_ipv6_stands_in_brackets_in_a_url(self) -> None:
        assert place("published", ports=(published(8080, "::"),)).netloc == "[::1]:8080"

    def test_ipv4_is_preferred_where_docker_lists_both(self) -> None:
        ports = (published(8080, "::"), published(8080, "0.0.0.0"))
        assert place("published", ports=ports).host == "127.0.0.1"

    def test_one_of_several_ports_is_chosen_by_its_number_in_the_container(self) -> None:
        ports = (published(8080, container_port=80), published(9090, container_port=9000))
        assert place("published:9000", ports=ports).port == 9090

    def test_several_ports_without_a_choice_are_an_error_that_names_the_choices(self) -> None:
        ports = (published(8080, container_port=80), published(9090, container_port=9000))
        with pytest.raises(CannotObserveError, match="published:80, published:9000") as caught:
            place("published", ports=ports)
        assert caught.value.judgement.state == "error"

    def test_no_published_port_says_what_to_set(self) -> None:
        with pytest.raises(CannotObserveError, match="container:PORT"):
            place("published")

    def test_from_the_client_a_wildcard_is_the_host_itself(self) -> None:
        assert place("published", via="client", ports=(published(80, "0.0.0.0"),)).host == "vps"

    def test_from_the_client_the_hosts_loopback_cannot_be_reached(self) -> None:
        with pytest.raises(CannotObserveError, match="via: host"):
            place("published", via="client", ports=(published(80),))


class TestContainer:
    def test_its_own_address(self) -> None:
        assert place("container:8000") == Place("172.20.0.3", 8000)

    def test_on_the_hosts_network_it_is_the_loopback(self) -> None:
        assert place("container:8000", network_mode="host", addresses={}).host == "127.0.0.1"

    def test_without_an_address_a_url_is_needed(self) -> None:
        with pytest.raises(CannotObserveError, match="set url"):
            place("container:8000", network_mode="none", addresses={"none": ""})


def test_every_replica_has_its_place() -> None:
    both = [container(ports=(published(1),)), container(ports=(published(2),))]
    assert [each.port for each in places("published", "api", both)] == [1, 2]


def test_a_container_that_does_not_run_is_a_failure_not_an_error() -> None:
    with pytest.raises(CannotObserveError, match="exited") as caught:
        place("published", status="exited")
    assert caught.value.judgement.state == "fail"


def test_no_container_at_all_is_a_failure() -> None:
    with pytest.raises(CannotObserveError, match="no container") as caught:
        places("published", "api", [])
    assert caught.value.judgement.state == "fail"
