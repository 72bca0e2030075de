"""The Prometheus target gate: what proves that the new container was scraped."""

import json
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from deployctl.config.gates import PrometheusGateSettings
from deployctl.gates.base import CannotObserveError, Judgement
from deployctl.gates.promapi import Sample, Target
from deployctl.gates.prometheus import PrometheusGate, PrometheusObservation, Scrape, began
from tests.cases import works
from tests.unit.gates.support import STARTED, Answer, container, context, serving

T0 = STARTED.timestamp() + 5
SHA = "d73cfb1" + "0" * 33
TARGET = Target(
    pool="api",
    labels={"job": "api", "instance": "app:8000"},
    address="app:8000",
    url="http://app:8000/metrics",
    health="up",
    last_error="",
    last_scrape=T0 + 2,
    last_scrape_text="second",
    interval=1.0,
    timeout=1.0,
)
KEY = TARGET.key
TWO = (Scrape("first", T0 + 1, good=True), Scrape("second", T0 + 2, good=True))


def series(
    start: float | None = STARTED.timestamp(), samples: float | None = 20.0, at: float = T0 + 2
) -> tuple[Sample, ...]:
    found = []
    if start is not None:
        found.append(Sample({"__name__": "process_start_time_seconds"}, start, at))
    if samples is not None:
        found.append(Sample({"__name__": "scrape_samples_scraped"}, samples, at))
    return tuple(found)


SEEN = PrometheusObservation(
    targets=(TARGET,),
    expected=1,
    fence=T0,
    scrapes={KEY: TWO},
    series={KEY: series()},
    started_at=STARTED.timestamp(),
    expected_sha=SHA,
)


def gate(**settings: Any) -> PrometheusGate:
    values = {"url": "http://p:9090", "job": "api", **settings}
    return PrometheusGate("prometheus", PrometheusGateSettings.model_validate(values), "api")


def judged(target: Target = TARGET, settings: Any = None, **changes: Any) -> Judgement:
    seen = replace(SEEN, **{"targets": (target,), **changes})
    return gate(**(settings or {})).judge(seen)


class TestAProof:
    def test_needs_all_four_parts_and_names_the_identity(self) -> None:
        verdict = judged()
        assert verdict.state == "pass"
        assert "proof by process start" in verdict.observed

    def test_allows_for_the_kernels_rounding(self) -> None:
        assert judged(series={KEY: series(start=STARTED.timestamp() - 1.9)}).state == "pass"

    @pytest.mark.parametrize(
        ("changes", "since"),
        [
            ({}, timedelta(0)),
            ({"created_at": STARTED - timedelta(seconds=9)}, -timedelta(seconds=9)),
            ({"created_at": STARTED - timedelta(hours=1)}, timedelta(0)),
            ({"created_at": STARTED - timedelta(seconds=9), "restart_count": 1}, timedelta(0)),
        ],
        ids=["start only", "just made", "started again", "restarted"],
    )
    def test_allows_for_a_host_that_notes_a_start_late(
        self, changes: dict[str, Any], since: timedelta
    ) -> None:
        """No process is older than a container that was just made."""
        assert began(container(**changes)) == (STARTED + since).timestamp()

    def test_may_rest_on_a_revision_label(self) -> None:
        info = Sample({"__name__": "build_info", "revision": "d73cfb1"}, 1.0, T0 + 2)
        verdict = judged(
            series={KEY: (*series(start=None), info)}, settings={"revision_label": "revision"}
        )
        assert "proof by revision label" in verdict.observed

    def test_may_rest_on_the_old_container_being_gone_where_the_app_offers_nothing(self) -> None:
        verdict = judged(series={KEY: series(start=None)}, old_gone=True)
        assert verdict.state == "pass"
        assert "proof by old container gone" in verdict.observed

    def test_without_any_identity_is_inconclusive(self) -> None:
        verdict = judged(series={KEY: series(start=None)})
        assert verdict.state == "inconclusive"
        assert "revision_label" in verdict.reason


@works("Hosts", "a host clock an hour off from Prometheus's")
@pytest.mark.parametrize("off", [-3600.0, 3600.0])
@pytest.mark.parametrize(("start", "state"), [(0.0, "pass"), (-600.0, "fail")])
def test_clocks_that_are_apart(off: float, start: float, state: str) -> None:
    """Scrapes are on Prometheus's clock, starts on the host's; neither is compared across.

    The clock of a lab's host is that of the machine, so it can't be shifted there.
    """
    target = replace(TARGET, last_scrape=T0 + 2 + off)
    scrapes = tuple(replace(scrape, at=scrape.at + off) for scrape in TWO)
    process = series(start=STARTED.timestamp() + start, at=T0 + 2 + off)
    verdict = judged(
        target, fence=T0 + off, scrapes={KEY: scrapes}, series={KEY: process}, old_gone=True
    )
    assert verdict.state == state


class TestWhatLooksLikeUp:
    def test_a_kept_alive_connection_to_the_old_process(self) -> None:
        verdict = judged(series={KEY: series(start=STARTED.timestamp() - 3600)}, old_gone=True)
        assert verdict.state == "fail"
        assert "started 3600 s before" in verdict.reason

    def test_another_revision(self) -> None:
        info = Sample({"revision": "e" * 40}, 1.0, T0 + 2)
        verdict = judged(series={KEY: (*series(), info)}, settings={"revision_label": "revision"})
        assert (verdict.state, "eeeeeee" in verdict.reason) == ("fail", True)

    def test_a_scrape_of_before_the_switch(self) -> None:
        old = replace(TARGET, last_scrape=T0 - 1)
        assert judged(old, scrapes={}).reason == "Prometheus has not scraped it since the switch"

    def test_one_scrape_which_may_have_been_in_flight(self) -> None:
        verdict = judged(scrapes={KEY: TWO[1:]})
        assert (verdict.state, verdict.reason) == (
            "inconclusive",
            "1 of 2 scrapes since the switch",
        )

    def test_two_scrapes_of_which_one_was_bad(self) -> None:
        assert judged(scrapes={KEY: (replace(TWO[0], good=False), TWO[1])}).state == "inconclusive"

    def test_an_identity_from_an_earlier_scrape(self) -> None:
        stale = series(at=T0 - 1)
        assert judged(series={KEY: stale}).state == "inconclusive"

    def test_two_scrapes_of_which_the_first_read_the_old_process(self) -> None:
        both = (*series(start=STARTED.timestamp() - 60, at=T0 + 1), *series())
        assert judged(series={KEY: both}).state == "fail"

    def test_an_empty_exposition(self) -> None:
        assert "empty exposition" in judged(series={KEY: series(samples=0)}).reason

    def test_an_up_with_an_error(self) -> None:
        assert judged(replace(TARGET, last_error="EOF")).state == "fail"

    def test_one_of_two_replicas(self) -> None:
        assert judged(expected=2).reason == "1 targets match job api, expected 2"

    def test_one_of_two_targets_down(self) -> None:
        other = replace(TARGET, labels={"job": "api", "instance": "b"}, health="down")
        verdict = gate().judge(replace(SEEN, targets=(TARGET, other), expected=2))
        assert verdict.state == "fail"

    def test_no_target(self) -> None:
        verdict = judged(targets=(), others=("prometheus",))
        assert (verdict.state, verdict.reason) == (
            "fail",
            "no active target matches job api; jobs: prometheus",
        )


class TestBeforeTheRollout:
    @pytest.mark.parametrize(
        ("health", "state"), [("up", "pass"), ("down", "fail"), ("unknown", "inconclusive")]
    )
    def test_the_state_alone_is_told(self, health: str, state: str) -> None:
        assert judged(replace(TARGET, health=health), fence=None).state == state


class TestTime:
    def test_needed_for_a_proof_comes_from_the_target(self) -> None:
        slow = replace(TARGET, interval=30.0, timeout=10.0)
        need = gate().need(replace(SEEN, targets=(TARGET, slow)))
        assert need is not None
        assert (need.least, need.ample) == (60.0, 75.0)
        assert need.why == "2 scrapes, one each 30 s,"

    def test_is_unknown_where_the_server_does_not_tell(self) -> None:
        mute = replace(SEEN, targets=(replace(TARGET, interval=None),))
        assert gate().need(mute) is None
        assert gate(scrape_interval="10s").need(mute) is not None

    def test_between_looks_follows_the_scrape_interval(self) -> None:
        assert gate().pause(SEEN) == 0.25
        assert gate().pause(replace(SEEN, targets=(replace(TARGET, interval=60.0),))) == 2.0
        assert gate(interval="7s").pause(SEEN) == 7.0


class FakePrometheus:
    """An API whose scrapes happen when the test says so."""

    def __init__(self) -> None:
        self.now = T0
        self.last_scrape = "2026-01-03T07:42:00Z"
        self.queries: list[str] = []
        self.series: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self.agent = False

    def __call__(self, handler: BaseHTTPRequestHandler) -> Answer:
        parts = urlsplit(handler.path)
        if parts.path == "/prom/api/v1/query":
            return self._query(parse_qs(parts.query)["query"][0])
        if parts.path != "/prom/api/v1/targets":
            return Answer(404)
        labels = {"job": "api", "instance": "app:8000"}
        mine = {
            "scrapePool": "api",
            "labels": labels,
            "scrapeUrl": "http://app:8000/metrics",
            "health": "up",
            "lastError": "",
            "lastScrape": self.last_scrape,
            "scrapeInterval": "1s",
            "scrapeTimeout": "1s",
        }
        own = {**mine, "scrapePool": "prometheus", "labels": {"job": "prometheus"}}
        if parse_qs(parts.query)["state"] == ["dropped"]:
            return self._success({"activeTargets": [], "droppedTargets": self.dropped})
        return self._success({"activeTargets": [own, mine]})

    def _query(self, query: str) -> Answer:
        self.queries.append(query)
        if self.agent:
            error = {"status": "error", "error": "unavailable with Prometheus Agent"}
            return Answer(422, json.dumps(error))
        if query == "time()":
            return self._success({"resultType": "scalar", "result": [self.now, str(self.now)]})
        return self._success({"resultType": "matrix", "result": self.series})

    @staticmethod
    def _success(data: Any) -> Answer:
        return Answer(body=json.dumps({"status": "success", "data": data}))


def test_the_fence_is_taken_once_and_two_later_scrapes_are_waited_for() -> None:
    fake = FakePrometheus()
    with serving(fake) as server:
        watched = gate(url=server.url("/prom/"))
        ctx = context(container())
        first = watched.observe(ctx)
        assert (first.fence, watched.judge(first).state) == (T0, "inconclusive")
        fake.last_scrape = "2026-01-03T07:42:06.1Z"
        second = watched.observe(ctx, first)
        third = watched.observe(ctx, second)
        assert watched.judge(third).reason == "1 of 2 scrapes since the switch"
        fake.last_scrape = "2026-01-03T07:42:07.1Z"
        fake.series = [
            {"metric": {"__name__": name}, "values": [[T0 + 2.1, str(value)]]}
            for name, value in (
                ("process_start_time_seconds", STARTED.timestamp()),
                ("scrape_samples_scraped", 20),
            )
        ]
        fourth = watched.observe(ctx, third)
        assert watched.judge(fourth).state == "pass"
    assert fake.queries.count("time()") == 1
    assert fake.queries[-1] == (
        '{__name__=~"process_start_time_seconds|scrape_samples_scraped",'
        'instance="app:8000",job="api"}[300s]'
    )
    assert len(fourth.raw) == 2


class TestALookBeforeTheRollout:
    def look(self, fake: FakePrometheus, **settings: Any) -> PrometheusObservation:
        with serving(fake) as server:
            watched = gate(url=server.url("/prom"), **settings)
            return watched.observe(context(container(), proving=False))

    def test_takes_no_fence_and_asks_for_no_series(self) -> None:
        fake = FakePrometheus()
        seen = self.look(fake)
        assert (seen.fence, fake.queries) == (None, ["time()"])

    def test_finds_out_that_an_agent_cannot_be_queried(self) -> None:
        fake = FakePrometheus()
        fake.agent = True
        with pytest.raises(CannotObserveError, match="agent mode") as caught:
            self.look(fake)
        assert caught.value.judgement.state == "error"

    def test_finds_a_target_that_relabelling_drops(self) -> None:
        fake = FakePrometheus()
        fake.dropped = [{"discoveredLabels": {"job": "web", "__address__": "web:80"}}]
        with pytest.raises(CannotObserveError, match="drops it") as caught:
            self.look(fake, job="web")
        assert caught.value.judgement.state == "error"
        assert "web:80" in caught.value.judgement.reason

    def test_a_target_that_another_job_drops_is_simply_not_there(self) -> None:
        fake = FakePrometheus()
        fake.dropped = [{"discoveredLabels": {"job": "web", "__address__": "web:80"}}]
        assert self.look(fake, job="shop").targets == ()


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_the_clocks_of_prometheus_and_of_the_host_may_differ(skew: int) -> None:
    """The fence and the scrapes are on Prometheus's clock, the starts on the host's."""
    later = replace(TARGET, last_scrape=T0 + skew + 2)
    moved = {
        "fence": T0 + skew,
        "scrapes": {KEY: tuple(replace(scrape, at=scrape.at + skew) for scrape in TWO)},
    }
    fresh = {KEY: series(at=T0 + skew + 2)}
    assert judged(later, **moved, series=fresh).state == "pass"
    stale = {KEY: series(start=STARTED.timestamp() - 60, at=T0 + skew + 2)}
    assert judged(later, **moved, series=stale).state == "fail"


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"instance": "app:8000"}, 1),
        ({"instance": "http://app:8000/metrics"}, 1),
        ({"instance": "other:1"}, 0),
        ({"pool": "api"}, 1),
        ({"pool": "web"}, 0),
    ],
)
def test_targets_are_matched_on_job_pool_and_instance(settings: Any, count: int) -> None:
    with serving(FakePrometheus()) as server:
        watched = gate(url=server.url("/prom"), **settings)
        assert len(watched.observe(context(container())).targets) == count
