"""When a release counts as proven, and when it counts as failed; on a clock of our own."""

import pytest

from deployctl.gates.base import Judgement
from deployctl.gates.hold import End, Hold

PASS = Judgement("pass", "200")
FAIL = Judgement("fail", "500", "status 500")
DEAD = Judgement("fail", "exited", "it ended", definite=True)
WAIT = Judgement("inconclusive", "starting", "not yet")
NO_NEEDS: dict[str, float | None] = {}


def hold(*required: str, advisory: str = "", min_healthy: float = 10, deadline: float = 60) -> Hold:
    gates = dict.fromkeys(required, True) | ({advisory: False} if advisory else {})
    return Hold(gates, began=0, deadline=deadline, min_healthy=min_healthy)


def feed(held: Hold, name: str, *looks: tuple[float, Judgement], took: float = 0.1) -> None:
    for started, judgement in looks:
        held.record(name, judgement, started=started, ended=started + took)


class TestProof:
    def test_needs_every_required_gate_for_the_whole_time(self) -> None:
        held = hold("a", "b")
        feed(held, "a", (0, PASS), (10.2, PASS))
        assert held.end(10.3) is None
        feed(held, "b", (5, PASS), (10.2, PASS))
        assert held.end(10.3) is None
        feed(held, "b", (15.2, PASS))
        feed(held, "a", (15.2, PASS))
        assert held.end(15.3) == End("proven")

    def test_needs_a_look_that_began_after_the_time_was_over(self) -> None:
        held = hold("a")
        feed(held, "a", (0, PASS), (10.0, PASS))
        assert held.end(10.1) is None
        feed(held, "a", (10.1, PASS))
        assert held.end(10.2) == End("proven")

    def test_starts_again_after_a_failure(self) -> None:
        held = hold("a")
        feed(held, "a", (0, PASS), (5, FAIL), (6, PASS), (10.2, PASS))
        assert held.end(10.3) is None
        feed(held, "a", (16.2, PASS))
        assert held.end(16.3) == End("proven")

    def test_starts_again_after_a_restart(self) -> None:
        held = hold("a", "b")
        feed(held, "a", (0, PASS))
        held.record("b", PASS, started=0, ended=0.1, identity="one")
        held.record("b", PASS, started=5, ended=5.1, identity="two")
        feed(held, "a", (10.2, PASS))
        held.record("b", PASS, started=10.2, ended=10.3, identity="two")
        assert held.end(10.4) is None

    def test_does_not_wait_for_advisory_gates(self) -> None:
        held = hold("a", advisory="b")
        feed(held, "a", (0, PASS), (10.1, PASS))
        feed(held, "b", (0, DEAD))
        assert held.end(10.2) == End("proven")
        assert held.verdicts(End("proven"), NO_NEEDS)["b"] == DEAD

    def test_of_no_time_at_all_needs_one_pass_of_each(self) -> None:
        held = hold("a", "b", min_healthy=0)
        feed(held, "a", (0, PASS))
        assert held.end(0.1) is None
        feed(held, "b", (1, PASS))
        assert held.end(1.1) == End("proven")

    def test_of_no_time_at_all_needs_a_moment_at_which_all_hold(self) -> None:
        held = hold("a", "b", min_healthy=0)
        feed(held, "a", (0, PASS))
        feed(held, "b", (1, FAIL), (2, PASS))
        assert held.end(2.1) is None, "a may have been broken while b was"
        assert held.due("a", 5.0) <= 2.1, "so it looks again at once"
        feed(held, "a", (2.1, PASS))
        assert held.end(2.2) == End("proven")

    def test_of_no_time_at_all_does_not_rest_on_a_look_that_began_before_a_failure(self) -> None:
        held = hold("a", "b", min_healthy=0)
        feed(held, "b", (1, FAIL), (2, PASS))
        held.record("a", PASS, started=0.5, ended=3)
        assert held.end(3) is None
        feed(held, "a", (3, PASS))
        assert held.end(3.1) == End("proven")

    def test_of_no_time_at_all_is_not_broken_by_an_advisory_gate(self) -> None:
        held = hold("a", "b", advisory="c", min_healthy=0)
        feed(held, "a", (0, PASS))
        feed(held, "c", (1, FAIL))
        feed(held, "b", (0, PASS))
        assert held.end(1.1) == End("proven")

    def test_is_impossible_without_a_required_gate(self) -> None:
        held = hold(advisory="a", min_healthy=0)
        feed(held, "a", (0, PASS))
        assert held.end(1) is None
        assert held.end(60) == End("deadline")


class TestTheEnd:
    def test_comes_at_once_with_what_cannot_heal(self) -> None:
        held = hold("a", "b")
        feed(held, "a", (0, DEAD))
        assert held.end(0.1) == End("definite", "a")

    def test_comes_early_when_a_gate_passed_and_then_keeps_failing(self) -> None:
        held = hold("a")
        feed(held, "a", (0, PASS), (3, FAIL), (4, FAIL), (5, FAIL))
        assert held.end(5.1) is None
        feed(held, "a", (6.5, FAIL))
        assert held.end(6.6) == End("relapse", "a")
        reason = held.verdicts(End("relapse", "a"), NO_NEEDS)["a"].reason
        assert reason == "status 500 (it passed before, then failed 4 times in 3.5 s)"

    def test_does_not_come_early_for_a_slow_start(self) -> None:
        held = hold("a")
        feed(held, "a", *((float(second), FAIL) for second in range(59)))
        assert held.end(59) is None

    def test_waits_longer_for_a_gate_that_sees_slowly(self) -> None:
        held = hold("a")
        feed(held, "a", (0, PASS))
        for second in range(1, 10):
            held.record("a", FAIL, started=second, ended=second + 0.1, patience=30)
        assert held.end(11) is None

    def test_comes_at_the_deadline(self) -> None:
        assert hold("a").end(60) == End("deadline")

    def test_comes_when_cancelled(self) -> None:
        assert hold("a").end(1, cancelled=True) == End("cancelled")


class TestTheLastWord:
    def test_is_the_last_look(self) -> None:
        held = hold("a")
        feed(held, "a", (0, WAIT), (59, FAIL))
        assert held.verdicts(End("deadline"), NO_NEEDS) == {"a": FAIL}

    def test_a_pass_that_was_too_short_is_none(self) -> None:
        held = hold("a")
        feed(held, "a", (55, PASS), (59, PASS))
        verdict = held.verdicts(End("deadline"), NO_NEEDS)["a"]
        assert verdict.state == "inconclusive"
        assert verdict.reason == "it held for 4.0 s of 10 s when the deadline came"

    def test_a_pass_that_comes_and_goes_is_a_failure(self) -> None:
        held = hold("a")
        feed(held, "a", (50, PASS), (54, FAIL), (55, PASS), (59, PASS))
        verdict = held.verdicts(End("deadline"), NO_NEEDS)["a"]
        assert verdict.state == "fail"
        assert verdict.reason.endswith("before: status 500")

    def test_an_interruption_proves_nothing(self) -> None:
        held = hold("a")
        feed(held, "a", (0, PASS), (9, PASS))
        assert held.verdicts(End("cancelled"), NO_NEEDS)["a"].state == "inconclusive"

    def test_two_gates_that_never_held_together_are_no_proof(self) -> None:
        held = hold("a", "b", min_healthy=10)
        feed(held, "a", (0, PASS), (10.2, PASS))
        feed(held, "b", (5, PASS), (15.2, PASS))
        states = [each.state for each in held.verdicts(End("deadline"), NO_NEEDS).values()]
        assert sorted(states) == ["inconclusive", "pass"]

    def test_a_gate_without_an_answer_is_inconclusive(self) -> None:
        assert hold("a").verdicts(End("deadline"), NO_NEEDS)["a"].state == "inconclusive"

    def test_a_deadline_that_is_too_short_is_said(self) -> None:
        held = hold("a")
        feed(held, "a", (0, WAIT))
        reason = held.verdicts(End("deadline"), {"a": 75.0})["a"].reason
        assert reason == "not yet; a proof takes about 75 s, the deadline is 60 s"


class TestTheNextLook:
    def test_comes_after_the_gates_own_pause(self) -> None:
        held = hold("a")
        feed(held, "a", (0, FAIL))
        assert held.due("a", 2.0) == pytest.approx(2.1)

    def test_comes_as_soon_as_the_time_is_over(self) -> None:
        held = hold("a", "b", min_healthy=1)
        feed(held, "a", (0, PASS))
        feed(held, "b", (0, PASS))
        assert held.due("a", 5.0) == pytest.approx(1.1)

    def test_the_look_that_is_due_then_is_the_proof(self) -> None:
        held = hold("a", min_healthy=0.7)
        feed(held, "a", (0.3, PASS))
        feed(held, "a", (held.due("a", 5.0), PASS))
        assert held.end(2) == End("proven")
