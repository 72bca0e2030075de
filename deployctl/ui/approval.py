"""Asking for approval. The plan is on the screen already: it is an event like every other."""

import getpass
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, TextIO

from deployctl.errors import ApprovalError
from deployctl.events import PlanReady
from deployctl.evidence.canonical import writable
from deployctl.rollout.request import Approval, Approver

WORD = "EXECUTE"
Mode = Literal["none", "typed", "signed"]

_CI_IDENTITIES = (
    ("GITHUB_ACTIONS", "GITHUB_ACTOR", "GitHub Actions"),
    ("GITLAB_CI", "GITLAB_USER_LOGIN", "GitLab CI"),
    ("BUILDKITE", "BUILDKITE_BUILD_CREATOR", "Buildkite"),
    ("CIRCLECI", "CIRCLE_USERNAME", "CircleCI"),
    ("JENKINS_URL", "BUILD_USER_ID", "Jenkins"),
    ("TF_BUILD", "BUILD_REQUESTEDFOR", "Azure Pipelines"),
)


def operator(env: Mapping[str, str]) -> str:
    """Who is at the keyboard: the CI's user, else the login name."""
    return writable(ci_identity(env) or _login_name())


def ci_identity(env: Mapping[str, str]) -> str | None:
    """`octocat (GitHub Actions)`; None outside a CI job that says who started it."""
    for marker, variable, system in _CI_IDENTITIES:
        if env.get(marker) and env.get(variable):
            return f"{env[variable]} ({system})"
    return None


def make_approver(
    mode: Mode,
    *,
    yes: bool,
    yes_forbidden: bool = False,
    stdin: TextIO,
    stderr: TextIO,
    env: Mapping[str, str] | None = None,
    suspended: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Approver:
    """The approver for one run. `suspended` stops the live display while a person types."""
    env = os.environ if env is None else env

    def approve(plan: PlanReady) -> Approval:
        who = operator(env)
        if mode == "signed":
            # A rollout has an approver of its own (rollout/approved_plan.py).
            raise ApprovalError(
                "This target requires a signed approval"
                + (", and --yes can't stand in for one." if yes else "; none was given."),
                next_step="Let a hotfix with a signed plan do it: deployctl plan --sha SHA --repair"
                " --out plan.json; deployctl approve plan.json; deployctl hotfix --plan plan.json",
            )
        if mode == "none":
            return Approval(by=who, how="not required")
        if yes and yes_forbidden:
            raise ApprovalError(
                "This target forbids --yes.",
                next_step="Run the same command on a terminal, without --yes.",
            )
        if yes:
            return Approval(by=who, how="ci" if ci_identity(env) else "--yes")
        _require_terminal(WORD, stdin, stderr)
        with suspended():
            short = plan.digest.removeprefix("sha256:")[:12]
            _ask(WORD, f"to carry out plan {short}", stdin, stderr)
        return Approval(by=who, how="typed")

    return approve


def ask_word(word: str, purpose: str, stdin: TextIO, stderr: TextIO) -> None:
    """Raises ApprovalError unless a person at the terminal types `word`."""
    _require_terminal(word, stdin, stderr)
    _ask(word, purpose, stdin, stderr)


def _require_terminal(word: str, stdin: TextIO, stderr: TextIO) -> None:
    if not (stdin.isatty() and stderr.isatty()):
        raise ApprovalError(
            "This needs approval, and there is no terminal to ask on.",
            next_step=f"Run it on a terminal and type {word}, or give --yes.",
        )


def _ask(word: str, purpose: str, stdin: TextIO, stderr: TextIO) -> None:
    # What was typed before the question was on the screen approves nothing.
    _drop_typed_ahead(stdin)
    stderr.write(f"\nType {word} {purpose}, anything else to stop: ")
    stderr.flush()
    again = f"Run the same command again and type {word}, in capitals, to carry it out."
    answer = stdin.readline()
    if not answer:
        stderr.write("\n")
        raise ApprovalError("The input ended before this was approved.", next_step=again)
    if answer.rstrip("\r\n") != word:
        raise ApprovalError("This was not approved.", next_step=again)


def _drop_typed_ahead(stdin: TextIO) -> None:
    import termios  # noqa: PLC0415 - only where there is a terminal

    try:
        termios.tcflush(stdin.fileno(), termios.TCIFLUSH)
    except (OSError, ValueError, termios.error):
        return  # not a real terminal: nothing can be waiting in its queue


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user ID without a name
        return f"uid {os.getuid()}"
