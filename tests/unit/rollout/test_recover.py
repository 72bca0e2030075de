"""How an abandoned run is ended, and what is asked of the release that serves then."""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.config.settings import HostSettings, RolloutSettings, Settings
from deployctl.engines.compose.job import RollbackOutcome
from deployctl.engines.compose.survey import Unfinished
from deployctl.errors import ExitCode, UnreachableError
from deployctl.events import Events
from deployctl.evidence.marks import Marks
from deployctl.rollout import recover
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.recorder import Recorder
from tests.unit.engines.support import survey
from tests.unit.gates.support import container, context


@pytest.fixture
def session() -> Any:
    return SimpleNamespace(
        settings=Settings(target="lab", host=HostSettings(host="h"), services=("api",)),
        hostlink=SimpleNamespace(host=None),
        options=SimpleNamespace(advisory={}),
        events=Events(),
        recorder=SimpleNamespace(gates=[]),
        survey=None,
        marks=Marks(),
        facts=survey(),
    )


def prove(session: Any, monkeypatch: pytest.MonkeyPatch, *restarts: int) -> str:
    """`restarts`: the container's count at each look."""
    counts = list(restarts)

    def containers(_: str) -> Any:
        return (container(restart_count=counts.pop(0) if len(counts) > 1 else counts[0]),)

    monkeypatch.setattr(recover.survey, "take", lambda *_, **__: survey())
    monkeypatch.setattr(recover, "record_containers", lambda *_: None)
    monkeypatch.setattr(recover, "gate_context", lambda *_, **__: context(containers=containers))
    times = RolloutSettings(min_healthy=0.0, deadline=5.0)
    monkeypatch.setattr(recover, "timing", lambda _: times)
    return recover.prove(session)


def test_a_restart_long_ago_is_no_fault_of_what_serves_now(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prove(session, monkeypatch, 3) == "what ran before serves"


def test_a_restart_meanwhile_is(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(recover.NotEndedError, match="restarted it once"):
        prove(session, monkeypatch, 3, 4)


@pytest.mark.parametrize(
    ("serves", "sentence"),
    [
        ("what ran before serves", "What ran before serves."),
        ("r1 (d73cfb1) serves", "r1 (d73cfb1) serves."),
        ("restored it serves", "Restored it serves."),
    ],
)
def test_the_number_of_a_release_stays_as_it_is(serves: str, sentence: str) -> None:
    outcome = recover._proven("run x was put back", serves)
    assert outcome.production == sentence
    assert outcome.reason.startswith(f"Run x was put back, and {serves}.")


class TestARunThatIsLeft:
    """From the first order on production may have changed: what fails then is 22."""

    @pytest.fixture
    def left(self, session: Any) -> Any:
        run = Unfinished("run-1", "swapped", {}, silent_s=600)
        session.facts = survey(unfinished=(run,))
        session.ending = None
        session.recorder = Recorder(session.events)
        session.options.operator = "ann"
        session.wanted = None
        session.note = lambda *_: None
        return session

    def end(
        self,
        left: Any,
        monkeypatch: pytest.MonkeyPatch,
        ends: RollbackOutcome | Exception,
        serves: str | Exception = "what ran before serves",
        alone: Any = None,
    ) -> Outcome:
        def answer(it: Any) -> Any:
            if isinstance(it, Exception):
                raise it
            return it

        monkeypatch.setattr(recover.job, "resume", lambda *_: answer(ends))
        monkeypatch.setattr(recover, "prove", lambda _: answer(serves))
        monkeypatch.setattr(recover, "alone", alone or nullcontext)
        return recover.recover(left)

    @pytest.mark.parametrize(
        ("state", "said"),
        [("rolled_back", "put back"), ("confirmed", "finished"), ("released", "ended unchanged")],
    )
    def test_is_brought_to_its_end(
        self, left: Any, monkeypatch: pytest.MonkeyPatch, state: str, said: str
    ) -> None:
        outcome = self.end(left, monkeypatch, RollbackOutcome(state))
        assert outcome.code is ExitCode.SEALED
        assert f"Run run-1 was {said}" in outcome.reason
        assert left.recorder.rollback.state == "proven"

    @pytest.mark.parametrize(
        "ends",
        [
            RollbackOutcome("rollback_failed", ("up: api: no such port",)),
            RollbackOutcome("kept", ("the image that ran before is gone",)),
            RollbackOutcome("unknown", ("the link was lost",)),
            UnreachableError("the host does not answer"),
        ],
        ids=["failed", "kept", "unknown", "unreachable"],
    )
    def test_or_it_is_22(self, left: Any, monkeypatch: pytest.MonkeyPatch, ends: Any) -> None:
        outcome = self.end(left, monkeypatch, ends)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        told = str(ends) if isinstance(ends, Exception) else ends.failures[0]
        assert told.rstrip(".") in outcome.reason
        assert left.recorder.rollback.state == "unproven"

    def test_and_what_can_not_be_put_back_is_not_tried_again_but_mended_forward(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = RollbackOutcome("kept", ("the image that ran before is gone",))
        step = self.end(left, monkeypatch, gone).next_step
        assert "deployctl hotfix --sha FIX" in step
        assert "rollback again" not in step

    def test_so_it_is_where_what_serves_then_does_not_hold(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serves = recover.NotEndedError("what runs now does not hold: health: 500")
        outcome = self.end(left, monkeypatch, RollbackOutcome("rolled_back"), serves)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "health: 500" in outcome.reason

    def test_only_the_run_that_is_meant_is_ended(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Unfinished("run-2", "swapped", {}, silent_s=600)
        left.facts = survey(unfinished=(*left.facts.unfinished, other))
        left.ending = "run-2"
        outcome = self.end(left, monkeypatch, RollbackOutcome("rolled_back"))
        assert "run-2 was put back" in outcome.reason
        assert "run-1" not in outcome.reason

    def test_and_what_to_do_then_names_the_run(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outcome = self.end(left, monkeypatch, RollbackOutcome("rollback_failed", ("up: no",)))
        assert "deployctl rollback --run run-1 again" in outcome.next_step

    def test_nobody_else_begins_before_what_serves_is_proven(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []

        @contextmanager
        def alone(_: Any) -> Any:
            done.append("locked")
            monkeypatch.setattr(recover, "prove", lambda _: done.append("proven"))
            yield
            done.append("unlocked")

        self.end(left, monkeypatch, RollbackOutcome("rolled_back"), alone=alone)
        assert done == ["locked", "proven", "unlocked"]

    def test_is_not_yet_the_release_that_was_asked_for(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left.wanted = "r1"
        outcome = self.end(left, monkeypatch, RollbackOutcome("rolled_back"))
        assert outcome.code is ExitCode.REFUSED
        assert outcome.next_step == "deployctl rollback --to r1"
