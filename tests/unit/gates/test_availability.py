"""The availability probe, against real sockets."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from deployctl.errors import LinkLostError, RefusedError
from deployctl.events import AvailabilityTick, Event, Events
from deployctl.gates.address import Place
from deployctl.gates.availability import FEW, IN_FLIGHT, Availability, Measured
from deployctl.gates.base import CannotObserveError, Socket
from deployctl.host.failures import AnswerTimeoutError
from tests.unit.gates.support import Answer, Server, serving

OK = Answer(200, '{"status": "ok"}')


def dial(host: str, port: int, seconds: float) -> Socket:
    return socket.create_connection((host, port), seconds)


@contextmanager
def probing(endpoint: Callable[[], Place], **settings: Any) -> Iterator[Availability]:
    values: dict[str, Any] = {
        "endpoint": endpoint,
        "dial": dial,
        "alive": lambda: True,
        "path": "/health",
        "events": Events(),
        "timeout": 0.2,
    }
    running = Availability(**{**values, **settings})
    running.start()
    try:
        yield running
    finally:
        running.stop()


def measured(server: Server | None, seconds: float = 0.3, **settings: Any) -> Measured:
    port = server.port if server else 1
    with probing(lambda: Place("127.0.0.1", port), **settings) as running:
        time.sleep(seconds)
        return running.stop()


def soon(true: Callable[[], object]) -> None:
    """Waits for what a busy machine may take its time for."""
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def middle_gap_ms(seen: Measured) -> float:
    """Between two probes. Unlike the told resolution it isn't of the machine's busiest moment."""
    moments = [row[0] for row in seen.series.rows()]
    return median(after - before for before, after in pairwise(moments))


def test_a_service_that_answers_is_up() -> None:
    with serving(OK) as server:
        seen = measured(server, seconds=0.5)
        assert server.seen[0] == (
            "/health",
            {
                "User-Agent": "deployctl-probe",
                "Accept": "*/*",
                "Host": f"127.0.0.1:{server.port}",
                "Connection": "close",
            },
        )
    assert 0 < seen.result.probes <= seen.seconds / 0.025 + 2
    assert (seen.result.failures, seen.result.downtime_ms) == (0, 0)
    assert middle_gap_ms(seen) <= 50
    assert len(seen.series) == seen.result.probes


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer(503), "server-error"),
        (Answer(raw=b""), "closed"),
        (Answer(raw=b"SSH-2.0-OpenSSH\r\n"), "closed"),
        (Answer(404), "ok"),
        (Answer(302, headers={"Location": "/x"}), "ok"),
    ],
)
def test_what_counts_as_a_failure(answer: Answer, cause: str) -> None:
    with serving(answer) as server:
        seen = measured(server)
    assert {row[2] for row in seen.series.rows()} == {cause}
    assert seen.result.failures == (0 if cause == "ok" else seen.result.probes)


def test_a_refused_connection_is_a_failure() -> None:
    seen = measured(None)
    assert seen.result.failures == seen.result.probes > 0
    assert abs(seen.result.downtime_ms - seen.seconds * 1000) <= seen.result.resolution_ms + 100


def test_no_answer_in_time_is_a_failure_and_slows_nobody_down() -> None:
    def hang(_: BaseHTTPRequestHandler) -> None:
        time.sleep(1.5)

    with serving(hang) as server:
        seen = measured(server, seconds=0.6)
    assert {row[2] for row in seen.series.rows()} == {"timeout"}
    assert middle_gap_ms(seen) <= 50


def test_the_resolution_does_not_depend_on_the_round_trip() -> None:
    def far(host: str, port: int, seconds: float) -> Socket:
        time.sleep(0.4)
        return dial(host, port, seconds)

    with serving(OK) as server:
        seen = measured(server, seconds=1.2, dial=far, timeout=2.0)
    assert seen.result.failures == 0
    assert middle_gap_ms(seen) <= 50


def test_an_outage_is_measured_within_the_resolution() -> None:
    down, failed, served = list[float](), list[float](), list[float]()

    def answer(_: BaseHTTPRequestHandler) -> Answer:
        now = time.monotonic()
        if down and now - down[0] < 0.3:
            failed.append(now)
            return Answer(500)
        served.append(now)
        return OK

    with serving(answer) as server, probing(lambda: Place("127.0.0.1", server.port)) as running:
        soon(lambda: served)
        running.mark_switch()
        down.append(time.monotonic())
        soon(lambda: failed and max(served) > max(failed))
        time.sleep(0.2)
        seen = running.stop()
    told = min(at for at in served if at > max(failed)) - min(failed)
    assert abs(seen.result.downtime_ms - told * 1000) <= 2 * seen.result.resolution_ms + 100
    (found,) = seen.outages
    assert found.recovered
    assert seen.switched is not None
    assert abs(found.began - seen.switched) < 0.3


def test_the_first_start_of_the_new_container_is_the_switch() -> None:
    with serving(OK) as server, probing(lambda: Place("127.0.0.1", server.port)) as running:
        running.mark_switch()
        time.sleep(0.2)
        running.mark_switch()
        seen = running.stop()
    assert seen.switched is not None
    assert seen.switched < seen.seconds - 0.1


def test_an_outage_that_begins_at_the_very_end_is_not_dropped() -> None:
    """Probes in flight don't count, unless they have waited for an answer for a while."""
    stuck: list[float] = []

    def answer(_: BaseHTTPRequestHandler) -> Answer:
        if stuck:
            time.sleep(2)
        return OK

    with serving(answer) as server:
        place = Place("127.0.0.1", server.port)
        with probing(lambda: place, timeout=0.6) as running:
            time.sleep(0.2)
            stuck.append(1)
            time.sleep(0.4)
            seen = running.stop(wait=False)
        assert seen.result.failures > 0
        assert seen.result.downtime_ms > 0


@pytest.mark.parametrize(("scarce", "most"), [(True, FEW), (False, IN_FLIGHT)])
def test_few_are_in_flight_where_connections_are_scarce(scarce: bool, most: int) -> None:
    open_now: list[None] = []
    counts: list[int] = []

    def slow(host: str, port: int, seconds: float) -> Socket:
        open_now.append(None)
        counts.append(len(open_now))
        time.sleep(0.05)
        open_now.pop()
        return dial(host, port, seconds)

    with serving(OK) as server:
        measured(server, dial=slow, interval=0.001, scarce=lambda: scarce)
    assert max(counts) == most


class TestADeadLink:
    @pytest.mark.parametrize("error", [LinkLostError("gone"), AnswerTimeoutError("no session")])
    def test_that_says_so_is_unknown(self, error: Exception) -> None:
        def lost(*_: Any) -> Socket:
            raise error

        seen = measured(None, dial=lost)
        assert seen.result.unknown == seen.result.probes > 0
        assert (seen.result.failures, seen.result.downtime_ms) == (0, None), "nothing is known"
        assert seen.result.unknown_ms > 0

    def test_that_is_only_silent_is_unknown_too(self) -> None:
        def silent(*_: Any) -> Socket:
            time.sleep(0.1)
            raise TimeoutError

        seen = measured(None, dial=silent, alive=lambda: False)
        assert seen.result.unknown == seen.result.probes > 0

    def test_is_told_apart_from_a_silent_service(self) -> None:
        def silent(*_: Any) -> Socket:
            raise TimeoutError

        seen = measured(None, dial=silent)
        assert seen.result.failures == seen.result.probes > 0


class TestTheEndpoint:
    def test_is_looked_up_again_after_the_switch(self) -> None:
        with serving(OK) as old, serving(OK) as new:
            places = [Place("127.0.0.1", old.port)]
            with probing(lambda: places[0]) as running:
                time.sleep(0.15)
                assert not new.seen
                places[0] = Place("127.0.0.1", new.port)
                running.mark_switch()
                soon(lambda: new.seen)

    def test_is_looked_up_again_while_probes_fail(self) -> None:
        with serving(OK) as server:
            places = [Place("127.0.0.1", 1)]
            with probing(lambda: places[0]) as running:
                time.sleep(0.1)
                places[0] = Place("127.0.0.1", server.port)
                soon(lambda: server.seen)
                time.sleep(0.1)
                seen = running.stop()
        assert seen.outages[0].recovered

    def test_that_is_fixed_is_looked_up_only_when_the_container_was_replaced(self) -> None:
        with serving(OK) as server:
            places = [Place("127.0.0.1", 1, fixed=True)]
            asked: list[Place] = []

            def endpoint() -> Place:
                asked.append(places[0])
                return places[0]

            with probing(endpoint) as running:
                time.sleep(0.7)
                assert len(asked) == 1, "nothing else is asked of a host that is at the swap"
                places[0] = Place("127.0.0.1", server.port)
                running.moved()
                soon(lambda: server.seen)
                time.sleep(0.1)
                seen = running.stop()
        assert seen.outages[0].recovered
        assert seen.switched is None

    def test_that_can_not_be_looked_up_after_the_switch_is_looked_up_again(self) -> None:
        with serving(OK) as server:
            looks: list[Place | None] = [
                Place("127.0.0.1", 1, fixed=True), None, Place("127.0.0.1", server.port)
            ]  # fmt: skip

            def endpoint() -> Place:
                place = looks.pop(0) if len(looks) > 1 else looks[0]
                if place is None:
                    raise CannotObserveError("fail", "it is starting")
                return place

            with probing(endpoint) as running:
                running.mark_switch()
                soon(lambda: server.seen)

    def test_that_does_not_exist_yet_is_down(self) -> None:
        def nowhere() -> Place:
            raise CannotObserveError("fail", "there is no container")

        with probing(nowhere) as running:
            time.sleep(0.2)
            seen = running.stop()
        assert seen.result.failures == seen.result.probes > 0

    def test_that_settings_can_never_give_is_refused(self) -> None:
        def never() -> Place:
            raise CannotObserveError("error", "it publishes no port", definite=True)

        with pytest.raises(RefusedError, match="publishes no port"), probing(never):
            pass


def test_headers_of_the_settings_are_sent() -> None:
    with serving(OK) as server:
        measured(server, seconds=0.1, headers={"Host": "app.example", "X-Why": "probe"})
        headers = server.seen[0][1]
    assert (headers["Host"], headers["X-Why"]) == ("app.example", "probe")


def test_a_running_total_is_told_a_few_times_a_second() -> None:
    events, ticks = Events(), list[Event]()
    events.subscribe(ticks.append)
    with serving(OK) as server:
        measured(server, seconds=0.6, events=events)
    assert 2 <= len(ticks) <= 4
    assert all(isinstance(tick, AvailabilityTick) for tick in ticks)
