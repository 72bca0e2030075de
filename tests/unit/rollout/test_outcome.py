"""Which result a run ends with."""

import pytest

from deployctl.errors import (
    ApprovalError,
    ConfigError,
    DeployctlError,
    ExitCode,
    LockedError,
    RefusedError,
    UnreachableError,
    UntouchedError,
)
from deployctl.rollout.outcome import WORDS, GatesFailed, Outcome, from_error, raise_unless_proven

from .test_decide import gate


def test_every_exit_code_has_a_word_of_its_own() -> None:
    assert set(WORDS) == set(ExitCode)
    assert len(set(WORDS.values())) == len(WORDS)


def test_the_word_of_a_code_may_be_a_better_one() -> None:
    assert Outcome(ExitCode.SEALED, "", "").result == "sealed"
    assert Outcome(ExitCode.SEALED, "", "", word="unchanged").result == "unchanged"


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["fail"], ExitCode.ROLLED_BACK),
        (["fail", "error", "inconclusive"], ExitCode.ROLLED_BACK),
        (["pass", "error"], ExitCode.INCONCLUSIVE),
        (["pass", "inconclusive"], ExitCode.INCONCLUSIVE),
        ([], ExitCode.INCONCLUSIVE),
    ],
)
def test_anything_but_pass_rolls_back(states: list[str], code: ExitCode) -> None:
    """Any `fail` is 21; what could only not be proven is 24; nothing at all proves nothing."""
    results = [gate(f"g{number}", state, "after") for number, state in enumerate(states)]
    with pytest.raises(GatesFailed) as caught:
        raise_unless_proven(results)
    assert caught.value.code is code


def test_all_that_is_required_passes() -> None:
    raise_unless_proven([gate("a", "pass", "after"), gate("b", "fail", "after", "advisory")])


def test_only_advisory_gates_prove_nothing() -> None:
    with pytest.raises(GatesFailed) as caught:
        raise_unless_proven([gate("b", "pass", "after", "advisory")])
    assert caught.value.code is ExitCode.INCONCLUSIVE


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (RefusedError, "refused"), (LockedError, "locked"), (UnreachableError, "unreachable"),
        (ApprovalError, "not-approved"), (UntouchedError, "untouched"), (ConfigError, "invalid"),
    ],
)  # fmt: skip
def test_an_error_becomes_the_result_of_its_code(error: type[DeployctlError], word: str) -> None:
    outcome = from_error(error("What.", next_step="Do."))
    assert outcome.result == word
    assert (outcome.reason, outcome.next_step) == ("What.", "Do.")
    assert "not touched" in outcome.production


def test_the_lines_of_an_error_are_told_below_its_sentence() -> None:
    """Which symlinks, which commits a short SHA could mean, what git said."""
    outcome = from_error(RefusedError("Links point outside:", detail="a -> ../x\nb -> /etc\n"))
    assert outcome.reason == "Links point outside:\na -> ../x\nb -> /etc"
