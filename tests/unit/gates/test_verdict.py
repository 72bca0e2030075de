"""What all results mean together."""

from typing import Any

from deployctl.gates.verdict import held_before, verdict
from deployctl.result import GateResult


def result(name: str, state: Any, mode: Any = "required", when: Any = "after") -> GateResult:
    return GateResult(
        name=name,
        when=when,
        state=state,
        mode=mode,
        observed="seen",
        threshold="t",
        attempts=1,
        reason=f"{name} reason",
    )


def test_every_required_gate_must_pass() -> None:
    assert verdict([result("a", "pass"), result("b", "fail", mode="advisory")]).state == "pass"


def test_a_failure_goes_before_what_is_unproven() -> None:
    both = [result("a", "inconclusive"), result("b", "fail"), result("c", "error")]
    assert (verdict(both).state, verdict(both).reason) == ("fail", "b: b reason")


def test_a_reason_that_gates_share_is_told_once() -> None:
    results = [
        result(name, "inconclusive").model_copy(update={"reason": reason})
        for name, reason in (("a", "no link"), ("b", "slow"), ("c", "no link"))
    ]
    assert verdict(results).reason == "a, c: no link; b: slow"


def test_an_error_is_inconclusive() -> None:
    assert verdict([result("a", "error"), result("b", "pass")]).state == "inconclusive"


def test_nothing_is_no_pass() -> None:
    assert verdict([]).state == "inconclusive"
    assert verdict([result("a", "pass", mode="advisory")]).state == "inconclusive"


def test_a_rollback_is_judged_by_what_held_before() -> None:
    before = [
        result("a", "pass", when="before"),
        result("b", "fail", when="before"),
        result("c", "inconclusive", when="before"),
        result("d", "pass", when="after"),
    ]
    assert held_before(before) == {"a"}
