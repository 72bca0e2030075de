"""What broke a run off, what the host made of it, and the code that says so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job import (
    ENDED_BY,
    ConfirmError,
    RollbackOutcome,
    SwapFailedError,
    SwapRefusedError,
)
from deployctl.engines.compose.job_line import JobGoneError
from deployctl.engines.compose.runs import RunState
from deployctl.errors import ExitCode, LinkLostError, RefusedError
from deployctl.events import Event, Events, Note, RollbackStarted
from deployctl.evidence.run_directory import RunDirectory
from deployctl.gates.verdict import Verdict
from deployctl.host.programs import program_text
from deployctl.rollout.endings import broken_off
from deployctl.rollout.meanwhile import HOST_RESTARTED
from deployctl.rollout.outcome import GatesFailed
from deployctl.rollout.recorder import Recorder
from deployctl.rollout.session import Session
from deployctl.rollout.steps import RunStep
from deployctl.rollout.undo import Undone
from deployctl.rollout.undone_steps import not_undone
from deployctl.rollout.user_steps import StepFailedError
from tests.unit.engines.support import COMPOSE, FILE, POSTGRES, record, survey

from .test_decide import gate

EDIT = Edit(FILE, FILE, COMPOSE, b"", "techno-os-api:v1", "techno-os-api:d73cfb1")
FAILED = GatesFailed(Verdict("fail", "health: 500"))


@dataclass
class FakeJob:
    """The host's answer to a rollback, and what it was told."""

    ends: str
    failures: tuple[str, ...] = ()
    orders: list[str] = field(default_factory=list)
    run: str = "/state/runs/r"
    kept: str = ""
    unproven: bool = False
    end: str = ""
    gone: bool = False
    away: bool = False

    def rollback(self, reason: str) -> RollbackOutcome:
        self.orders.append("rollback")
        self.kept = reason
        if self.ends == "a bug":
            raise ZeroDivisionError
        return RollbackOutcome(self.ends, self.failures)

    def abandon(self) -> str:
        self.orders.append("abandon")
        return self.ends

    def release(self) -> None:
        self.orders.append("release")


class Run:
    """A session that came as far as its switch."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[str] = []
        self.events: list[Event] = []
        events = Events()
        events.subscribe(self._hear)
        self.session = Session(
            command="hotfix",
            settings=cast("Any", SimpleNamespace(services=("api",), public=())),
            options=cast("Any", None),
            playbook=cast("Any", None),
            events=events,
            approve=cast("Any", None),
            recorder=Recorder(events),
            evidence=RunDirectory(folder, "lab", "r"),
            run_id="r",
            wanted=None,
            scratch=cast("Any", None),
            reaching=cast("Any", None),
            survey=survey(),
            goal=record("r1", sha="d73cfb1" + "0" * 33),
            link=cast(
                "Any",
                SimpleNamespace(
                    host=SimpleNamespace(alive=lambda: True), restore=lambda _within: None
                ),
            ),
            edits=(EDIT,),
            armed=True,
            switching=True,
        )

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Note):
            self.notes.append(event.text)

    def host(self, ends: str, *failures: str) -> FakeJob:
        job = FakeJob(ends, failures)
        self.session.job = cast("Any", job)
        return job


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    there = RunState("swapped", job_lives=True, releases=())
    monkeypatch.setattr("deployctl.rollout.meanwhile.runs.ask", lambda *_: there)
    return Run(tmp_path)


class TestWhatToDoNext:
    """Where all is as before: by what had broken the run off."""

    @pytest.mark.parametrize(
        ("error", "said", "unsaid"),
        [
            (FAILED, "NEW_SHA", "same command"),
            (GatesFailed(Verdict("inconclusive", "no answer")), "same command again", "NEW_SHA"),
            (LinkLostError("Lost."), "deployctl doctor", "NEW_SHA"),
            (ConfirmError("?"), "deployctl doctor", "NEW_SHA"),
            (TimeoutError("late"), "deployctl doctor", "NEW_SHA"),
            (StepFailedError("No.", next_step="Mend the step."), "Mend the step.", "NEW_SHA"),
            (SwapFailedError("up: no such port"), "on the host", "bug.txt"),
            (KeyboardInterrupt(), "same command again", "NEW_SHA"),
            (ZeroDivisionError(), "bug.txt", "NEW_SHA"),
        ],
    )
    @pytest.mark.parametrize("undone", ["proven", "nothing"])
    def test_is_told(
        self,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        undone: Any,
        error: BaseException,
        said: str,
        unsaid: str,
    ) -> None:
        run.host("rolled_back")
        as_before = Undone(undone, "why", "r0 serves again.")
        monkeypatch.setattr("deployctl.rollout.undo.undo", lambda *_: as_before)
        told = broken_off(run.session, error).next_step
        assert said in told
        assert unsaid not in told

    @pytest.mark.parametrize("before", ["fail", "pass"])
    def test_a_gate_that_had_failed_before_may_be_wrong_itself(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, before: str
    ) -> None:
        run.host("rolled_back")
        run.session.recorder.gates = [
            gate("prometheus", before, "before"),
            gate("health", "fail", "before", "advisory"),
            gate("prometheus", "fail", "after"),
            gate("health", "fail", "after", "advisory"),
        ]
        monkeypatch.setattr(
            "deployctl.rollout.undo.undo", lambda *_: Undone("proven", "why", "r0 serves again.")
        )
        told = broken_off(run.session, FAILED).next_step
        assert told.startswith("Mend the commit, then deployctl hotfix --sha NEW_SHA. ")
        possible = (
            "Or, as the gate prometheus had failed before the switch already: if what is wrong is "
            "in deployctl.yml or in what is asked there, mend that, then run the same command again"
        )
        assert (possible in told) is (before == "fail")


class TestARestartDuringTheRun:
    """What the gates saw then is no fault of the commit's."""

    @pytest.fixture(params=["rolled_back the host was restarted", "a note of the job's"])
    def what(self, request: pytest.FixtureRequest, run: Run) -> str:
        job = run.host("rolled_back")
        run.session.engine_restarted = True
        if request.param.startswith("rolled_back"):
            job.end = request.param
            return "The host was restarted during the run"
        return "Docker was restarted on the host during the run"

    @pytest.mark.parametrize("error", [FAILED, SwapFailedError("up: no"), LinkLostError("Lost.")])
    def test_is_told_first_and_the_commit_is_not_blamed(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, what: str, error: BaseException
    ) -> None:
        back = Undone("proven", "why", "r0 serves again.")
        monkeypatch.setattr("deployctl.rollout.undo._prove", lambda *_: back)
        outcome = broken_off(run.session, error)
        assert outcome.reason.startswith(f"{what}. ")
        assert outcome.next_step == f"{what}; run the same command again."

    def test_is_told_also_where_a_person_is_needed(self, run: Run, what: str) -> None:
        assert isinstance(run.session.job, FakeJob)
        run.session.job.ends = "rollback_failed"
        outcome = broken_off(run.session, FAILED)
        assert outcome.reason.startswith(f"{what}. health: 500")
        assert "docker compose" in outcome.next_step

    def test_a_bug_stays_a_bug(self, run: Run, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
        back = Undone("proven", "why", "r0 serves again.")
        monkeypatch.setattr("deployctl.rollout.undo._prove", lambda *_: back)
        outcome = broken_off(run.session, ZeroDivisionError())
        assert outcome.reason.startswith(what)
        assert "bug.txt" in outcome.next_step


def test_what_boot_gives_as_reason_is_what_is_looked_for() -> None:
    assert f"'{HOST_RESTARTED}'" in program_text("boot")


class TestAnotherCommandRolledItBack:
    """While this client was stopped, say: `ended by bob` is the host's reason."""

    @pytest.fixture(autouse=True)
    def _back(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        back = Undone("proven", "why", "r0 serves again.")
        monkeypatch.setattr("deployctl.rollout.undo._prove", lambda *_: back)
        run.host("rolled_back").end = f"rolled_back {ENDED_BY}bob"

    @pytest.mark.parametrize(
        "error", [GatesFailed(Verdict("inconclusive", "no answer yet")), FAILED, LinkLostError("L")]
    )
    def test_that_is_told_first_and_the_next_step_is_to_ask(
        self, run: Run, error: BaseException
    ) -> None:
        outcome = broken_off(run.session, error)
        assert outcome.reason.startswith(
            "bob rolled it back with `deployctl rollback` while this client had no answer. "
        )
        assert outcome.next_step == "Ask bob; deployctl status"

    def test_the_seal_does_not_name_who(self, run: Run) -> None:
        told = {"reason": broken_off(run.session, FAILED).reason}
        assert "bob" not in run.session.evidence.people.hidden(told)["reason"]


class TestTheHostsLastWordWasNotHeard:
    """A person is told that it goes on by itself only where it does."""

    BY_ITSELF = "As long as nobody confirms, it rolls back by itself"

    @pytest.mark.parametrize(
        ("gone", "guard", "goes_on"),
        [(False, "cron", True), (True, "cron", False), (False, "none", False)],
    )
    def test_what_it_does_is_promised_only_where_it_is_known(
        self, run: Run, gone: bool, guard: Any, goes_on: bool
    ) -> None:
        run.session.survey = survey(guard=guard)
        run.host("unknown").gone = gone
        told = broken_off(run.session, FAILED).production
        assert (self.BY_ITSELF in told) is goes_on
        assert ("deployctl status says what the host does about it" in told) is not goes_on
        assert ("the old one, or none" in told) is not goes_on


class TestBeforeArming:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (KeyboardInterrupt(), ExitCode.INTERRUPTED),
            (RefusedError("No."), ExitCode.REFUSED),
            (SwapRefusedError("changed", "the file"), ExitCode.REFUSED),
            (LinkLostError("Lost."), ExitCode.UNREACHABLE),
            (JobGoneError("The job died."), ExitCode.UNTOUCHED),
            (TimeoutError("late"), ExitCode.UNTOUCHED),
            (ZeroDivisionError(), ExitCode.BUG),
        ],
    )
    def test_nothing_was_touched_and_the_lock_is_given_back(
        self, run: Run, error: BaseException, code: ExitCode
    ) -> None:
        run.session.armed = False
        job = run.host("released")
        outcome = broken_off(run.session, error)
        assert outcome.code is code
        assert "not touched" in outcome.production
        assert job.orders == ["release"]

    def test_a_job_that_died_is_no_host_out_of_reach(self, run: Run) -> None:
        run.session.armed = False
        run.host("released")
        assert broken_off(run.session, JobGoneError("It died.")).next_step == "deployctl status"

    def test_a_host_that_is_out_of_reach_gives_the_lock_back_by_itself(self, run: Run) -> None:
        run.session.armed = False
        run.host("released")
        lost = LinkLostError("Lost.", production="Not read back.", next_step="deployctl status")
        outcome = broken_off(run.session, lost)
        assert outcome.production == "Production was not touched."
        assert "by itself" in outcome.next_step


class TestTheHostHadChangedNothingYet:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (LinkLostError("Lost."), ExitCode.UNTOUCHED),
            (SwapFailedError("state"), ExitCode.UNTOUCHED),
            (KeyboardInterrupt(), ExitCode.INTERRUPTED),
            (ZeroDivisionError(), ExitCode.BUG),
        ],
    )
    def test_it_was_not_touched(self, run: Run, error: BaseException, code: ExitCode) -> None:
        run.host("released")
        outcome = broken_off(run.session, error)
        assert outcome.code is code
        assert "not touched" in outcome.production
        assert not run.session.recorder.rollback.performed


class TestTheHostHadConfirmed:
    """The answer to the confirmation was lost, or Ctrl-C came meanwhile: the release is live."""

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), ConfirmError("?"), LinkLostError("L.")])
    def test_it_is_live(self, run: Run, error: BaseException) -> None:
        run.session.confirming = True
        run.host("confirmed")
        outcome = broken_off(run.session, error)
        assert (outcome.code, outcome.result) == (ExitCode.SEALED, "sealed")
        assert not run.session.recorder.rollback.performed
        assert "stays live" in run.notes[-1]

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), RefusedError("No webhook.")])
    def test_what_fails_after_it_orders_nothing(self, run: Run, error: BaseException) -> None:
        run.session.confirmed, run.session.armed = True, False
        job = run.host("confirmed")
        assert broken_off(run.session, error).code is ExitCode.SEALED
        assert job.orders == []

    def test_no_step_is_undone_before_the_host_has_said_so(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        undone = steps_that_are_undone(run, monkeypatch)
        run.session.confirming = True
        run.host("confirmed")
        broken_off(run.session, KeyboardInterrupt())
        assert undone == []


class TestAnotherCommandHadConfirmed:
    """While this client was stopped, say: the release is live, and this run has proven nothing."""

    @pytest.fixture(autouse=True)
    def _confirmed_by_bob(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        run.session.settings = cast("Any", SimpleNamespace(services=("api",), public=()))
        there = RunState("confirmed", job_lives=False, releases=(), confirmed_by="bob")
        monkeypatch.setattr("deployctl.rollout.meanwhile.runs.ask", lambda *_: there)
        monkeypatch.setattr("deployctl.rollout.undo.look.containers", lambda *_: (POSTGRES,))

    UNPROVEN = GatesFailed(Verdict("inconclusive", "container: no answer yet"))

    @pytest.mark.parametrize("heard", ["before the order", "at the order"])
    @pytest.mark.parametrize("error", [UNPROVEN, FAILED, KeyboardInterrupt(), LinkLostError("L.")])
    def test_it_is_22_and_never_says_that_the_gates_hold(
        self, run: Run, error: BaseException, heard: str
    ) -> None:
        job = run.host("confirmed")
        if heard == "before the order":
            job.end, job.gone = "confirmed", True
        outcome = broken_off(run.session, error)
        assert (outcome.code, outcome.result) == (ExitCode.ROLLBACK_FAILED, "rollback-failed")
        assert outcome.reason.startswith(
            "r1 (d73cfb1) is live: it was confirmed by bob with `deployctl confirm` while this "
            "client had no answer (not proven by this run)."
        )
        assert "hold" not in outcome.reason + outcome.production + "".join(run.notes)
        assert outcome.next_step.startswith("deployctl status; deployctl hotfix --sha d73cfb1")
        assert run.session.recorder.rollback.state == "none"
        assert [other.same for other in run.session.recorder.untouched] == [True]

    @pytest.mark.parametrize("known", ["heard", "asked"])
    def test_no_rollback_is_announced_where_that_is_known(self, run: Run, known: str) -> None:
        job = run.host("confirmed")
        if known == "heard":
            job.end, job.gone = "confirmed", True
        else:
            job.away = True
        broken_off(run.session, self.UNPROVEN)
        assert job.orders == []
        assert not any(isinstance(event, RollbackStarted) for event in run.events)
        assert "rollback" not in [stage.name for stage in run.session.recorder.stages]

    def test_no_step_of_the_live_release_is_undone(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        undone = steps_that_are_undone(run, monkeypatch)
        run.host("confirmed")
        broken_off(run.session, self.UNPROVEN)
        assert undone == []

    def test_the_seal_does_not_name_who(self, run: Run) -> None:
        run.host("confirmed")
        reason = broken_off(run.session, self.UNPROVEN).reason
        assert "bob" not in run.session.evidence.people.hidden({"reason": reason})["reason"]

    def test_a_rollback_waits_for_no_question_as_long_as_the_client_was_there(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[object] = []
        monkeypatch.setattr("deployctl.rollout.meanwhile.runs.ask", lambda *_: asked.append(_))
        run.host("rollback_failed")
        broken_off(run.session, FAILED)
        assert asked == []


class TestARollbackThatNeedsAPerson:
    @pytest.mark.parametrize("ends", ["rollback_failed", "unknown", "a bug"])
    def test_it_is_22_with_the_commands_whatever_went_wrong(self, run: Run, ends: str) -> None:
        run.host(ends, "the image is gone")
        outcome = broken_off(run.session, FAILED)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "health: 500" in outcome.reason
        assert "person" in outcome.production
        assert "docker compose" in outcome.next_step
        assert run.session.recorder.rollback.state in {"failed", "unproven"}

    def test_a_step_that_forbids_it(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        undone = steps_that_are_undone(run, monkeypatch)
        run.session.unsafe_step = "drop"
        job = run.host("kept", "the step drop has run, and is declared `rollback: unsafe`")
        outcome = broken_off(run.session, FAILED)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "the step drop has run, and is declared `rollback: unsafe`" in outcome.reason
        assert "hotfix --sha FIX" in outcome.next_step
        assert job.orders == ["rollback"], "the host must not wait for its deadline"
        assert undone == [], "what other steps changed belongs to the release that stays"

    def test_an_image_that_is_gone_leaves_no_commands_that_cannot_work(self, run: Run) -> None:
        """They would overwrite an edit by hand, and tag what isn't there."""
        run.host("kept", "the image that ran before is gone")
        run.session.current = record("r1", sha="abc1234" + "0" * 33)
        outcome = broken_off(run.session, FAILED)
        assert outcome.next_step == (
            "Fix forward: deployctl hotfix --sha FIX (--sha abc1234 builds what ran before once "
            "more)."
        )
        run.session.current = None
        assert broken_off(run.session, FAILED).next_step == (
            "Fix forward: deployctl hotfix --sha FIX."
        )

    def test_a_step_that_forbids_it_before_the_switch(self, run: Run) -> None:
        """The step failed itself: what ran before still does."""
        run.session.unsafe_step, run.session.switching = "drop", False
        run.host("kept", "the step drop has run")
        outcome = broken_off(run.session, StepFailedError("The step 'drop' failed."))
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "what ran before still runs" in outcome.production
        assert "docker compose" not in outcome.next_step

    @pytest.mark.parametrize(
        ("ends", "state"),
        [
            ("rollback_failed", "failed"),
            ("unknown", "failed"),
            ("kept", "failed"),
            ("released", "skipped"),
            ("confirmed", "skipped"),
        ],
    )
    def test_its_stage_says_so(self, run: Run, ends: str, state: str) -> None:
        run.host(ends)
        run.session.confirming = ends == "confirmed"
        broken_off(run.session, FAILED)
        [stage] = [s for s in run.session.recorder.stages if s.name == "rollback"]
        assert stage.state == state


def test_steps_are_undone_latest_first_and_before_the_order(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run.host("rollback_failed")
    undone = steps_that_are_undone(run, monkeypatch, lambda: list(job.orders))
    broken_off(run.session, FAILED)
    assert undone == [("fill", []), ("migrate", [])]
    assert job.orders == ["rollback"]


class TestStepsOfAReleaseThatWasRolledBack:
    """What ran before is back; what its steps changed is undone, or a person must do that."""

    @pytest.fixture(autouse=True)
    def _back(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        proof = Undone("proven", "health: 500", "r0 serves again.")
        monkeypatch.setattr("deployctl.rollout.undo._prove", lambda *_: proof)
        run.session.settings = cast(
            "Any", SimpleNamespace(services=("api",), public=(), target="lab")
        )
        run.session.undo_steps = [
            RunStep(
                name="migrate", command="x", rollback="make back TO=$DEPLOYCTL_SHA", env=("DB_URL",)
            )
        ]

    def undo(self, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
        monkeypatch.setattr("deployctl.rollout.user_steps._run", lambda *_: (code, ""))

    def test_what_was_undone_is_told(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        self.undo(monkeypatch, 0)
        job = run.host("rolled_back")
        outcome = broken_off(run.session, FAILED)
        assert outcome.code is ExitCode.ROLLED_BACK
        assert "The step 'migrate' was undone." in run.notes
        assert outcome.production == "r0 serves again. What the step migrate changed was undone."
        assert not_undone(job.kept) == ""

    def test_the_next_step_undoes_what_is_stuck_and_rolls_nothing_back(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.undo(monkeypatch, 3)
        job = run.host("rolled_back")
        outcome = broken_off(run.session, FAILED)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "r0 serves again." in outcome.production
        assert "could not be undone" in outcome.reason
        assert outcome.next_step.splitlines() == [
            "Undo what the step migrate changed, on the host, with DB_URL in the environment:",
            f"  export DEPLOYCTL_SHA=d73cfb1{'0' * 33}",
            "  make back TO=$DEPLOYCTL_SHA",
        ]
        assert run.session.recorder.rollback.state == "unproven"
        assert not_undone(job.kept) == "migrate"

    def test_a_rollback_that_failed_too_names_both(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.undo(monkeypatch, 3)
        run.host("rollback_failed", "the image is gone")
        outcome = broken_off(run.session, FAILED)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "the image is gone" in outcome.reason
        assert "docker compose" in outcome.next_step
        assert "make back" in outcome.next_step


class TestDeployctlRollback:
    """It finishes forward, and is never rolled back itself."""

    @pytest.fixture(autouse=True)
    def _asked_for(self, run: Run) -> None:
        run.session.command = "rollback"

    def test_gates_that_do_not_hold(self, run: Run) -> None:
        job = run.host("confirmed")
        outcome = broken_off(run.session, FAILED)
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "was put in place" in outcome.production
        assert job.orders == ["abandon"]

    def test_only_the_answer_to_the_confirmation_was_lost(self, run: Run) -> None:
        run.session.confirming = True
        run.host("confirmed")
        assert broken_off(run.session, ConfirmError("?")).code is ExitCode.SEALED

    def test_the_host_finished_it_by_itself(self, run: Run) -> None:
        """After a restart, say: what the gates held before that proves nothing of it now."""
        run.session.confirming = True
        run.host("confirmed").unproven = True
        outcome = broken_off(run.session, ConfirmError("?"))
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "not proven good" in outcome.production

    def test_nothing_was_swapped(self, run: Run) -> None:
        run.host("released")
        outcome = broken_off(run.session, LinkLostError("Lost."))
        assert outcome.code is ExitCode.UNTOUCHED
        assert "not touched" in outcome.production

    @pytest.mark.parametrize("ends", ["rollback_failed", "unknown"])
    def test_it_could_not_be_put_in_place(self, run: Run, ends: str) -> None:
        run.host(ends)
        outcome = broken_off(run.session, SwapFailedError("up: no such network"))
        assert outcome.code is ExitCode.ROLLBACK_FAILED
        assert "was put in place" not in outcome.production
        assert "docker compose" in outcome.next_step

    def test_the_commands_for_the_way_back_say_what_they_bring(self, run: Run) -> None:
        run.session.current = record("r2", sha="e" * 40)
        run.host("rollback_failed")
        run.session.job.run = "/state/runs/r-2"
        told = broken_off(run.session, SwapFailedError("up: no")).next_step
        goes_on = "deployctl rollback --run r-2, which goes on with it."
        assert told.startswith(f"deployctl status; {goes_on}")
        assert "to keep r2 (eeeeeee), which it was to leave, on the host:" in told


def steps_that_are_undone(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    orders: Callable[[], list[str]] = list,
) -> list[tuple[str, list[str]]]:
    """(step, the orders that the host had by then), filled as it happens."""
    run.session.undo_steps = [
        RunStep(name=name, command="x", rollback="y") for name in ("migrate", "fill")
    ]
    undone: list[tuple[str, list[str]]] = []

    def undo(_session: Session, step: RunStep) -> bool:
        undone.append((step.name, orders()))
        return True

    monkeypatch.setattr("deployctl.rollout.user_steps.undo", undo)
    return undone
