"""What Prometheus's API says, and what only looks like it."""

import pytest

from deployctl.gates.base import CannotObserveError
from deployctl.gates.fetch import Exchange, Fault
from deployctl.gates.promapi import (
    Sample,
    read_answer,
    read_duration,
    read_samples,
    read_targets,
    read_time,
    selector,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-03T07:42:00Z", 1767426120.0),
        ("2026-01-03T07:42:00.123456789Z", 1767426120.123456789),
        ("2026-01-03T09:42:00.5+02:00", 1767426120.5),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times(text: str, seconds: float | None) -> None:
    assert read_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15.0),
        ("1m30s", 90.0),
        ("250ms", 0.25),
        ("1h", 3600.0),
        ("", None),
        ("0s", None),
        ("9" * 5000 + "s", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert read_duration(text) == seconds


def test_a_selector_quotes_its_values() -> None:
    assert selector({"job": 'a"b\\'}, metrics=("x", "y")) == '{__name__=~"x|y",job="a\\"b\\\\"}'


JSON = "application/json"


@pytest.mark.parametrize(
    ("exchange", "state", "reason"),
    [
        (Exchange(url="u", fault=Fault("refused", "connection refused")), "inconclusive", "refus"),
        (Exchange(url="u", fault=Fault("redirect", "it redirects")), "error", "not Prometheus"),
        (Exchange(url="u", status=503, body=b"Service Unavailable"), "inconclusive", "not ready"),
        (Exchange(url="u", status=404, body=b"404 page not found"), "error", "unsupported"),
        (Exchange(url="u", status=401), "error", "bearer_env"),
        (
            Exchange(url="u", status=200, content_type="text/html", body=b"<html>Sign in"),
            "error",
            "login",
        ),
        (Exchange(url="u", status=200, body=b"[]"), "error", "not Prometheus's JSON"),
        (Exchange(url="u", status=200, body=b'{"status":"error"}'), "error", "refuses"),
        (Exchange(url="u", status=200, body=b'{"status":"success"}'), "error", "no data"),
        (
            Exchange(url="u", status=400, body=b'{"status":"error","error":"parse error"}'),
            "error",
            "parse error",
        ),
        (
            Exchange(
                url="u",
                status=422,
                body=b'{"status":"error","error":"unavailable with Prometheus Agent"}',
            ),
            "error",
            "agent mode",
        ),
    ],
)
def test_anything_but_success_is_never_a_pass(exchange: Exchange, state: str, reason: str) -> None:
    with pytest.raises(CannotObserveError) as caught:
        read_answer(exchange, "/api/v1/targets", "bearer_env?")
    assert caught.value.judgement.state == state
    assert reason in caught.value.judgement.reason


def test_success_gives_its_data() -> None:
    exchange = Exchange(url="u", status=200, body=b' {"status" : "success", "data": {"a": 1}}')
    assert read_answer(exchange, "/x", "") == {"a": 1}


class TestSamples:
    def test_of_a_vector(self) -> None:
        data = {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.5, "2"]}]}
        assert read_samples(data) == (Sample({"a": "b"}, 2.0, 1.5),)

    def test_of_a_matrix_the_last_two(self) -> None:
        values = [[1, "1"], [2, "2"], [3, "3"]]
        data = {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}
        assert [sample.at for sample in read_samples(data)] == [2.0, 3.0]

    def test_of_a_scalar(self) -> None:
        assert read_samples({"resultType": "scalar", "result": [1, "NaN"]})[0].at == 1.0

    def test_of_a_number_beyond_all_numbers_is_an_error(self) -> None:
        with pytest.raises(CannotObserveError):
            read_samples({"resultType": "scalar", "result": [1, int("9" * 400)]})

    @pytest.mark.parametrize(
        "data", [{}, {"resultType": "string", "result": [1, "x"]}, {"resultType": "vector"}]
    )
    def test_of_anything_else_is_an_error(self, data: object) -> None:
        with pytest.raises(CannotObserveError):
            read_samples(data)


class TestTargets:
    def test_fields_that_old_servers_lack_are_unknown(self) -> None:
        (target,) = read_targets(
            {
                "activeTargets": [
                    {
                        "discoveredLabels": {"job": "api", "__address__": "a:1"},
                        "labels": {"job": "api", "instance": "a:1"},
                        "scrapeUrl": "http://a:1/metrics",
                        "lastError": "",
                        "lastScrape": "0001-01-01T00:00:00Z",
                        "health": "unknown",
                    }
                ]
            }
        )
        assert (target.pool, target.interval, target.last_scrape) == ("api", None, None)

    def test_no_list_is_no_answer(self) -> None:
        with pytest.raises(CannotObserveError):
            read_targets({"activeTargets": None})
