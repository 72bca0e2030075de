"""`deployctl unlock`: whose lock is broken, whose isn't, and what is said of it.

Made up are the answers of the host; what its program does is shown in host/test_job_lock.py.
"""

from typing import Any

import pytest

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines.compose.survey import Unfinished
from deployctl.errors import ApprovalError, RefusedError
from deployctl.host.connection import Answer, ProgramFailed, Record
from deployctl.rollout import unlock
from tests.unit.engines.support import SURVEY, survey

SETTINGS = Settings(target="lab", host=HostSettings(host="h"), services=("api",))
ABOUT = b'{"command": "hotfix", "by": "ann", "at": "07:32", "runId": "run-1"}'
HELD = Answer(
    (Record("about", ABOUT), Record("held", b"/lock"), Record("process", b"42 sh job.sh"))
)


class FakeHost:
    """A host of whose lock and its breaking is told what the test says."""

    label = "h"

    def __init__(self, lock: Answer, broken: Answer | ProgramFailed) -> None:
        self._answers = {"lock": lock, "unlock": broken}
        self.ran: dict[str, dict[str, str]] = {}

    def run(self, program: str, params: dict[str, str], **_: float) -> Answer:
        self.ran[program] = params
        answer = self._answers[program]
        if isinstance(answer, ProgramFailed):
            raise answer
        return answer


class Told:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._set = monkeypatch.setattr
        self.asked: list[str] = []

    def __call__(
        self,
        lock: Answer = HELD,
        broken: Answer | ProgramFailed = Answer(),  # noqa: B008 - it never changes
        *,
        unfinished: tuple[Unfinished, ...] = (),
        yes: bool = True,
    ) -> unlock.UnlockDocument:
        self.host = FakeHost(lock, broken)
        self._set(unlock.survey, "take", lambda *_, **__: survey(unfinished=unfinished))
        self._set(unlock, "Link", lambda *_: _Link(self.host))

        def consent(lines: list[str]) -> None:
            self.asked = lines
            if not yes:
                raise ApprovalError("no")

        return unlock.unlock(SETTINGS, consent)


class _Link:
    def __init__(self, host: FakeHost) -> None:
        self.host: Any = host

    def close(self) -> None:
        pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def freed(how: bytes) -> Answer:
    return Answer((Record("freed", how),))


@pytest.mark.parametrize(
    ("how", "sentence"), [(b"asked", "gave it back when asked"), (b"ended", "was ended")]
)
def test_a_lock_is_broken_after_what_that_breaks_was_shown(
    told: Told, how: bytes, sentence: str
) -> None:
    document = told(broken=freed(how))
    assert document.result == "unlocked"
    assert sentence in document.sentence
    assert any("run run-1" in line for line in told.asked)
    assert any("42 sh job.sh" in line for line in told.asked)


def test_it_is_the_run_that_is_named_which_is_brought_to_its_end(told: Told) -> None:
    told(broken=freed(b"ended"))
    assert told.host.ran["unlock"] == {
        "STATE_DIR": SURVEY.state_dir,
        "RUN": f"{SURVEY.state_dir}/runs/run-1",
    }


def test_a_lock_of_which_nobody_says_whose_it_is_names_no_run(told: Told) -> None:
    told(Answer((Record("held", b"/lock"),)), freed(b"ended"))
    assert told.host.ran["unlock"]["RUN"] == ""


def test_without_a_yes_nothing_is_broken(told: Told) -> None:
    with pytest.raises(ApprovalError):
        told(yes=False)
    assert "unlock" not in told.host.ran


def test_a_lock_that_nobody_holds_is_none(told: Told) -> None:
    assert told(Answer((Record("about", ABOUT),))).result == "unchanged"
    assert "unlock" not in told.host.ran


@pytest.mark.parametrize("state", ["armed", "swapped", "rolling_back", "rollback_failed x"])
def test_what_would_put_production_back_keeps_its_lock(told: Told, state: str) -> None:
    with pytest.raises(RefusedError, match="what puts run run-1 back"):
        told(unfinished=(Unfinished("run-1", state, {}, silent_s=1),))
    assert "unlock" not in told.host.ran


def test_also_where_it_was_armed_meanwhile(told: Told) -> None:
    with pytest.raises(
        RefusedError, match="Run run-1 is armed, and has not finished its switch yet"
    ):
        told(broken=ProgramFailed("armed", "armed", Answer()))


def test_a_holder_of_another_user_is_root_s_to_end(told: Told) -> None:
    with pytest.raises(RefusedError, match="another user") as refused:
        told(broken=ProgramFailed("held", "/lock", Answer()))
    assert "fuser" in refused.value.next_step
