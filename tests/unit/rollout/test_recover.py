"""What is asked of the release that serves after an abandoned run was ended."""

from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.config.settings import HostSettings, RolloutSettings, Settings
from deployctl.events import Events
from deployctl.evidence.marks import Marks
from deployctl.rollout import recover
from tests.unit.engines.support import survey
from tests.unit.gates.support import container, context


@pytest.fixture
def session() -> Any:
    return SimpleNamespace(
        settings=Settings(target="lab", host=HostSettings(host="h"), services=("api",)),
        hostlink=SimpleNamespace(host=None),
        options=SimpleNamespace(advisory={}),
        events=Events(),
        recorder=SimpleNamespace(gates=[]),
        survey=None,
        marks=Marks(),
        facts=survey(),
    )


def prove(session: Any, monkeypatch: pytest.MonkeyPatch, *restarts: int) -> str:
    """`restarts`: the container's count at each look."""
    counts = list(restarts)

    def containers(_: str) -> Any:
        return (container(restart_count=counts.pop(0) if len(counts) > 1 else counts[0]),)

    monkeypatch.setattr(recover.survey, "take", lambda *_, **__: survey())
    monkeypatch.setattr(recover, "record_containers", lambda *_: None)
    monkeypatch.setattr(recover, "gate_context", lambda *_, **__: context(containers=containers))
    times = RolloutSettings(min_healthy=0.0, deadline=5.0)
    monkeypatch.setattr(recover, "timing", lambda _: times)
    return recover._prove(session)


def test_a_restart_long_ago_is_no_fault_of_what_serves_now(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prove(session, monkeypatch, 3) == "what ran before serves"


def test_a_restart_meanwhile_is(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(recover.NotEndedError, match="restarted it once"):
        prove(session, monkeypatch, 3, 4)


@pytest.mark.parametrize(
    ("serves", "sentence"),
    [
        ("what ran before serves", "What ran before serves."),
        ("r1 (d73cfb1) serves", "r1 (d73cfb1) serves."),
        ("restored it serves", "Restored it serves."),
    ],
)
def test_the_number_of_a_release_stays_as_it_is(serves: str, sentence: str) -> None:
    outcome = recover._proven("run x was put back", serves)
    assert outcome.production == sentence
    assert outcome.reason.startswith(f"Run x was put back, and {serves}.")
