"""Who may say yes, and how it is recorded."""

from typing import Any

import pytest

from deployctl.errors import ApprovalError, ExitCode
from deployctl.events import PlanReady
from deployctl.rollout.request import Approval
from deployctl.ui.approval import make_approver, operator

from .conftest import Stream

PLAN = PlanReady(digest="sha256:abcdef012345678", plan={}, diff="")


def ask(typed: str | None = None, mode: Any = "typed", **options: Any) -> tuple[Approval, str]:
    on_terminal = typed is not None
    stderr = Stream(tty=on_terminal)
    approve = make_approver(
        mode,
        **{
            "yes": False,
            "stdin": Stream(tty=on_terminal, text=typed or ""),
            "stderr": stderr,
            "env": {"LOGNAME": "ana"},
            **options,
        },
    )
    return approve(PLAN), stderr.getvalue()


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ana")


def test_typing_execute_approves_the_plan_named() -> None:
    approval, asked = ask("EXECUTE\n")
    assert approval == Approval(by="ana", how="typed")
    assert "Type EXECUTE to carry out plan abcdef012345" in asked


@pytest.mark.parametrize(
    "typed", ["execute\n", "EXECUTE!\n", " EXECUTE\n", "yes\n", "\n", "EXECUTE \n"]
)
def test_anything_else_does_not(typed: str) -> None:
    with pytest.raises(ApprovalError, match="not approved") as error:
        ask(typed)
    assert error.value.code == ExitCode.APPROVAL
    assert "EXECUTE" in error.value.next_step


def test_the_end_of_input_does_not() -> None:
    with pytest.raises(ApprovalError, match="ended"):
        ask("")


def test_without_a_terminal_yes_is_needed() -> None:
    with pytest.raises(ApprovalError, match="no terminal") as error:
        ask()
    assert "--yes" in error.value.next_step
    assert ask(yes=True)[0] == Approval(by="ana", how="--yes")


@pytest.mark.parametrize(
    ("env", "who"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "octocat"}, "octocat (GitHub Actions)"),
        ({"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "ana"}, "ana (GitLab CI)"),
    ],
)
def test_a_ci_job_is_recorded_with_its_user_but_must_say_yes(env: dict[str, str], who: str) -> None:
    assert ask(yes=True, env=env)[0] == Approval(by=who, how="ci")
    with pytest.raises(ApprovalError):
        ask(env=env)


def test_yes_can_be_forbidden() -> None:
    with pytest.raises(ApprovalError, match="forbids --yes"):
        ask(yes=True, yes_forbidden=True)


@pytest.mark.parametrize("yes", [True, False])
def test_nothing_stands_in_for_a_signature(yes: bool) -> None:
    with pytest.raises(ApprovalError, match="signed") as error:
        ask("EXECUTE\n", mode="signed", yes=yes)
    assert error.value.code == ExitCode.APPROVAL
    assert "deployctl approve plan.json" in error.value.next_step


def test_a_target_may_need_none() -> None:
    assert ask(mode="none")[0] == Approval(by="ana", how="not required")


def test_outside_ci_the_operator_is_the_login_name() -> None:
    assert operator({"GITHUB_ACTOR": "octocat"}) == "ana"
