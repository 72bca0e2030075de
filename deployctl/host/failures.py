"""What can go wrong once a connection stands.

The names follow what happened, as `TimeoutError` and `ConnectionRefusedError` do not say enough:
a program that failed by its own word, a link that died and a forwarding that sshd forbids lead to
different ends of a run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from deployctl.errors import LinkLostError, RefusedError, UnreachableError
from deployctl.host.wire import Answer

NOT_READ_BACK = (
    "The state of production was not read back: what the host was doing may have finished."
)


class ProgramFailed(Exception):  # noqa: N818 - the program's own word is `fail`
    """A program on the host said `fail KIND MESSAGE`, or ended without saying `end`.

    `kind` is the program's own, or one of `died` (it ended early), `no-shell` (the login shell did
    not run it), `no-session` (see `no_session`), `protocol` (its output is not what a program
    sends) and `too-big`. `answer` holds the records that came before (empty for a
    `Conversation`, whose records were handed out). `stderr` is the tail of its standard error.
    """

    def __init__(self, kind: str, message: str, answer: Answer, stderr: str = "") -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.answer = answer
        self.stderr = stderr


@contextmanager
def understood(program: str) -> Iterator[None]:
    """Makes sense of a program's answer: what can't be read is ProgramFailed of kind `protocol`.

    Nothing obliges a host to answer as our programs do.
    """
    try:
        yield
    except (ValueError, LookupError, OverflowError, RecursionError) as error:
        told = (str(error) or type(error).__name__).splitlines()[0][:200]
        message = f"{program}: its answer can't be understood ({told})"
        raise ProgramFailed("protocol", message, Answer()) from error


class AnswerTimeoutError(UnreachableError, TimeoutError):
    """The connection stands, but no answer came in time. Also a `TimeoutError`."""


class ForwardingRefused(RefusedError):  # noqa: N818 - beside ConnectionRefusedError
    """sshd forbids this connection to be tunnelled (AllowTcpForwarding or PermitOpen)."""


def link_lost(label: str, why: str = "") -> LinkLostError:
    return LinkLostError(
        f"The connection to {label} was lost{': ' + why if why else ''}.",
        production=NOT_READ_BACK,
        next_step="Check the network, then look at the host: deployctl status",
    )


def answer_timeout(label: str, what: str, seconds: float) -> AnswerTimeoutError:
    return AnswerTimeoutError(
        f"{label} did not answer in {seconds:g} s ({what}); the connection itself stands.",
        production=NOT_READ_BACK,
        next_step="Look at the host: deployctl status",
    )


def no_room(label: str, what: str, seconds: float) -> AnswerTimeoutError:
    return AnswerTimeoutError(
        f"{label} had no session free for {seconds:g} s ({what}): sshd allows few on a connection, "
        "and all that deployctl makes are in use.",
        production=NOT_READ_BACK,
        next_step=f"Raise MaxSessions in /etc/ssh/sshd_config on {label} (its default is 10).",
    )


def no_session(label: str) -> ProgramFailed:
    return ProgramFailed(
        "no-session",
        f"sshd on {label} opens no session for a command, not even on a further connection; "
        "MaxSessions in its sshd_config must be at least 1",
        Answer(),
    )


def forwarding_refused(label: str, host: str, port: int) -> ForwardingRefused:
    return ForwardingRefused(
        f"sshd on {label} refuses to forward to {host}:{port} (AllowTcpForwarding or PermitOpen in "
        "its sshd_config).",
        next_step=(
            f"On {label}, allow it in /etc/ssh/sshd_config (`AllowTcpForwarding local`, and no "
            "`PermitOpen`, `DisableForwarding` or `restrict` that forbids it), then reload sshd."
        ),
    )
