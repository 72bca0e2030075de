"""The user's own steps: what they are told, and what a failure of theirs can't do."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.errors import ExitCode, RefusedError, UnreachableError
from deployctl.events import Event, Events, Note, StageEnded
from deployctl.evidence.run_directory import RunDirectory
from deployctl.host.connection import Answer as Answered
from deployctl.host.connection import AnswerTimeoutError, ProgramFailed
from deployctl.rollout import run as running
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.recorder import Recorder, StageNote
from deployctl.rollout.safety import Stage
from deployctl.rollout.session import Session
from deployctl.rollout.steps import HttpStep, Params, RunStep
from deployctl.rollout.user_steps import StepFailedError, http_step, run_step, with_facts
from tests.unit.engines.support import record
from tests.unit.gates.support import Answer, closed_port, serving

ROLLED_BACK = Outcome(ExitCode.ROLLED_BACK, "health: status 500\n twice", "As before.")


class Told:
    """A session whose settings and steps are all that it needs, and what it said."""

    def __init__(self, folder: Path, *steps: Params) -> None:
        self.notes: list[str] = []
        self.stages: dict[str, str] = {}
        events = Events()
        events.subscribe(self._hear)
        settings = type("S", (), {"services": ("api",), "target": "lab", "public": ()})
        stages = tuple(
            Stage(step.name, "run" if isinstance(step, RunStep) else "http", step)
            for step in steps
            if isinstance(step, RunStep | HttpStep)
        )
        self.session = Session(
            command="hotfix",
            settings=cast("Any", settings),
            options=cast("Any", None),
            playbook=cast("Any", type("P", (), {"stages": stages})),
            events=events,
            approve=cast("Any", None),
            recorder=Recorder(events),
            evidence=RunDirectory(folder, "lab", "r"),
            run_id="r",
            wanted=None,
            scratch=cast("Any", None),
            reaching=cast("Any", None),
            goal=record("r7", sha="d73cfb1" + "0" * 33),
            approved_by="ann",
        )

    def _hear(self, event: Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event.text)
        if isinstance(event, StageEnded):
            self.stages[event.stage] = event.state

    def end(self, outcome: Outcome = ROLLED_BACK) -> None:
        running._tell_failure(self.session, outcome)


def here(name: str, command: str, **more: Any) -> RunStep:
    return RunStep(name=name, command=command, where="client", **more)


def notify(url: str, **more: Any) -> HttpStep:
    return HttpStep(name="notify", method="POST", url=url, when="always", **more)


class TestAtTheEndOfAFailedRun:
    def test_only_steps_for_that_end_run(self, tmp_path: Path) -> None:
        told = Told(
            tmp_path,
            here("never", "true"),
            here("failed", "true", when="failure"),
            here("both", "true", when="always"),
        )
        told.end()
        assert told.stages == {"failed": "passed", "both": "passed"}

    def test_they_know_how_it_ended(self, tmp_path: Path) -> None:
        file = tmp_path / "told"
        command = f'echo "$DEPLOYCTL_RESULT $DEPLOYCTL_EXIT_CODE $DEPLOYCTL_REASON" > {file}'
        Told(tmp_path, here("tell", command, when="failure")).end()
        assert file.read_text() == "rolled-back 21 health: status 500 twice\n"

    @pytest.mark.parametrize(
        "step",
        [
            here("bad", "exit 3", when="failure"),
            here("bad", "sleep 60", when="failure", timeout=0.1),
            RunStep(name="bad", command=("/no/such/program",), where="client", when="failure"),
            HttpStep(name="bad", url=f"http://127.0.0.1:{closed_port()}/", when="failure"),
            HttpStep(name="bad", url_env="NOT_SET_AT_ALL", when="failure"),
            RunStep(name="bad", command="true", where="host", when="failure"),
        ],
        ids=["fails", "hangs", "is not there", "is refused", "lacks a variable", "lacks a host"],
    )
    def test_one_that_fails_is_told_and_the_next_one_runs(
        self, tmp_path: Path, step: Params
    ) -> None:
        told = Told(tmp_path, step, here("next", "true", when="always"))
        told.end()
        assert told.stages == {"bad": "failed", "next": "passed"}
        assert any("How the run ended is not changed" in note for note in told.notes)
        assert told.session.outcome == ROLLED_BACK

    def test_nothing_of_the_users_runs_where_nobody_approved(self, tmp_path: Path) -> None:
        told = Told(tmp_path, here("tell", "true", when="always"))
        told.session.approved_by = ""
        told.end(Outcome(ExitCode.REFUSED, "drift", "As before."))
        assert told.stages == {}


class TestARequest:
    def test_says_what_is_known_of_the_run(self, tmp_path: Path) -> None:
        bodies: list[Any] = []

        def hear(handler: BaseHTTPRequestHandler) -> Answer:
            bodies.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
            assert handler.headers["Content-Type"] == "application/json"
            return Answer(204)

        with serving(hear) as server:
            body = {"text": ["$DEPLOYCTL_RELEASE: ${DEPLOYCTL_RESULT}, $5", 1, None]}
            Told(tmp_path, notify(server.url("/"), body=body)).end()
        assert bodies == [{"text": ["r7: rolled-back, $5", 1, None]}]

    def test_what_is_put_in_stays_inside_its_text(self) -> None:
        facts = {"DEPLOYCTL_REASON": 'x", "admin": "\n\\'}
        body = with_facts({"text": "$DEPLOYCTL_REASON"}, facts)
        assert json.loads(json.dumps(body)) == {"text": 'x", "admin": "\n\\'}

    @pytest.mark.parametrize(
        ("answer", "says"),
        [(Answer(500), "500"), (Answer(302, headers={"Location": "/"}), "302"), (None, "closed")],
    )
    def test_that_is_answered_otherwise_has_failed(
        self, tmp_path: Path, answer: Answer | None, says: str
    ) -> None:
        with serving(lambda _: answer) as server, pytest.raises(StepFailedError, match=says):
            http_step(Told(tmp_path).session, notify(server.url("/")), StageNote())

    def test_whose_answer_never_ends_is_given_up(self, tmp_path: Path) -> None:
        over = threading.Event()

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.02):
                handler.wfile.write(b"X: 1\r\n")

        with serving(drip) as server, pytest.raises(StepFailedError, match="within"):
            http_step(Told(tmp_path).session, notify(server.url("/"), timeout=0.3), StageNote())
        over.set()

    @pytest.mark.parametrize("address", ["hunter2", "http://[hunter2", "ftp://hunter2/"])
    def test_never_tells_a_secret_address(
        self, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOOK", address)
        with pytest.raises(StepFailedError) as caught:
            http_step(Told(tmp_path).session, HttpStep(name="x", url_env="HOOK"), StageNote())
        assert "hunter2" not in caught.value.what

    def test_that_is_advisory_is_only_told(self, tmp_path: Path) -> None:
        told, note = Told(tmp_path), StageNote()
        http_step(told.session, notify(f"http://127.0.0.1:{closed_port()}/", advisory=True), note)
        assert note.state == "failed"
        assert told.notes


class TestACommandHere:
    def test_what_it_leaves_in_the_background_holds_nobody_up(self, tmp_path: Path) -> None:
        run_step(Told(tmp_path).session, here("x", "sleep 5 & echo done", timeout=4), StageNote())

    def test_of_a_flood_the_end_is_kept(self, tmp_path: Path) -> None:
        step = here("x", "head -c 5000000 /dev/zero; echo the end; exit 3")
        with pytest.raises(StepFailedError) as caught:
            run_step(Told(tmp_path).session, step, StageNote())
        assert caught.value.detail.endswith("the end\n")


class TestACommandThatDidNotRunToItsEnd:
    @pytest.mark.parametrize(
        ("error", "what", "next_step"),
        [
            (TimeoutError(), "did not end within 300 s", "raise its timeout"),
            (ProgramFailed("no-space", "/tmp", Answered()), "no-space: /tmp", "deployctl doctor"),
        ],
    )
    def test_on_the_host_says_why(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        what: str,
        next_step: str,
    ) -> None:
        with pytest.raises(StepFailedError, match=what) as caught:
            self.there(tmp_path, monkeypatch, error)
        assert next_step in caught.value.next_step

    def test_because_the_host_did_not_answer_is_no_failure_of_the_step(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(UnreachableError):
            self.there(tmp_path, monkeypatch, AnswerTimeoutError("no session"))

    def there(self, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def run(*_: Any) -> None:
            raise error

        monkeypatch.setattr("deployctl.rollout.user_steps.run_command", run)
        told = Told(folder)
        told.session.link = cast("Any", SimpleNamespace(host=None))
        run_step(told.session, RunStep(name="x", command="true"), StageNote())

    def test_here_says_why(self, tmp_path: Path) -> None:
        session = Told(tmp_path).session
        with pytest.raises(StepFailedError, match="did not end within"):
            run_step(session, here("x", "sleep 60", timeout=0.1), StageNote())
        missing = RunStep(name="x", command=("/no/such/program",), where="client")
        with pytest.raises(StepFailedError, match="could not be run") as caught:
            run_step(session, missing, StageNote())
        assert "timeout" not in caught.value.next_step


def test_a_refused_host_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        run_step(Told(tmp_path).session, RunStep(name="x", command="true"), StageNote())
    assert "DEPLOYCTL_RESULT" not in os.environ
