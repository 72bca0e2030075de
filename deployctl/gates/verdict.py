"""What the results of all gates mean together. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from deployctl.result import GateResult


@dataclass(frozen=True)
class Verdict:
    """`fail` ends in exit code 21, `inconclusive` in 24; both roll back."""

    state: Literal["pass", "fail", "inconclusive"]
    reason: str


def verdict(results: Sequence[GateResult]) -> Verdict:
    """Every required gate must pass; without a required gate nothing is proven."""
    required = [result for result in results if result.mode == "required"]
    if not required:
        return Verdict("inconclusive", "no required gate was run, so nothing is proven")
    failed = [result for result in required if result.state == "fail"]
    if failed:
        return Verdict("fail", _reasons(failed))
    unproven = [result for result in required if result.state != "pass"]
    if unproven:
        return Verdict("inconclusive", _reasons(unproven))
    return Verdict("pass", "")


def _reasons(results: Iterable[GateResult]) -> str:
    """A reason that several gates share is told once."""
    names: dict[str, list[str]] = {}
    for result in results:
        names.setdefault(result.reason or result.observed, []).append(result.name)
    return "; ".join(f"{', '.join(gates)}: {reason}" for reason, gates in names.items())


def held_before(results: Sequence[GateResult]) -> frozenset[str]:
    """Names of the gates that passed before the rollout: these judge a rollback.

    Empty when nothing held: then image, file and container state are the proof, not gates.
    """
    return frozenset(
        result.name for result in results if result.when == "before" and result.state == "pass"
    )


def failed_already(results: Sequence[GateResult]) -> list[str]:
    """Names of the required gates that failed after the switch, and had failed before it, too."""
    before = {result.name for result in results if _failed(result, "before")}
    return [result.name for result in results if _failed(result, "after") and result.name in before]


def _failed(result: GateResult, when: Literal["before", "after"]) -> bool:
    return result.when == when and result.state == "fail" and result.mode == "required"
