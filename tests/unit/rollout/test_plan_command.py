"""`deployctl plan`: what to type next, and what needs no plan at all."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.errors import RefusedError
from deployctl.rollout.plan import Out, _next, _refuse_recovery


def session(command: str = "hotfix", how: str = "typed", **more: Any) -> Any:
    approval = SimpleNamespace(how=how)
    values = {"command": command, "wanted": "main", "settings": SimpleNamespace(approval=approval)}
    return SimpleNamespace(**{**values, **more})


OUT = Out(Path("p.json"))


@pytest.mark.parametrize(
    ("made", "out", "told"),
    [
        (session(), None, "deployctl hotfix --sha main"),
        (session("rollback", wanted="r3"), None, "deployctl rollback --to r3"),
        (session("rollback", wanted=None), None, "deployctl rollback"),
        (session(), OUT, "deployctl hotfix --plan p.json"),
        (session("rollback"), OUT, "deployctl rollback --plan p.json"),
        (
            session(how="signed"),
            OUT,
            "deployctl approve p.json; then deployctl hotfix --plan p.json",
        ),
    ],
)
def test_the_next_command_is_told(made: Any, out: Out | None, told: str) -> None:
    assert _next(made, out) == told


def test_a_run_that_lost_its_client_is_ended_without_a_plan() -> None:
    """The host would put back by itself what a rollback puts back first."""
    survey = SimpleNamespace(abandoned=(SimpleNamespace(run_id="r-1"),))
    with pytest.raises(RefusedError, match="It needs no plan and no approval") as error:
        _refuse_recovery(session("rollback", survey=survey))
    assert error.value.next_step == "deployctl rollback --run r-1"
    _refuse_recovery(session("hotfix", survey=survey))
