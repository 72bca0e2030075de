"""TCP on the host's side by a program there, where sshd forwards no connections itself."""

from deployctl.host.conversation import Conversation
from deployctl.host.failures import NOT_READ_BACK, AnswerTimeoutError, ProgramFailed
from deployctl.host.tunnel import TunnelSocket


class NoRelayError(Exception):
    """The host has nothing that could be a relay."""


def relayed(
    conversation: Conversation, host: str, port: int, timeout: float, *, begin_within: float
) -> TunnelSocket:
    """The connection that program `relay` makes, once it stands.

    The program has `begin_within` seconds to begin, then the peer `timeout` to answer. Raises
    ConnectionRefusedError, TimeoutError, LinkLostError, NoRelayError; AnswerTimeoutError when the
    program itself did not begin in time or was cut off, which says nothing of the peer.
    """
    begun = False
    try:
        begun = next(conversation.records(begin_within), None) is not None
        next(conversation.records(timeout), None)
    except ProgramFailed as failure:
        if failure.kind == "refused":
            raise ConnectionRefusedError(f"{host}:{port} refused the connection") from failure
        if failure.kind == "no-relay":
            raise NoRelayError(failure.message) from failure
        raise AnswerTimeoutError(
            f"The program that connects to {host}:{port} on the host was cut off: "
            f"{failure.message}.",
            production=NOT_READ_BACK,
            next_step="Look at the host: deployctl doctor",
        ) from failure
    except AnswerTimeoutError as error:
        conversation.close()
        if not begun:
            raise
        raise TimeoutError(f"{host}:{port} did not answer within {timeout:g} s") from error
    sock = conversation.become_socket()
    sock.settimeout(timeout)
    return sock
