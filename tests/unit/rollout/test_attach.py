"""`deployctl attach`: what people are told while they wait."""

from types import SimpleNamespace

import pytest

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines.compose.survey import Unfinished
from deployctl.errors import RefusedError
from deployctl.rollout import attach
from deployctl.rollout.attach import _waits
from tests.unit.engines.support import survey


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
