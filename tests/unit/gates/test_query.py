"""The query gate."""

import json
from typing import Any

import pytest

from deployctl.config.gates import QueryGateSettings
from deployctl.gates.base import Judgement
from deployctl.gates.query import QueryGate
from tests.unit.gates.support import Answer, context, serving


def judged(*values: str, **settings: Any) -> Judgement:
    result = [{"metric": {"path": f"/{n}"}, "value": [1, v]} for n, v in enumerate(values)]
    data = {"status": "success", "data": {"resultType": "vector", "result": result}}
    with serving(Answer(body=json.dumps(data))) as server:
        raw = {"url": server.url(), "query": "rate(x[1m]) > 0", **settings}
        gate = QueryGate("errors", QueryGateSettings.model_validate(raw), "api")
        verdict = gate.judge(gate.observe(context()))
        assert server.seen[0][0] == "/api/v1/query?query=rate%28x%5B1m%5D%29+%3E+0"
    return verdict


def test_every_series_must_be_within_the_bounds() -> None:
    assert judged("0.1", "0.2", max=0.5).state == "pass"
    verdict = judged("0.1", "0.9", max=0.5)
    assert (verdict.state, verdict.reason) == ("fail", "0.9 is not <= 0.5")
    assert verdict.observed == '{path="/0"} 0.1, {path="/1"} 0.9'


def test_nothing_is_not_a_pass() -> None:
    assert judged(max=1).state == "inconclusive"


def test_nan_is_not_a_pass() -> None:
    assert judged("0", "NaN", max=1).state == "inconclusive"


def test_a_failure_goes_before_missing_data() -> None:
    assert judged("NaN", "2", max=1).state == "fail"


@pytest.mark.parametrize(("value", "state"), [("1", "pass"), ("1.5", "fail"), ("+Inf", "fail")])
def test_equality(value: str, state: str) -> None:
    assert judged(value, equals=1).state == state
