"""A rollback without `--to` that had to wait is not silently another command."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines.compose import runs
from deployctl.engines.compose.job_line import JobEvent
from deployctl.engines.compose.survey import Settled, Survey, Unfinished
from deployctl.errors import UNTOUCHED, RefusedError
from deployctl.events import Events
from deployctl.rollout import checks, holding, meaning
from tests.unit.engines.support import record, survey

ARMED = "20260103T073200Z-hotfix-1f2e3d"
R8 = record("r8", sha="8" * 40)
R9 = record("r9", sha="9" * 40, previous="r8", services={"api": R8.services["api"]})


def host(**changes: Any) -> Survey:
    return survey(live="r9", releases=(R8, R9), **changes)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    ended = runs.RunState("rolled_back ended by ann", job_lives=False, releases=())
    monkeypatch.setattr(meaning.runs, "ask", lambda *_: ended)
    monkeypatch.setattr(meaning, "before", lambda *_: R8)
    return SimpleNamespace(
        command="rollback", wanted=None, ending=None, waited=False, dry=False, marks=None,
        run_id="mine",
        settings=Settings(target="lab", host=HostSettings(host="h"), services=("api",)),
        options=SimpleNamespace(lock_wait=60.0, typed_at=time.monotonic() - 0.9),
        hostlink=SimpleNamespace(host=None),
        note=lambda *_: None, events=Events(), known_journal=SimpleNamespace(size=0),
        facts=host(),
    )  # fmt: skip


def held(run: str, **about: Any) -> Survey:
    """Its client lives, and has armed the host."""
    going = Unfinished(run, "swapped", {}, silent_s=1)
    return host(lock_holder={"runId": run, **about}, unfinished=(going,))


def waits(session: Any, monkeypatch: pytest.MonkeyPatch, *seen: Survey) -> Survey:
    looks = iter(seen)
    monkeypatch.setattr(checks.survey, "take", lambda *_, **__: next(looks))
    monkeypatch.setattr(checks.time, "sleep", lambda _: None)
    return checks._survey(session, session.hostlink)


class TestWhereAnotherRunEndedMeanwhile:
    def test_it_says_which_and_what_is_live_and_how_to_have_either(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(RefusedError) as refused:
            waits(session, monkeypatch, held(ARMED), host())
        error = refused.value
        assert f"Run {ARMED} has ended meanwhile: it was put back (ended by ann)" in error.what
        assert "r9 (9999999) is live" in error.what
        assert error.next_step.startswith("deployctl status; deployctl rollback --to r8 ")
        assert error.production == UNTOUCHED

    def test_one_that_was_left_armed_meanwhile_can_be_ended_by_its_name(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = Unfinished(ARMED, "swapped", {}, silent_s=60)
        left = host(lock_holder={"runId": ARMED}, unfinished=(gone,))
        with pytest.raises(RefusedError) as refused:
            waits(session, monkeypatch, held(ARMED), left)
        assert ARMED in refused.value.next_step
        assert refused.value.production != UNTOUCHED

    @pytest.mark.parametrize("changes", [{"wanted": "r8"}, {"command": "hotfix"}])
    def test_what_says_where_it_goes_only_waits(
        self, session: Any, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
    ) -> None:
        vars(session).update(changes)
        assert waits(session, monkeypatch, held(ARMED), host()) == host()

    def test_nobody_to_wait_for_is_no_reason_to_refuse(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert waits(session, monkeypatch, host()) == host()


class TestWhereAnotherRunEndedBeforeTheFirstLook:
    """The command began 0.9 s before it."""

    def test_it_is_refused_although_there_was_nobody_to_wait_for(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(RefusedError, match=f"Run {ARMED} has ended meanwhile"):
            waits(session, monkeypatch, host(settled=Settled(ARMED, 0.5)))

    def test_what_ended_before_the_command_began_is_what_it_is_about(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        facts = host(settled=Settled(ARMED, 100.0))
        assert waits(session, monkeypatch, facts) == facts

    def test_a_release_that_is_named_is_the_same_at_any_time(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session.wanted = "r8"
        facts = host(settled=Settled(ARMED, 0.5))
        assert waits(session, monkeypatch, facts) == facts


class TestWhereAnotherRunOnlyTidiedUp:
    tidying = host(lock_holder={"runId": ARMED, "phase": "clean-up"})

    def test_it_goes_on(self, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        assert waits(session, monkeypatch, self.tidying, host()) == host()

    def test_unless_another_release_is_live_then(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = survey(live="r8", releases=(R8, R9))
        with pytest.raises(RefusedError, match=r"r8 \(8888888\) is live"):
            waits(session, monkeypatch, self.tidying, now)


class TestJustBeforeItArmsTheHost:
    def test_it_is_refused_where_the_host_made_it_wait_for_another(
        self, session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(meaning.survey, "take", lambda *_, **__: host())
        holding.hear(session, JobEvent(0.0, "waiting", ('{"runId": "other"}',)))
        with pytest.raises(RefusedError, match="came to its end first"):
            meaning.require_turn(session)

    def test_an_earlier_job_of_its_own_is_no_other(self, session: Any) -> None:
        holding.hear(session, JobEvent(0.0, "waiting", ('{"runId": "mine-2"}',)))
        meaning.require_turn(session)

    def test_nor_is_one_that_names_its_release_refused(self, session: Any) -> None:
        session.wanted, session.waited = "r8", True
        meaning.require_turn(session)
