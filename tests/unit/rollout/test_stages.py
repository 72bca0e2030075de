"""What stages do when the host, or the way to it, fails half-way."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.engines.compose.job import Job
from deployctl.errors import LinkLostError, LockedError, UntouchedError
from deployctl.host.connection import Answer, ProgramFailed
from deployctl.rollout import endings, stages


def failed(kind: str) -> ProgramFailed:
    return ProgramFailed(kind, "said so", Answer(), "")


def job_whose_program_ends_with(error: Exception) -> Job:
    def run(*_: Any, **__: Any) -> Answer:
        raise error

    return Job(
        cast("Any", SimpleNamespace(host=SimpleNamespace(run=run))), "/r", "", lambda _: None
    )


def future(value: Any = None) -> "Future[Any]":
    made: Future[Any] = Future()
    if isinstance(value, Exception):
        made.set_exception(value)
    else:
        made.set_result(value)
    return made


class TestArming:
    @pytest.mark.parametrize("kind", ["no-space", "no-run"])
    def test_what_was_not_ordered_has_touched_nothing(self, kind: str) -> None:
        session = self.session(job_whose_program_ends_with(failed(kind)))
        with pytest.raises(UntouchedError):
            stages.arm_stage(session, cast("Any", None))
        assert not session.armed

    @pytest.mark.parametrize("error", [failed("died"), failed("protocol"), LinkLostError("gone")])
    def test_what_may_have_been_ordered_counts_as_armed(self, error: Exception) -> None:
        """The host would roll back, or finish a rollback, by itself: it has to be told."""
        session = self.session(job_whose_program_ends_with(error))
        with pytest.raises(type(error)):
            stages.arm_stage(session, cast("Any", None))
        assert session.armed

    def session(self, job: Job) -> Any:
        return SimpleNamespace(job=job, found=None, goal=None, armed=False, facts=None)


class TestTheLock:
    @pytest.mark.parametrize("stage", [stages.ship_stage, stages.build_stage])
    def test_nothing_is_sent_or_tagged_without_it(self, stage: Any) -> None:
        decisions = SimpleNamespace(build=True, swap=True)
        session = SimpleNamespace(
            plan=SimpleNamespace(decisions=decisions), package=object(), settings=None,
            locked=future(LockedError("taken")), prepared=Future(),
        )  # fmt: skip
        with pytest.raises(LockedError):
            stage(session, None)

    def test_what_the_host_has_refused_by_then_is_refused_before_the_build(self) -> None:
        session = SimpleNamespace(
            plan=SimpleNamespace(decisions=SimpleNamespace(build=True, swap=True)),
            settings=None, locked=future(), prepared=future(UntouchedError("the file has changed")),
        )  # fmt: skip
        with pytest.raises(UntouchedError, match="has changed"):
            stages.build_stage(cast("Any", session), cast("Any", None))


class TestConfirming:
    def confirmed_over(self, made: "Future[Any] | None", *answers: Exception | None) -> list[str]:
        over: list[str] = []
        left = list(answers)

        def confirm(host: str) -> None:
            over.append(host)
            answer = left.pop(0)
            if answer is not None:
                raise answer

        session = SimpleNamespace(fresh=made, hostlink=SimpleNamespace(fresh=lambda: "another"))
        stages._confirm(cast("Any", session), cast("Any", SimpleNamespace(confirm=confirm)))
        return over

    def test_over_the_connection_that_was_made_meanwhile(self) -> None:
        assert self.confirmed_over(future("made"), None) == ["made"]

    def test_over_another_where_that_one_could_not_be_made(self) -> None:
        assert self.confirmed_over(future(LinkLostError("no")), None) == ["another"]

    @pytest.mark.parametrize("error", [LinkLostError("cut"), failed("died"), TimeoutError()])
    def test_once_more_over_another_where_that_one_was_lost(self, error: Exception) -> None:
        assert self.confirmed_over(future("made"), error, None) == ["made", "another"]

    def test_the_second_loss_is_told(self) -> None:
        with pytest.raises(LinkLostError):
            self.confirmed_over(future("made"), LinkLostError("cut"), LinkLostError("cut"))


class TestBreakingOff:
    def test_what_still_waits_for_the_host_is_ended_before_the_lock_is_given_back(self) -> None:
        done: list[str] = []
        waiting: Future[None] = Future()

        def stop_waiting() -> None:
            done.append("stopped")
            waiting.set_exception(LinkLostError("given up"))

        session = SimpleNamespace(
            job=SimpleNamespace(stop_waiting=stop_waiting, release=lambda: done.append("released")),
            locked=future(), prepared=waiting,
            hostlink=SimpleNamespace(host=SimpleNamespace(alive=lambda: True)),
        )  # fmt: skip
        endings._release(cast("Any", session))
        assert done == ["stopped", "released"]
