"""A run that has changed nothing yet, and whose link is lost."""

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.engines.compose.job import JobSpec
from deployctl.engines.compose.job_line import JobGoneError
from deployctl.errors import (
    LinkLostError,
    LockedError,
    RefusedError,
    UnreachableError,
    UntouchedError,
)
from deployctl.host.failures import AnswerTimeoutError
from deployctl.rollout import holding, loss
from deployctl.rollout.loss import Patience, is_loss
from deployctl.rollout.resumed import once_more, resumed

CUT = LinkLostError("cut")
SPEC = JobSpec(
    run_id="r", state_dir="/state", state_group="", docker=("docker",), compose_words=(),
    up_words=(), project="p", services=("api",), live_after="r9", lock_wait=5, budget=10.0,
    about={},
)  # fmt: skip


@pytest.mark.parametrize(
    ("error", "answers", "so"),
    [
        (CUT, True, True),
        (JobGoneError("gone"), True, True),
        (AnswerTimeoutError("late"), False, True),
        (UnreachableError("no further connection"), False, True),
        (TimeoutError("the job said nothing"), False, True),
        (AnswerTimeoutError("late"), True, False),
        (TimeoutError("the job said nothing"), True, False),
        (RefusedError("drift"), False, False),
        (UntouchedError("the build failed"), False, False),
        (LockedError("taken"), False, False),
        (KeyboardInterrupt(), False, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_a_loss_is_the_links_or_the_jobs(error: BaseException, answers: bool, so: bool) -> None:
    assert is_loss(error, lambda: answers) is so


class Way:
    def __init__(self, *, back: bool = True) -> None:
        self.within: list[float] = []
        self._back = back
        self.host = SimpleNamespace(alive=lambda: True)

    def restore(self, within: float) -> None:
        self.within.append(within)
        if not self._back:
            raise LinkLostError("could not be had again")


def session_with(way: Way, **more: Any) -> Any:
    values = {"armed": False, "patience": Patience(), "hostlink": way, "job": None, "locked": None,
              "prepared": None, **more}  # fmt: skip
    return SimpleNamespace(**values)


def failing(*errors: Exception) -> Any:
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


class TestDoingItAgain:
    def test_over_the_next_connection(self) -> None:
        way = Way()
        assert resumed(session_with(way), failing(CUT, CUT)) == "done"
        assert len(way.within) == 2

    def test_what_is_no_loss_is_told_at_once(self) -> None:
        way = Way()
        with pytest.raises(RefusedError):
            resumed(session_with(way), failing(RefusedError("drift")))
        assert way.within == []

    def test_never_once_armed(self) -> None:
        way = Way()
        with pytest.raises(LinkLostError, match="cut"):
            resumed(session_with(way, armed=True), failing(CUT))
        assert way.within == []

    def test_a_link_that_can_not_be_had_again_ends_it(self) -> None:
        with pytest.raises(LinkLostError, match="had again"):
            resumed(session_with(Way(back=False)), failing(CUT))

    def test_one_that_comes_and_goes_ends_it_as_well(self) -> None:
        session = session_with(Way())
        with pytest.raises(LinkLostError):
            resumed(session, failing(*[CUT] * 20))
        with pytest.raises(LinkLostError):
            resumed(session, failing(CUT))
        assert session.patience.losses == loss.MOST

    def test_the_time_is_that_of_the_whole_run(self) -> None:
        way = Way()
        session = session_with(way, patience=Patience(waited=loss.LONGEST - 5))
        resumed(session, failing(CUT))
        assert way.within == [pytest.approx(5)]
        session.patience.waited = loss.LONGEST
        with pytest.raises(LinkLostError):
            resumed(session, failing(CUT))

    def test_a_job_that_can_not_be_asked_after_is_the_next_loss(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []

        def renew(_: object) -> None:
            asked.append(1)
            if len(asked) == 1:
                raise CUT

        monkeypatch.setattr("deployctl.rollout.resumed.renew", renew)
        way = Way()
        assert resumed(session_with(way), failing(CUT)) == "done"
        assert len(way.within) == 2


def future(value: Exception | None = None) -> "Future[None]":
    made: Future[None] = Future()
    if value is not None:
        made.set_exception(value)
    else:
        made.set_result(None)
    return made


class TestTheJobAfterALoss:
    @pytest.fixture
    def done(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        done: list[str] = []
        monkeypatch.setattr(holding, "start", lambda _: done.append("started"))
        monkeypatch.setattr(holding, "_prepare", lambda *_: done.append("prepared"))
        return done

    def session(self, *, lives: bool = True, gave_up: bool = False, **more: Any) -> Any:
        job = SimpleNamespace(
            lives=lambda: lives, close=lambda: None, gave_up=gave_up, end="released asked to"
        )
        notes: list[str] = []
        values = {"locked": future(), "prepared": future(), **more}
        return SimpleNamespace(job=job, note=lambda _level, text: notes.append(text), **values)

    def renewed(self, session: Any) -> None:
        holding.renew(cast("Any", session))
        session.prepared.exception(5)

    def test_that_is_still_there_goes_on(self, done: list[str]) -> None:
        self.renewed(self.session())
        assert done == []

    def test_that_gave_up_is_replaced(self, done: list[str]) -> None:
        self.renewed(self.session(lives=False, gave_up=True))
        assert done == ["started"]

    def test_that_somebody_ended_is_not(self, done: list[str]) -> None:
        """`deployctl unlock` has taken the lock from it."""
        with pytest.raises(UntouchedError, match="released asked to"):
            self.renewed(self.session(lives=False))
        assert done == []

    def test_that_may_never_have_begun_is_replaced(self, done: list[str]) -> None:
        self.renewed(self.session(locked=future(CUT), prepared=future(CUT)))
        assert done == ["started"]

    def test_that_was_cut_off_while_it_prepared_prepares_again(self, done: list[str]) -> None:
        self.renewed(self.session(prepared=future(CUT)))
        assert done == ["prepared"]

    @pytest.mark.parametrize("error", [LockedError("taken"), UntouchedError("no space")])
    def test_that_was_refused_is_not_asked_for_again(
        self, done: list[str], error: Exception
    ) -> None:
        session = self.session(locked=future(error), prepared=future(error), lives=False)
        holding.renew(cast("Any", session))
        assert done == []
        with pytest.raises(type(error)):
            session.locked.result()

    def test_without_one_there_is_nothing_to_do(self, done: list[str]) -> None:
        holding.renew(cast("Any", SimpleNamespace(job=None, locked=None, prepared=None)))
        assert done == []


class TestTheLock:
    def session(self, *, lost: bool = False, gone: bool = False) -> Any:
        def require() -> None:
            if lost:
                raise CUT

        link = SimpleNamespace(require=require)
        return SimpleNamespace(
            link=link, hostlink=link, job=SimpleNamespace(gone=gone), locked=future(),
            prepared=future(),
        )  # fmt: skip

    def test_is_held_by_a_job_that_lives(self) -> None:
        holding.hold(self.session())

    def test_is_not_by_one_that_is_known_to_have_ended(self) -> None:
        with pytest.raises(JobGoneError):
            holding.hold(self.session(gone=True))

    def test_is_not_for_sure_over_a_link_that_is_known_to_be_lost(self) -> None:
        with pytest.raises(LinkLostError):
            holding.hold(self.session(lost=True))


class TestALook:
    def test_that_was_cut_off_is_taken_once_more(self) -> None:
        way = Way()
        assert once_more(session_with(way, armed=True), failing(CUT)) == "done"
        assert len(way.within) == 1

    def test_and_no_more_than_that(self) -> None:
        with pytest.raises(LinkLostError):
            once_more(session_with(Way(), armed=True), failing(CUT, CUT))


class TestWhileWhatServesIsProven:
    """Nobody else begins meanwhile: a job that is ordered nothing holds the lock."""

    def prove(self, monkeypatch: pytest.MonkeyPatch, start: Callable[[], None]) -> tuple[Any, ...]:
        done: list[str] = []

        class Quiet:
            def start(self, _: Any) -> None:
                start()

            def release(self) -> None:
                done.append("released")

            def close(self) -> None:
                done.append("closed")

        monkeypatch.setattr(holding, "_spec", lambda *_: SPEC)
        monkeypatch.setattr(holding, "Job", lambda *_: Quiet())
        session = SimpleNamespace(
            facts=SimpleNamespace(live="r9"), jobs=0, job=None, hostlink=None,
            recorder=SimpleNamespace(current="rollback"), note=lambda *_: done.append("told"),
        )  # fmt: skip
        with holding.alone(cast("Any", session)):
            done.append("proven")
        return session.job, *done

    def test_the_lock_is_held(self, monkeypatch: pytest.MonkeyPatch) -> None:
        job, *done = self.prove(monkeypatch, lambda: None)
        assert job is not None
        assert done == ["proven", "released"]

    @pytest.mark.parametrize("error", [LockedError("somebody"), UntouchedError("no space")])
    def test_where_it_can_not_be_had_it_is_proven_all_the_same(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def start() -> None:
            raise error

        assert self.prove(monkeypatch, start) == (None, "closed", "told", "proven")
