"""Uploading one file: resumable, verified on the host, in place only when whole.

`cat` over one exec channel in chunks of a packet was as fast as anything measured, and keeps memory
flat. Losing the link is the caller's to retry: what arrived stays and is gone on from.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deployctl.host.conversation import Conversation
from deployctl.host.failures import ProgramFailed, answer_timeout

CHUNK_BYTES = 32_000
READ_BYTES = 1024 * 1024
LAST_WORDS_SECONDS = 10.0

Progress = Callable[[int, int], None]
"""bytes done (what the host already had included), bytes in all"""


@dataclass(frozen=True)
class Upload:
    """One file on its way. `label` names the host; `timeout` is in seconds, for all of it."""

    local: Path
    remote: str
    label: str
    progress: Progress
    timeout: float

    def send(self, start: Callable[[dict[str, str]], Conversation]) -> int:
        """Sends what the host lacks, and returns those bytes. `start` starts program `upload`.

        Raises what `Host.upload` says.
        """
        until = time.monotonic() + self.timeout
        with self.local.open("rb") as file:
            digest = digest_of(file)
            size = file.tell()
            params = {"REMOTE": self.remote, "SIZE": str(size), "SHA256": digest}
            with start(params) as conversation:
                state = conversation.first(self.timeout)
                if state.name == "stored":
                    self.progress(size, size)
                    return 0
                offset = usable_offset(file, size, state.text)
                conversation.send(f"from {offset}")
                self._stream(conversation, file, offset, size, until)
                conversation.end_input()
                conversation.collect(max(until - time.monotonic(), 1.0), READ_BYTES)
        return size - offset

    def _stream(
        self,
        conversation: Conversation,
        file: BinaryIO,
        offset: int,
        size: int,
        until: float,
    ) -> None:
        file.seek(offset)
        done = offset
        self.progress(done, size)
        while chunk := file.read(CHUNK_BYTES):
            if time.monotonic() > until:
                raise answer_timeout(self.label, "upload", self.timeout)
            try:
                conversation.write(chunk)
            except ProgramFailed:
                # It stopped reading, and may have said why (a full disk) before it went.
                conversation.collect(LAST_WORDS_SECONDS, READ_BYTES)
                raise
            done += len(chunk)
            self.progress(done, size)


def usable_offset(file: BinaryIO, size: int, have: str) -> int:
    """From where to go on, when the host has `have`: `BYTES SHA256` of an earlier attempt.

    Zero unless those bytes are what this file begins with.
    """
    length, _, digest = have.partition(" ")
    offset = int(length) if re.fullmatch("[0-9]{1,18}", length) else 0
    file.seek(0)
    return offset if offset <= size and digest_of(file, offset) == digest else 0


def digest_of(file: BinaryIO, length: int | None = None) -> str:
    """SHA-256 in hex of the next `length` bytes, or of all that is left."""
    digest = hashlib.sha256()
    left = length
    while left is None or left > 0:
        data = file.read(READ_BYTES if left is None else min(READ_BYTES, left))
        if not data:
            break
        digest.update(data)
        left = None if left is None else left - len(data)
    return digest.hexdigest()
