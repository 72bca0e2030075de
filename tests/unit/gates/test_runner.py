"""The runner: concurrency, deadlines, cancellation. Scripted gates, real threads."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from deployctl.errors import LinkLostError
from deployctl.events import Event, Events, GateAttempt
from deployctl.gates.base import Gate, GateContext, Judgement, Observation
from deployctl.gates.runner import hold, look
from deployctl.gates.verdict import verdict
from deployctl.host.facts import ContainerState
from deployctl.host.failures import ForwardingRefused
from deployctl.result import GateResult
from tests.unit.gates.support import container, context

PASS = Judgement("pass", "ok")
FAIL = Judgement("fail", "no", "it says no")


@dataclass(frozen=True, kw_only=True)
class Seen(Observation):
    judgement: Judgement
    proving: bool


class Scripted(Gate[Seen]):
    """Answers with what the script says for the time since its first look."""

    threshold = "ok"

    def __init__(
        self,
        script: Callable[[float], Judgement],
        name: str = "a",
        mode: Any = "required",
        interval: float = 0.01,
    ) -> None:
        super().__init__(name, mode=mode, service="api", timeout=1, interval=interval)
        self._script = script
        self._began: float | None = None

    def observe(self, ctx: GateContext, previous: Seen | None = None) -> Seen:  # noqa: ARG002
        self._began = self._began or time.monotonic()
        return Seen(judgement=self._script(time.monotonic() - self._began), proving=ctx.proving)

    def judge(self, observation: Seen) -> Judgement:
        return observation.judgement


def held(
    *gates: Gate[Any],
    alive: Callable[[], bool] = lambda: True,
    min_healthy: float = 0.1,
    deadline: float = 2.0,
    events: Events | None = None,
    cancelled: threading.Event | None = None,
    **more: Any,
) -> list[GateResult]:
    return hold(
        gates,
        context(alive=alive),
        min_healthy=min_healthy,
        deadline=deadline,
        when="after",
        events=events or Events(),
        cancelled=cancelled or threading.Event(),
        **more,
    )


def listening() -> tuple[Events, list[GateAttempt]]:
    events, seen = Events(), list[GateAttempt]()

    def keep(event: Event) -> None:
        assert isinstance(event, GateAttempt)
        seen.append(event)

    events.subscribe(keep)
    return events, seen


def raising(error: Exception) -> Callable[[float], Judgement]:
    def script(_: float) -> Judgement:
        raise error

    return script


def states(results: Sequence[GateResult]) -> dict[str, str]:
    return {result.name: result.state for result in results}


class TestHold:
    def test_ends_as_soon_as_it_is_proven(self) -> None:
        began = time.monotonic()
        (result,) = held(Scripted(lambda _: PASS, interval=30))
        assert result.state == "pass"
        assert 0.1 <= time.monotonic() - began < 15, "not at the next tick"
        assert result.attempts == 2

    def test_waits_for_a_slow_start(self) -> None:
        (result,) = held(Scripted(lambda t: PASS if t > 0.2 else FAIL))
        assert result.state == "pass"

    def test_ends_early_when_a_gate_passed_and_then_keeps_failing(self) -> None:
        gate = Scripted(lambda t: PASS if t < 0.1 else FAIL)
        began = time.monotonic()
        (result,) = held(gate, min_healthy=1, deadline=30, give_up_after=0.2)
        assert time.monotonic() - began < 2
        assert (result.state, "it passed before" in result.reason) == ("fail", True)

    def test_returns_at_the_deadline_whatever_hangs(self) -> None:
        def hang(_: float) -> Judgement:
            time.sleep(3)
            return PASS

        began = time.monotonic()
        results = held(Scripted(hang), Scripted(lambda _: PASS, name="b"), deadline=0.3)
        assert time.monotonic() - began < 0.8
        assert states(results) == {"a": "inconclusive", "b": "pass"}

    def test_looks_concurrently(self) -> None:
        def slow(_: float) -> Judgement:
            time.sleep(0.1)
            return PASS

        began = time.monotonic()
        held(*(Scripted(slow, name=str(n)) for n in range(8)), min_healthy=0)
        assert time.monotonic() - began < 0.5

    def test_ends_promptly_when_cancelled(self) -> None:
        cancelled = threading.Event()
        threading.Timer(0.1, cancelled.set).start()
        began = time.monotonic()
        results = held(Scripted(lambda _: PASS), min_healthy=20, deadline=30, cancelled=cancelled)
        assert time.monotonic() - began < 0.5
        assert states(results) == {"a": "inconclusive"}
        assert "interrupted" in results[0].reason

    def test_emits_every_attempt_and_none_after_it_returned(self) -> None:
        events, seen = listening()
        (result,) = held(Scripted(lambda _: PASS), events=events)
        count = len(seen)
        time.sleep(0.05)
        assert len(seen) == count == result.attempts
        assert [event.attempt for event in seen] == list(range(1, count + 1))

    def test_of_no_gates_proves_nothing(self) -> None:
        assert held() == []
        assert verdict([]).state == "inconclusive"

    def test_keeps_the_last_observations(self) -> None:
        kept: dict[str, Observation] = {}
        held(Scripted(lambda _: PASS), observations=kept)
        assert kept == {"a": Seen(judgement=PASS, proving=True)}

    def test_asks_docker_once_for_gates_that_look_together(self) -> None:
        asked: list[str] = []

        def containers(service: str) -> tuple[ContainerState, ...]:
            asked.append(service)
            time.sleep(0.05)
            return (container(),)

        class Asking(Scripted):
            def observe(self, ctx: GateContext, previous: Seen | None = None) -> Seen:
                ctx.containers("api")
                return super().observe(ctx, previous)

        gates = [Asking(lambda _: PASS, name=str(n)) for n in range(5)]
        ctx = replace(context(), containers=containers)
        look(gates, ctx, "before", Events())
        assert asked == ["api"]


class TestWhatGoesWrong:
    def test_a_lost_link_is_inconclusive(self) -> None:
        (result,) = held(Scripted(raising(LinkLostError("gone"))), deadline=0.2)
        assert (result.state, result.reason) == (
            "inconclusive",
            "the connection to the host was lost",
        )

    def test_refused_forwarding_is_an_error_at_once(self) -> None:
        began = time.monotonic()
        (result,) = held(Scripted(raising(ForwardingRefused("sshd refuses"))), deadline=20)
        assert time.monotonic() - began < 1
        assert (result.state, result.reason) == ("error", "sshd refuses")

    def test_a_bug_in_a_gate_is_an_error_not_a_crash(self) -> None:
        (result,) = held(Scripted(raising(KeyError("x"))), deadline=0.2)
        assert (result.state, "a bug in this gate: KeyError" in result.reason) == ("error", True)


class TestLook:
    def test_looks_once_with_every_gate(self) -> None:
        events, seen = listening()
        kept: dict[str, Observation] = {}
        gates = (Scripted(lambda _: PASS), Scripted(lambda _: FAIL, name="b", mode="advisory"))
        results = look(gates, context(), "before", events, observations=kept)
        assert states(results) == {"a": "pass", "b": "fail"}
        assert [(result.when, result.attempts) for result in results] == [("before", 1)] * 2
        assert [event.gate for event in seen] == ["a", "b"]
        assert kept["a"] == Seen(judgement=PASS, proving=False)


def slowly(judgement: Judgement) -> Callable[[float], Judgement]:
    def script(_: float) -> Judgement:
        time.sleep(0.05)
        return judgement

    return script


class TestADeadLink:
    """What looks like a failure of the service may be the link's, as long as nobody notices."""

    @pytest.fixture(autouse=True)
    def _soon_slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("deployctl.gates.runner.PROMPT", 0.04)

    def test_a_slow_failure_on_it_proves_nothing(self) -> None:
        (result,) = held(Scripted(slowly(FAIL)), alive=lambda: False, deadline=0.3)
        assert (result.state, result.reason) == (
            "inconclusive",
            "the connection to the host was lost",
        )

    def test_a_service_that_fails_on_it_has_no_relapse(self) -> None:
        """The release is not given up before the link is back."""
        lost = [False]

        def script(at: float) -> Judgement:
            lost[0] = 0.1 < at < 0.4
            return slowly(FAIL)(at) if lost[0] else PASS

        (result,) = held(Scripted(script), alive=lambda: not lost[0], give_up_after=0.05)
        assert result.state == "pass"

    def test_a_link_that_answers_leaves_the_failure_as_it_is(self) -> None:
        assert states(held(Scripted(slowly(FAIL)), deadline=0.3)) == {"a": "fail"}

    def test_a_failure_that_came_at_once_was_the_services(self) -> None:
        def nobody_asks() -> bool:
            raise AssertionError

        results = held(Scripted(lambda _: FAIL), alive=nobody_asks, deadline=0.3)
        assert states(results) == {"a": "fail"}

    def test_what_is_sure_stays_so(self) -> None:
        sure = replace(FAIL, definite=True)
        assert states(held(Scripted(slowly(sure)), alive=lambda: False)) == {"a": "fail"}

    @pytest.mark.parametrize("script", [slowly(FAIL), raising(LinkLostError("gone"))])
    def test_a_single_look_that_it_spoiled_is_none(
        self, script: Callable[[float], Judgement]
    ) -> None:
        events, seen = listening()
        gates = (Scripted(lambda _: PASS, "a"), Scripted(script, "b"))
        with pytest.raises(LinkLostError, match="while the gates looked"):
            look(gates, context(alive=lambda: False), "before", events)
        assert seen == []
