"""Exit codes and the one family of errors that reaches people.

Every error says three things: what happened, what state production is in, and the next command to
type. Code that can fail raises `DeployctlError` (or a subclass); only `deployctl.cli.boundary`
turns one into text and an exit code.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The process exit codes. They are a contract with scripts and CI: never renumber one."""

    SEALED = 0
    BUG = 1
    USAGE = 2
    UNTOUCHED = 20
    ROLLED_BACK = 21
    ROLLBACK_FAILED = 22
    REFUSED = 23
    INCONCLUSIVE = 24
    UNREACHABLE = 69
    SEAL_FAILED = 73
    LOCKED = 75
    APPROVAL = 77
    CONFIG = 78
    INTERRUPTED = 130


LONGEST = 20_000
"""characters of an error that are kept: what a host or a file said may be part of it"""

UNTOUCHED = "Production was not touched."
TOUCHED_NOTHING = "This command touched nothing."
"""where another run may have changed production meanwhile, or nobody knows how it is"""


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class DeployctlError(Exception):
    """Something that a person must be told.

    `what` is one or more full sentences. `production` says what state production is in.
    `next_step` is the next command to type, or a sentence that says what to do. `detail` holds
    lines of raw output (a build's tail, Compose's message) to be shown verbatim.
    """

    code: ExitCode = ExitCode.BUG

    def __init__(
        self,
        what: str,
        *,
        production: str = UNTOUCHED,
        next_step: str = "",
        detail: str = "",
        code: ExitCode | None = None,
    ) -> None:
        super().__init__(what)
        self.what = shortened(what)
        self.production = production
        self.next_step = shortened(next_step)
        self.detail = shortened(detail)
        if code is not None:
            self.code = code


class UsageError(DeployctlError):
    """The command line can't be understood, or names something that does not exist locally."""

    code = ExitCode.USAGE


class ConfigError(DeployctlError):
    """Settings or a playbook are invalid; `what` lists every fault with file, line and path."""

    code = ExitCode.CONFIG


class UnreachableError(DeployctlError):
    """The host can't be reached, refused us, or showed a key that is not the known one."""

    code = ExitCode.UNREACHABLE


class RefusedError(DeployctlError):
    """Preflight, drift or an armed run: going on would be unsafe. Nothing was changed."""

    code = ExitCode.REFUSED


class LockedError(DeployctlError):
    """Another rollout holds the host's lock."""

    code = ExitCode.LOCKED


class ApprovalError(DeployctlError):
    """The approval that this target requires is missing, or was refused."""

    code = ExitCode.APPROVAL


class UntouchedError(DeployctlError):
    """The run failed before the switch (source, ship, build): production is as it was."""

    code = ExitCode.UNTOUCHED


class LinkLostError(UnreachableError):
    """The connection was lost in the middle of something."""
