"""The metrics gate: nothing that Prometheus would not take passes, nor much that it would."""

from typing import Any

import pytest

from deployctl.config.gates import MetricsGateSettings
from deployctl.gates.base import Judgement
from deployctl.gates.metrics import MetricsGate
from tests.unit.gates.support import Answer, container, context, published, serving

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
BODY = """\
# HELP python_gc_objects_collected_total Objects collected during gc
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 75.0
python_gc_objects_collected_total{generation="1"} 12.0
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7674e+09
# TYPE http_requests counter
http_requests_total{method="GET",path="/"} 3.0
# TYPE odd gauge
odd NaN
"""


def gate(**settings: Any) -> MetricsGate:
    return MetricsGate("metrics", MetricsGateSettings.model_validate(settings), "api")


def judged(
    body: str | bytes = BODY,
    content_type: str | None = TEXT,
    status: int = 200,
    before: str | None = None,
    **settings: Any,
) -> Judgement:
    baseline = {}
    if before is not None:
        with serving(Answer(200, before, TEXT)) as server:
            earlier = context(container(ports=(published(server.port),)), proving=False)
            baseline["metrics"] = gate().observe(earlier)
    with serving(Answer(status, body, content_type)) as server:
        ctx = context(container(ports=(published(server.port),)), baseline=baseline)
        return gate(**settings).judge(gate(**settings).observe(ctx))


def test_a_whole_exposition_passes_by_its_samples() -> None:
    assert judged() == Judgement("pass", "5 samples in 4 families")


class TestRequiredSeries:
    @pytest.mark.parametrize(
        "series",
        [
            "process_start_time_seconds",
            "python_gc_objects_collected_total",
            "python_gc_objects_collected",
            'http_requests_total{method="GET"}',
            'http_requests_total{method=~"G.+",path!="/x"}',
            'http_requests_total{missing=""}',
        ],
    )
    def test_found(self, series: str) -> None:
        assert judged(require=[series]).state == "pass"

    @pytest.mark.parametrize(
        "series",
        ["http", 'http_requests_total{method="POST"}', 'http_requests_total{method!~"GET|PUT"}'],
    )
    def test_missing(self, series: str) -> None:
        assert judged(require=[series]).reason == f"{series} is missing"

    def test_not_finite(self) -> None:
        assert judged(require=["odd"]).reason == "odd has a value that is not finite"


class TestWhatIsNoExposition:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("", "empty"),
            ("\n\n", "empty"),
            ("# just a comment\n", "no samples"),
            ("# TYPE a counter\n", "no samples"),
            ("status 200\n", "no series has a TYPE"),
            ("<!doctype html>\n<p>404</p>\n", "web page"),
            (BODY[:-1], "cut off"),
            (BODY[:-5], "cut off"),
            (BODY + "half{la\n", "can't be parsed"),
            ('{"status": "ok"}\n', "can't be parsed"),
            (b"a \xff\n", "not UTF-8"),
        ],
    )
    def test_body(self, body: str | bytes, reason: str) -> None:
        verdict = judged(body)
        assert verdict.state == "fail"
        assert reason in verdict.reason

    @pytest.mark.parametrize(
        ("content_type", "reason"),
        [
            ("text/html; charset=utf-8", "web page"),
            ("application/json", "application/json"),
            ("text/plain; version=9", "version=9"),
            (None, "no content type"),
        ],
    )
    def test_content_type(self, content_type: str | None, reason: str) -> None:
        verdict = judged(content_type=content_type)
        assert verdict.state == "fail"
        assert reason in verdict.reason

    def test_an_unknown_content_type_can_be_configured(self) -> None:
        assert judged(content_type=None, fallback="text").state == "pass"

    def test_a_web_page_cannot(self) -> None:
        assert judged(content_type="text/html", fallback="text").state == "fail"

    def test_404(self) -> None:
        assert judged(status=404).reason == "status 404, expected 200"

    def test_204(self) -> None:
        assert judged(status=204, body="").state == "fail"

    @pytest.mark.parametrize("status", [401, 403])
    def test_missing_credentials_are_a_misconfiguration(self, status: int) -> None:
        verdict = judged(status=status)
        assert verdict.state == "error"
        assert "credentials" in verdict.reason


class TestOpenMetrics:
    def test_the_media_type_chooses_the_parser(self) -> None:
        body = "# TYPE a counter\na_total 1\n# EOF\n"
        assert judged(body, OPEN, require=["a_total"]).state == "pass"

    def test_without_its_end_it_is_cut_off(self) -> None:
        assert "EOF" in judged("# TYPE a counter\na_total 1\n", OPEN).reason


class TestBaseline:
    def test_a_lost_family_is_a_failure(self) -> None:
        verdict = judged(BODY, before=BODY + "# TYPE jobs gauge\njobs 1\n")
        assert verdict.reason == "families of before the rollout are lost: jobs"

    @pytest.mark.parametrize("allowed", [True, ["jobs"]])
    def test_unless_it_may_be_lost(self, allowed: bool | list[str]) -> None:
        before = BODY + "# TYPE jobs gauge\njobs 1\n"
        assert judged(BODY, before=before, allow_lost=allowed).state == "pass"

    def test_a_family_that_has_no_samples_yet_is_not_lost(self) -> None:
        before = BODY + '# TYPE jobs gauge\njobs{a="b"} 1\n'
        assert judged(BODY + "# TYPE jobs gauge\n", before=before).state == "pass"

    def test_no_exposition_before_is_no_baseline(self) -> None:
        assert judged(before="<html>").state == "pass"


def test_it_asks_as_prometheus_does() -> None:
    with serving(Answer(200, BODY, TEXT)) as server:
        gate().observe(context(container(ports=(published(server.port),))))
        headers = server.seen[0][1]
    assert headers["Accept"].startswith("application/openmetrics-text;version=1.0.0")
    assert headers["Accept-Encoding"] == "gzip"
