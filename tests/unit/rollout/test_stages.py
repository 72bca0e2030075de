"""What stages do when the host, or the way to it, fails half-way."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.engines.compose.job import ConfirmError, Job
from deployctl.errors import LinkLostError, LockedError, RefusedError, UntouchedError
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


class Way:
    """A link that is there, or has just been lost."""

    def __init__(self) -> None:
        self.lost = False
        self.restored = 0
        self.host = SimpleNamespace(alive=lambda: not self.lost, label="vps")

    def require(self) -> None:
        if self.lost:
            raise LinkLostError("cut")

    def restore(self, _within: float) -> None:
        self.lost = False
        self.restored += 1

    def fresh(self) -> str:
        return "another"


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

    def test_what_has_lost_its_meaning_is_refused_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: Any) -> None:
            raise RefusedError("it had to wait for another run")

        monkeypatch.setattr(stages, "require_turn", refuse)
        session = self.session(job_whose_program_ends_with(failed("no-run")))
        with pytest.raises(RefusedError):
            stages.arm_stage(session, cast("Any", None))
        assert not session.armed

    def session(self, job: Job) -> Any:
        return SimpleNamespace(
            command="hotfix", job=job, found=None, goal=None, armed=False, facts=None,
            hostlink=Way(), locked=future(), prepared=future(),
        )  # fmt: skip


class TestTheLock:
    @pytest.mark.parametrize(
        "act",
        [
            lambda session: stages._send(session, 0.0),
            lambda session: stages._follow(session, cast("Any", None), 1),
            lambda session: stages._tag(session, "sha256:1", "api:1"),
        ],
        ids=["send", "build", "tag"],
    )
    @pytest.mark.parametrize(
        ("locked", "prepared", "error"),
        [
            (LockedError("taken"), None, LockedError),
            (None, UntouchedError("the file has changed"), UntouchedError),
        ],
        ids=["locked by others", "refused by now"],
    )
    def test_nothing_is_sent_built_or_tagged_without_it(
        self, act: Any, locked: Any, prepared: Any, error: type[Exception]
    ) -> None:
        session = SimpleNamespace(
            hostlink=Way(), job=SimpleNamespace(gone=False), locked=future(locked),
            prepared=future(prepared),
        )  # fmt: skip
        with pytest.raises(error):
            act(session)


class TestShipping:
    def test_the_bytes_of_every_attempt_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        attempts = [[0, 300, 700], [500, 1000], [1000]]
        """what was done when it was told; the third time it was all there already"""

        def ship(*_: Any, progress: Any, **__: Any) -> None:
            told = attempts.pop(0)
            for done in told:
                progress(done, 1000)
            if told[-1] < 1000:
                raise LinkLostError("cut")

        monkeypatch.setattr(stages.builder, "ship", ship)
        recorder = SimpleNamespace(shipped_bytes=0)
        session = cast("Any", SimpleNamespace(
            link=None, job=None, locked=None, recorder=recorder, package=object(),
            events=SimpleNamespace(emit=lambda _: None), hostlink=None,
            facts=SimpleNamespace(state_dir="/state"),
        ))  # fmt: skip
        with pytest.raises(LinkLostError):
            stages._send(session, 0.0)
        assert recorder.shipped_bytes == 700
        stages._send(session, 0.0)
        stages._send(session, 0.0)
        assert recorder.shipped_bytes == 700 + 500

    def test_for_another_job_the_source_is_sent_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While nobody held the lock, another rollout may have cleared it."""
        done: list[str] = []
        monkeypatch.setattr(stages, "_send", lambda *_: done.append("sent"))
        monkeypatch.setattr(stages, "timing", lambda _: SimpleNamespace(ship_timeout=1.0))
        build = SimpleNamespace(follow=lambda _link, run: done.append(run))
        session = cast("Any", SimpleNamespace(
            job=SimpleNamespace(gone=False, run="/runs/r-2"), locked=future(),
            prepared=future(), jobs=2, hostlink=Way(),
        ))  # fmt: skip
        stages._follow(session, cast("Any", build), shipped_for=1)
        stages._follow(session, cast("Any", build), shipped_for=2)
        assert done == ["sent", "/runs/r-2", "/runs/r-2"]


class TestConfirming:
    def confirmed_over(self, made: "Future[Any] | None", *answers: Exception | None) -> list[str]:
        over: list[str] = []
        left = list(answers)

        def confirm(host: str) -> None:
            over.append(host)
            answer = left.pop(0)
            if answer is not None:
                raise answer

        session = SimpleNamespace(fresh=made, hostlink=Way())
        stages._confirm(cast("Any", session), cast("Any", SimpleNamespace(confirm=confirm)))
        return over

    def test_over_the_connection_that_was_made_meanwhile(self) -> None:
        assert self.confirmed_over(future("made"), None) == ["made"]

    def test_over_another_where_that_one_could_not_be_made(self) -> None:
        assert self.confirmed_over(future(LinkLostError("no")), None) == ["another"]

    @pytest.mark.parametrize("error", [LinkLostError("cut"), failed("died"), TimeoutError()])
    def test_once_more_over_another_where_that_one_was_lost(self, error: Exception) -> None:
        assert self.confirmed_over(future("made"), error, None) == ["made", "another"]

    def test_once_more_when_the_link_is_back(self) -> None:
        cut = LinkLostError("cut")
        assert self.confirmed_over(future("made"), cut, cut, None) == ["made", "another", "another"]

    def test_the_next_loss_is_told(self) -> None:
        cut = LinkLostError("cut")
        with pytest.raises(LinkLostError):
            self.confirmed_over(future("made"), cut, cut, cut)

    def test_what_the_host_refuses_is_not_asked_again(self) -> None:
        with pytest.raises(ConfirmError):
            self.confirmed_over(None, ConfirmError("too late"))


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

    def test_over_a_dead_link_nobody_waits(self) -> None:
        """The host gives the lock back by itself."""
        session = SimpleNamespace(
            job=SimpleNamespace(), locked=Future(), prepared=Future(),
            hostlink=SimpleNamespace(host=SimpleNamespace(alive=lambda: False)),
        )  # fmt: skip
        endings._release(cast("Any", session))
