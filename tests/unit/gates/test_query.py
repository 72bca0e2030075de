"""The query gate."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from deployctl.config.gates import QueryGateSettings
from deployctl.gates.base import Judgement
from deployctl.gates.query import QueryGate
from tests.unit.gates.support import Answer, context, serving


def vector(*values: str) -> Answer:
    result = [{"metric": {"path": f"/{n}"}, "value": [1, v]} for n, v in enumerate(values)]
    data = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return Answer(body=json.dumps(data))


def judged(*values: str, **settings: Any) -> Judgement:
    with serving(vector(*values)) as server:
        raw = {"url": server.url(), "query": "rate(x[1m]) > 0", **settings}
        gate = QueryGate("errors", QueryGateSettings.model_validate(raw), "api")
        verdict = gate.judge(gate.observe(context(proving=False)))
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


class TestAfterTheSwitch:
    """Samples of the old container prove nothing."""

    @pytest.fixture
    def clock(self) -> list[float]:
        return [1000.0]

    @pytest.fixture
    def gate(self, clock: list[float]) -> Iterator[QueryGate]:
        def answer(handler: BaseHTTPRequestHandler) -> Answer:
            if "query=time" not in handler.path:
                return vector("0.1")
            data = {"resultType": "scalar", "result": [clock[0], str(clock[0])]}
            return Answer(body=json.dumps({"status": "success", "data": data}))

        with serving(answer) as server:
            raw = {"url": server.url(), "query": "x", "max": 0.5, "settle": "30s"}
            yield QueryGate("errors", QueryGateSettings.model_validate(raw), "api")

    def test_a_good_answer_counts_only_when_they_are_gone(
        self, gate: QueryGate, clock: list[float]
    ) -> None:
        ctx = context(proving=True)
        seen, states, pauses = None, [], []
        for now in (1000.0, 1012.0, 1029.9, 1030.0, 1031.0):
            clock[0] = now
            seen = gate.observe(ctx, seen)
            states.append(gate.judge(seen).state)
            pauses.append(round(gate.pause(seen), 1))
        assert states == [*["inconclusive"] * 3, "pass", "pass"]
        assert pauses == [30.0, 18.0, gate.interval, gate.interval, gate.interval]

    def test_the_reason_says_how_long_that_takes(self, gate: QueryGate) -> None:
        verdict = gate.judge(gate.observe(context(proving=True)))
        assert verdict.reason == "for another 30 s samples may be of the old container"
        assert verdict.observed == '{path="/0"} 0.1'

    def test_a_look_at_how_things_are_does_not_wait(self, gate: QueryGate) -> None:
        assert gate.judge(gate.observe(context(proving=False))).state == "pass"

    def test_the_deadline_leaves_room_for_it(self, gate: QueryGate) -> None:
        need = gate.need(None)
        assert need is not None
        assert need.least == 30
        assert need.ample > 30
        assert need.notice == 0, "what fails after it had passed is given no more time for it"
        raw = {"url": "http://p", "query": "x", "max": 1, "settle": 0}
        assert QueryGate("e", QueryGateSettings.model_validate(raw), "api").need(None) is None
