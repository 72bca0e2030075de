"""A user's own command on the host: environment in, exit code and output back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from deployctl.host.connection import Host
from deployctl.host.failures import AnswerTimeoutError, understood
from deployctl.host.programs import quote
from deployctl.host.wire import MAX_ANSWER_BYTES

GRACE = 5.0
"""seconds after which the host ends what the client, being lost, can't"""


@dataclass(frozen=True)
class Outcome:
    """What the command left; each stream's last 64 KiB."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def run_command(
    host: Host, command: str, environment: Mapping[str, str], timeout: float
) -> Outcome:
    """`command` is text for the shell. Values of `environment` travel by standard input.

    Raises TimeoutError when it has not ended after `timeout` seconds (it is ended then); what
    `Host.run` raises, of which AnswerTimeoutError means that it did not begin; ValueError for a
    value that holds a NUL.
    """
    exports = "\n".join(f"{name}={quote(value)}" for name, value in environment.items())
    # The input stays open meanwhile: its end would end the command.
    limit = str(math.ceil(timeout + GRACE))
    params = {"COMMAND": command, "ENVIRONMENT": exports, "TIMEOUT": limit}
    with host.open("command", params) as talk:
        try:
            answer = talk.collect(timeout, MAX_ANSWER_BYTES)
        except AnswerTimeoutError as error:
            raise TimeoutError(f"it did not end within {timeout:g} s") from error
    with understood("command"):
        return Outcome(
            exit_code=int(answer.text("exit")),
            stdout=answer.bytes("stdout"),
            stderr=answer.bytes("stderr"),
        )
