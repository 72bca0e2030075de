"""`deployctl attach`: what people are told while they wait, and its end: that of the run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines.compose.runs import RunState
from deployctl.engines.compose.survey import Unfinished
from deployctl.errors import RefusedError
from deployctl.rollout import attach
from deployctl.rollout.attach import AttachDocument, _waits
from tests.unit.engines.support import survey

SETTINGS = Settings(
    target="lab", host=HostSettings(host="h"), services=("api",), repository=Path("/r")
)
UNPROVEN = "confirmed unproven"


@pytest.mark.parametrize(
    ("run", "gone", "says"),
    [
        (Unfinished("run-7", "swapped", {}, 60, 90), 20.0, "the host puts it back by itself in 70"),
        (Unfinished("run-7", "swapped", {}, 60, 90), 100.0, "to end on the host, since 100 s"),
        (
            Unfinished("run-7", "swapped", {"command": "rollback"}, 60, 90),
            20.0,
            "a rollback: the host brings it to its end by itself",
        ),
        (None, 20.0, "to end on the host, since 20 s"),
    ],
)
def test_it_says_what_it_waits_for_and_how_long_yet(
    run: Unfinished | None, gone: float, says: str
) -> None:
    told = _waits("run-7", run, gone)
    assert told.startswith("Waiting for run run-7")
    assert says in told


def test_what_to_type_after_a_refusal_names_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    link = SimpleNamespace(host=SimpleNamespace(label="h"), close=lambda: None)
    monkeypatch.setattr(attach, "Link", lambda *_: link)
    monkeypatch.setattr(attach.survey, "take", lambda *_, **__: survey())
    settings = Settings(target="lab", host=HostSettings(host="h"), services=("api",))
    with pytest.raises(RefusedError) as caught:
        attach.attach(settings, None, lambda _: None)
    assert caught.value.next_step == "deployctl history --target lab"


@pytest.fixture(params=["after its end", "while it goes on"])
def attached(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """attach(end, sha) -> what it answers of a run that ended, or ends now, in that state."""

    def answer(end: str, sha: str | None = "d73cfb1" + "0" * 33) -> AttachDocument:
        over = request.param == "after its end"
        there = RunState(
            end if over else "swapped", job_lives=not over, releases=(), about={"sha": sha}
        )
        job = SimpleNamespace(
            attend=lambda _seconds: end.partition(" ")[0],
            unproven=end == UNPROVEN,
            close=lambda: None,
        )
        host = SimpleNamespace(label="h")
        link = SimpleNamespace(host=host, close=lambda: None)
        monkeypatch.setattr(attach, "Link", lambda *_: link)
        monkeypatch.setattr(attach, "Job", lambda *_: job)
        monkeypatch.setattr("deployctl.rollout.attach.survey.take", lambda *_, **__: survey())
        monkeypatch.setattr("deployctl.rollout.attach.runs.ask", lambda *_: there)
        return attach.attach(SETTINGS, "r-1", lambda _: None)

    return answer


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("confirmed", 0),
        ("released the client went away", 20),
        ("rolled_back late", 21),
        ("rollback_failed no", 22),
        ("kept no image", 22),
        (UNPROVEN, 22),
    ],
)
def test_the_exit_code_is_that_of_the_run(attached: Any, end: str, code: int) -> None:
    assert attached(end).exit_code == code


def test_what_the_host_finished_by_itself_is_not_proven(attached: Any) -> None:
    found = attached(UNPROVEN)
    assert (found.state, found.result) == (UNPROVEN, "rollback-failed")
    assert found.sentence == "Run r-1 was finished by the host, and is not proven good."
    assert found.next_step == (
        "deployctl status --target lab; deployctl hotfix --target lab --sha d73cfb100000, which "
        "runs the gates and swaps nothing"
    )


def test_a_release_without_a_commit_has_no_hotfix_to_name(attached: Any) -> None:
    assert "--sha" not in attached(UNPROVEN, sha=None).next_step
