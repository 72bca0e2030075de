"""`deployctl rollback --run RUN`: that run, whenever it is typed, and never one release too far."""

from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.engines.compose.runs import RunState
from deployctl.engines.compose.survey import Unfinished
from deployctl.errors import DeployctlError, ExitCode, LockedError, RefusedError, UsageError
from deployctl.events import Events
from deployctl.result import GateResult
from deployctl.rollout import put_back, rollback
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.recorder import Recorder
from tests.unit.engines.support import NEW, record, survey

RUN = "20260103T073200Z-hotfix-1f2e3d"
R8 = record("r8", sha="8" * 40)
R9 = record(
    "r9", sha="9" * 40, previous="r8",
    services={"api": R8.services["api"].model_copy(update={"image_id": NEW})},
)  # fmt: skip
HOLDS = GateResult(
    name="health", when="rollback", state="pass", observed="200", threshold="200", attempts=1,
    reason="",
)  # fmt: skip


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = SimpleNamespace(
        ending=RUN, recorder=Recorder(Events()), hostlink=SimpleNamespace(host=None),
        facts=survey(live="r9", releases=(R8, R9)),
    )  # fmt: skip
    monkeypatch.setattr(put_back.checks, "check_options", lambda _: None)
    monkeypatch.setattr(put_back.checks, "meet", lambda _: None)
    monkeypatch.setattr(put_back.recover, "recover", lambda _: "it was ended")
    return made


def end(
    session: Any,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    *,
    holds: bool = True,
    releases: tuple[Any, ...] = (),
) -> Outcome:
    def prove(_: Any) -> str:
        if not holds:
            raise put_back.recover.NotEndedError("what runs now does not hold: health: 500")
        session.recorder.gates.append(HOLDS)
        return "r9 (9999999) serves"

    monkeypatch.setattr(put_back.recover, "prove", prove)
    said = RunState(state, job_lives=False, releases=releases)
    monkeypatch.setattr(put_back.runs, "ask", lambda *_: said)
    return put_back.put_back(session)


def test_an_unfinished_run_is_ended(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session.facts = survey(unfinished=(Unfinished(RUN, "swapped", {}, silent_s=600),))
    assert end(session, monkeypatch, "swapped") == "it was ended"


class TestOneThatIsPutBackAlready:
    """One second after the deadline the printed command must not take the good release away."""

    def test_is_left_as_it_is_and_what_serves_is_proven(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outcome = end(session, monkeypatch, "rolled_back nobody confirmed by the deadline")
        assert (outcome.code, outcome.result) == (ExitCode.SEALED, "unchanged")
        assert outcome.reason == (
            f"Nothing was changed: run {RUN} was put back already (the host's record of it: "
            "rolled_back nobody confirmed by the deadline), and r9 (9999999) serves (gates that "
            "hold: health)."
        )
        assert session.recorder.rollback.performed is False
        assert session.recorder.rollback.state == "proven"

    @pytest.mark.parametrize("state", ["released asked to", "prepared", ""])
    def test_so_is_one_that_changed_nothing(
        self, session: Any, monkeypatch: pytest.MonkeyPatch, state: str
    ) -> None:
        assert end(session, monkeypatch, state).code is ExitCode.SEALED

    def test_and_what_does_not_hold_then_needs_a_person(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outcome = end(session, monkeypatch, "rolled_back", holds=False)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "Nothing was changed" in outcome.reason
        assert "health: 500" in outcome.reason
        assert "rollback" not in outcome.next_step


class TestOneWhoseReleaseStays:
    def refused(self, *arguments: Any, **kwargs: Any) -> DeployctlError:
        with pytest.raises(RefusedError) as refused:
            end(*arguments, **kwargs)
        assert refused.value.production == "This command touched nothing."
        return refused.value

    def test_a_confirmed_one_is_gone_back_from_by_the_name_of_a_release(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error = self.refused(session, monkeypatch, "confirmed", releases=(R9,))
        assert "was confirmed" in error.what
        assert "r9 (9999999) is live" in error.what
        assert error.next_step.startswith("deployctl rollback --to r8 ")

    def test_whatever_is_live_now_is_not_taken_for_its_release(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error = self.refused(session, monkeypatch, "confirmed unproven", releases=(R8,))
        assert error.next_step == "deployctl history; deployctl rollback --to RELEASE"

    def test_one_without_a_way_back_is_mended_forward(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error = self.refused(session, monkeypatch, "kept the image that ran before is gone")
        assert "the image that ran before is gone" in error.what
        assert "--sha FIX" in error.next_step


def test_while_somebody_is_at_work_it_has_to_wait(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.facts = survey(lock_holder={"runId": "other"})
    with pytest.raises(LockedError):
        end(session, monkeypatch, "rolled_back")


def test_what_the_host_no_longer_says_is_not_guessed_at(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RefusedError, match="just now"):
        end(session, monkeypatch, "swapped")


def test_what_is_no_run_is_no_path_either() -> None:
    nothing: Any = None
    with pytest.raises(UsageError):
        rollback.end_run(nothing, "../x", nothing, nothing, nothing, nothing)
