"""Which result a run ends with. Pure: what happened in, word, exit code and sentences out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from deployctl.errors import DeployctlError, ExitCode
from deployctl.gates.verdict import Verdict, verdict
from deployctl.result import GateResult

ResultWord = Literal[
    "sealed", "unchanged", "planned", "untouched", "rolled-back", "rollback-failed", "refused",
    "inconclusive", "unreachable", "seal-failed", "locked", "not-approved", "invalid",
    "interrupted", "usage", "bug",
]  # fmt: skip

WORDS: dict[ExitCode, ResultWord] = {
    ExitCode.SEALED: "sealed",
    ExitCode.BUG: "bug",
    ExitCode.USAGE: "usage",
    ExitCode.UNTOUCHED: "untouched",
    ExitCode.ROLLED_BACK: "rolled-back",
    ExitCode.ROLLBACK_FAILED: "rollback-failed",
    ExitCode.REFUSED: "refused",
    ExitCode.INCONCLUSIVE: "inconclusive",
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.SEAL_FAILED: "seal-failed",
    ExitCode.LOCKED: "locked",
    ExitCode.APPROVAL: "not-approved",
    ExitCode.CONFIG: "invalid",
    ExitCode.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True)
class Outcome:
    code: ExitCode
    reason: str
    production: str
    next_step: str = ""
    word: ResultWord | None = None

    @property
    def result(self) -> ResultWord:
        return self.word or WORDS[self.code]


class GatesFailed(Exception):  # noqa: N818 - it is an outcome, not an error of the program
    """At least one required gate did not pass, or none was there to prove anything."""

    def __init__(self, found: Verdict) -> None:
        super().__init__(found.reason)
        self.code = ExitCode.ROLLED_BACK if found.state == "fail" else ExitCode.INCONCLUSIVE


def raise_unless_proven(results: Sequence[GateResult]) -> None:
    """Any `fail` is 21; otherwise what could not be proven is 24 (decision 30)."""
    found = verdict(results)
    if found.state != "pass":
        raise GatesFailed(found)


def from_error(error: DeployctlError) -> Outcome:
    """The reason is the error's sentence, and below it its lines."""
    return Outcome(
        code=error.code,
        reason="\n".join(filter(None, (error.what, error.detail.rstrip()))),
        production=error.production,
        next_step=error.next_step,
    )
