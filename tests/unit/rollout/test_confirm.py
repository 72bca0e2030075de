"""What `deployctl confirm` says of an order whose outcome it has read, and of one that it hasn't.

Made up are the host's answers: a link that breaks just as the order is obeyed can't be had here.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.engines.compose.job import ConfirmError
from deployctl.engines.compose.runs import RunState
from deployctl.engines.compose.survey import Unfinished
from deployctl.errors import ExitCode, LinkLostError, RefusedError, UnreachableError
from deployctl.host.connection import Answer, ProgramFailed
from deployctl.host.failures import AnswerTimeoutError
from deployctl.rollout import confirm
from deployctl.rollout.outcome import Outcome
from tests.unit.engines.support import record, survey

RUN = Unfinished("run-1", "swapped", {"release": "r1"}, silent_s=60, left_s=60)
GONE = UnreachableError("the host does not answer")
LOST = [
    LinkLostError("cut"),
    AnswerTimeoutError("late"),
    TimeoutError("late"),
    ProgramFailed("died", "it ended early", Answer()),
    ConfirmError("the host says 'swapped' instead of confirmed"),
    GONE,
]


class Ordered:
    """A confirmation that breaks off, and what the host says of the run when asked again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._set = monkeypatch.setattr
        self.session: Any = SimpleNamespace(
            hostlink=SimpleNamespace(host=None, fresh=lambda: None),
            facts=survey(),
            goal=record("r1"),
            settings=SimpleNamespace(host=SimpleNamespace(operators_group=None)),
            options=SimpleNamespace(operator="bob"),
            confirmed=False,
        )
        self._set(confirm.survey, "take", lambda *_, **__: survey())
        self._set(confirm, "record_containers", lambda *_: None)

    def __call__(self, error: Exception | None, then: str | Exception = "") -> Outcome:
        def order(_job: object, _fresh: object, by: str) -> None:
            self.by = by
            if error is not None:
                raise error

        def ask(*_: object) -> RunState:
            if isinstance(then, Exception):
                raise then
            return RunState(then, job_lives=True, releases=())

        self._set(confirm.Job, "confirm", order)
        self._set(confirm.runs, "ask", ask)
        return confirm._order(self.session, RUN)


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> Ordered:
    return Ordered(monkeypatch)


def test_one_that_the_host_reads_back_is_0(ordered: Ordered) -> None:
    assert ordered(None).code is ExitCode.SEALED
    assert ordered.session.confirmed
    assert ordered.by == "bob", "the run's own client is told so when it comes back"


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "then",
    ["swapped", "", GONE, RefusedError("no run"), TimeoutError(), ProgramFailed("x", "", Answer())],
    ids=str,
)
def test_one_that_nobody_read_back_is_22(
    ordered: Ordered, error: Exception, then: str | Exception
) -> None:
    """The host may yet obey it."""
    outcome = ordered(error, then)
    assert outcome.code is ExitCode.ROLLBACK_FAILED
    assert "was not read" in outcome.production
    assert outcome.next_step == "deployctl attach run-1"
    assert not ordered.session.confirmed


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_one_that_was_obeyed_all_the_same_is_0(ordered: Ordered, error: Exception) -> None:
    assert ordered(error, "confirmed").code is ExitCode.SEALED
    assert ordered.session.confirmed


@pytest.mark.parametrize(
    ("state", "says"),
    [("rolling_back nobody confirmed", "is being put back"), ("rolled_back late", "was put back")],
)
def test_a_refusal_that_was_read_is_23(ordered: Ordered, state: str, says: str) -> None:
    outcome = ordered(ConfirmError("?"), state)
    assert outcome.code is ExitCode.REFUSED
    assert outcome.reason == f"Run run-1 was not confirmed: it {says}."


def test_a_bug_is_not_taken_for_a_lost_answer(ordered: Ordered) -> None:
    with pytest.raises(ZeroDivisionError):
        ordered(ZeroDivisionError(), "swapped")
