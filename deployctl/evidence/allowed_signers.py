"""The verifier's file of who may sign, as ssh-keygen(1) has it: read once, then asked about."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deployctl.evidence import plain_file
from deployctl.evidence.policy import Policy

LARGEST_BYTES: Final = 16 * 1024 * 1024


class SignersError(Exception):
    """The file can't be read: a sentence."""


@contextmanager
def copied(policy: Policy) -> Iterator[Policy]:
    """The policy with a copy of the file: all questions are about the same lines, and ssh-keygen
    gets no pipe or device to wait for. Raises SignersError."""
    file = policy.allowed_signers
    if file is None:
        yield policy
        return
    try:
        data = plain_file.read(file, LARGEST_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SignersError(f"The allowed signers can't be read from {file}: {why}.") from error
    with tempfile.NamedTemporaryFile(prefix="deployctl.") as copy:
        copy.write(data)
        copy.flush()
        yield policy.model_copy(update={"allowed_signers": Path(copy.name)})
