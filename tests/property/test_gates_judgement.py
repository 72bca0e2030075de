"""Gates never pass by accident, and never break on what a server may say."""

import copy
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployctl.config.gates import parse_series
from deployctl.gates.availability import _judge
from deployctl.gates.base import CannotObserveError, Judgement
from deployctl.gates.expect import missing
from deployctl.gates.exposition import ExpositionError, Requirement, read
from deployctl.gates.fetch import Exchange
from deployctl.gates.hold import End, Hold
from deployctl.gates.outage import Cause, Sample, summarize
from deployctl.gates.promapi import (
    read_answer,
    read_duration,
    read_samples,
    read_targets,
    read_time,
)

KEYS = st.sampled_from(["a", "b", "c", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_an_answer_holds_itself(value: Any) -> None:
    assert missing(value, copy.deepcopy(value)) == ""


@given(st.dictionaries(KEYS, JSON), st.dictionaries(KEYS, JSON))
def test_an_answer_with_more_keys_still_holds(expected: dict[str, Any], more: Any) -> None:
    assert missing(expected, {**more, **expected}) == ""


@given(st.dictionaries(KEYS, JSON, min_size=1), st.data())
def test_an_answer_without_a_key_never_holds(expected: dict[str, Any], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(expected)))
    actual = {key: value for key, value in expected.items() if key != lost}
    assert missing(expected, actual)


EXPOSITION = st.one_of(
    st.binary(max_size=80),
    st.text(alphabet='ab_{}="#, \n1.eN+<', max_size=80).map(str.encode),
)


@given(EXPOSITION, st.sampled_from(["text", "openmetrics"]))
def test_any_body_is_an_exposition_or_says_why_not(body: bytes, form: Any) -> None:
    try:
        found = read(body, form, [Requirement.parse("a")])
    except ExpositionError:
        return
    assert body.endswith(b"\n")
    assert found.seen <= found.declared


SERIES = '# TYPE up gauge\nup 1\n# TYPE req_total counter\nreq_total{path="/"} 12\n'


@given(st.integers(0, len(SERIES) - 1))
def test_a_cut_exposition_never_has_all_required_series(cut: int) -> None:
    requirements = [Requirement.parse("up"), Requirement.parse("req_total")]
    try:
        found = read(SERIES[:cut].encode(), "text", requirements)
    except ExpositionError:
        return
    assert len(found.found) < 2


@given(st.text(max_size=40))
def test_a_series_is_parsed_or_refused(text: str) -> None:
    try:
        name, _ = parse_series(text)
    except ValueError:
        return
    assert name in text


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), st.integers())
def test_only_a_success_document_is_an_answer(body: bytes, status: int) -> None:
    try:
        data = read_answer(Exchange(url="u", status=status, body=body), "/x", "")
    except CannotObserveError:
        return
    assert json.loads(body)["status"] == "success"
    assert json.loads(body)["data"] == data


@given(st.dictionaries(st.sampled_from(["activeTargets", "resultType", "result"]), JSON))
def test_any_data_is_read_or_refused(data: Any) -> None:
    for reader in (read_targets, read_samples):
        with suppress(CannotObserveError):
            reader(data)


@given(st.text(max_size=40))
def test_times_and_durations_never_raise(text: str) -> None:
    read_time(text)
    assert read_duration(text) != 0


@given(st.binary(max_size=40))
def test_any_status_line_has_a_cause(line: bytes) -> None:
    assert _judge(line) in {Cause.OK, Cause.CLOSED, Cause.SERVER_ERROR}


CAUSES = st.lists(st.tuples(st.floats(0, 0.2), st.sampled_from(list(Cause))), max_size=60)


@given(CAUSES)
def test_outages_are_within_the_time_measured_and_match_the_counts(
    steps: list[tuple[float, Cause]],
) -> None:
    at, samples = 0.0, []
    for gap, cause in steps:
        at += gap
        samples.append(Sample(at, 0.0, cause))
    seen = summarize(samples, 0.025, at + 0.01)
    assert seen.probes == len(steps)
    assert seen.failures == sum(cause.down for _, cause in steps)
    assert seen.unknown == sum(cause is Cause.NO_LINK for _, cause in steps)
    assert 0 <= seen.downtime <= at + 0.011
    assert bool(seen.outages) == bool(seen.failures)
    assert sum(outage.failures for outage in seen.outages) == seen.failures
    assert abs(sum(outage.seconds for outage in seen.outages) - seen.downtime) < 1e-6
    assert seen.resolution >= 0.025


@dataclass(frozen=True)
class Look:
    gate: str
    state: Any
    started: float
    ended: float
    restarts: int


def _looks(gate: str, steps: list[tuple[float, float, Any, bool]]) -> list[Look]:
    """A gate's looks, one after the other; `restart` is seen by the look that it comes with."""
    at, restarts, looks = 0.0, 0, []
    for pause, took, state, restart in steps:
        restarts += restart and gate == "a"
        looks.append(Look(gate, state, at + pause, at + pause + took, restarts))
        at += pause + took
    return looks


STATES = st.sampled_from(["pass", "pass", "pass", "pass", "fail", "inconclusive", "error"])
STEPS = st.lists(
    st.tuples(
        st.floats(0, 2), st.floats(0.01, 2), STATES, st.sampled_from([False, False, False, True])
    ),
    max_size=30,
)


@given(STEPS, STEPS, st.just(0.0) | st.floats(0, 5))
def test_proven_means_that_every_gate_passed_throughout(
    first: Any, second: Any, min_healthy: float
) -> None:
    """From `min_healthy` before the earliest of the last looks, of which each began in that time,
    no look of either gate was anything but a pass, nor was the service restarted."""
    held = Hold({"a": True, "b": True}, began=0, deadline=1000, min_healthy=min_healthy)
    history: list[Look] = []
    both = _looks("a", first) + _looks("b", second)
    for look in sorted(both, key=lambda each: each.ended):
        held.record(
            look.gate,
            Judgement(look.state, "seen"),
            started=look.started,
            ended=look.ended,
            identity=f"run {look.restarts}" if look.gate == "a" else "",
        )
        history.append(look)
        if held.end(look.ended) == End("proven"):
            break
    else:
        return
    last = {gate: [look for look in history if look.gate == gate][-1] for gate in ("a", "b")}
    since = min(look.started for look in last.values()) - min_healthy
    within = [look for look in history if look.ended > since + 1e-9]
    assert {look.state for look in last.values()} == {"pass"}
    assert all(look.state == "pass" for look in within)
    assert len({look.restarts for look in within if look.gate == "a"}) == 1
