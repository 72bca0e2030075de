"""What the doctor says of the way to the host."""

from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.errors import LinkLostError
from deployctl.host.connection import Answer, AnswerTimeoutError, ForwardingRefused, ProgramFailed
from deployctl.rollout import doctor as doctors
from tests.unit.engines.support import survey


def checks(monkeypatch: pytest.MonkeyPatch, error: Exception) -> dict[str, tuple[str, str]]:
    """Of a host where a connection made from there ends so: name -> state and detail."""

    def dial(*_: Any) -> None:
        raise error

    host = SimpleNamespace(label="deploy@vps:22", dial=dial, relays=True, crowded=False)
    link = SimpleNamespace(host=host, close=lambda: None)
    monkeypatch.setattr(doctors, "Link", lambda *_: link)
    monkeypatch.setattr(doctors, "host_address", lambda _: None)
    monkeypatch.setattr(doctors.survey, "take", lambda *_, **__: survey())
    settings: Any = SimpleNamespace(host=None, target="lab", services=("api",))
    found = doctors.doctor(settings).checks
    return {check.name: (check.state, check.detail) for check in found}


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError()])
def test_whether_anything_listens_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert checks(monkeypatch, error)["forwarding"][0] == "ok"


@pytest.mark.parametrize(
    "error", [ForwardingRefused("sshd forbids it."), AnswerTimeoutError("The relay was cut off.")]
)
def test_no_way_through_is_a_problem(monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    assert checks(monkeypatch, error)["forwarding"] == ("problem", error.what)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProgramFailed("no-session", "MaxSessions must be 1", Answer()), "MaxSessions must be 1"),
        (LinkLostError("The connection was lost."), "was lost"),
    ],
)
def test_what_ends_the_examination_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    state, detail = checks(monkeypatch, error)["host"]
    assert state == "problem"
    assert said in detail


def test_only_a_problem_is_refused() -> None:
    settings: Any = SimpleNamespace(target="lab")

    def found(*states: Any) -> tuple[str, int]:
        told = [doctors.Check(name="a", state=state, detail="b") for state in states]
        document = doctors._document(settings, told)
        return document.result, document.exit_code

    assert found("ok", "warning") == ("ok", 0)
    assert found("ok", "problem", "warning") == ("problems", 23)
