"""Contents of a repository's objects, streamed through one `git cat-file --batch`."""

import os
import selectors
import subprocess
from types import TracebackType
from typing import Self

from deployctl.errors import RefusedError
from deployctl.source.git import Repository

STALL = 120.0
"""Seconds without a byte after which git counts as hung (a partial clone fetches on demand)."""
CHUNK = 1 << 16


class BlobReader:
    """Reads one object after the other; memory stays at one chunk whatever an object's size."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._process = subprocess.Popen(
            repository.words("cat-file", "--batch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=repository.environment,
            bufsize=0,
        )
        assert self._process.stdin is not None  # noqa: S101  (both are pipes)
        assert self._process.stdout is not None  # noqa: S101
        self._requests = self._process.stdin
        self._answers = self._process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._answers, selectors.EVENT_READ)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._selector.close()
        # An object that was left half read would keep git writing.
        self._process.kill()
        with self._process:
            pass

    def open(self, oid: str) -> "Blob":
        """The object's content; the one opened before must have been read to its end."""
        try:
            self._requests.write(f"{oid}\n".encode())
        except OSError:
            raise self._broken(oid) from None
        while b"\n" not in self._buffer:
            self._buffer += self._more(oid)
        header, _, self._buffer = self._buffer.partition(b"\n")
        words = header.split()
        if len(words) != 3:
            raise self._broken(oid)
        return Blob(self, oid, int(words[2]))

    def read(self, oid: str) -> bytes:
        """A small object, whole."""
        blob = self.open(oid)
        return blob.read(blob.size)

    def take(self, oid: str, count: int) -> bytes:
        """Exactly `count` bytes of what git writes."""
        pieces = [self._buffer[:count]]
        self._buffer = self._buffer[count:]
        missing = count - len(pieces[0])
        while missing:
            piece = self._more(oid)
            pieces.append(piece[:missing])
            self._buffer = piece[missing:]
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def _more(self, oid: str) -> bytes:
        chunk = os.read(self._answers, CHUNK) if self._selector.select(STALL) else b""
        if not chunk:
            raise self._broken(oid)
        return chunk

    def _broken(self, oid: str) -> RefusedError:
        return RefusedError(
            f"The content of object {oid[:12]} can't be read from {self._repository.label}: the "
            "clone is partial or damaged.",
            next_step="git fsck, and if it reports missing objects: git fetch --refetch",
        )


class Blob:
    """One object's content as a file to read; every byte passes once."""

    def __init__(self, reader: BlobReader, oid: str, size: int) -> None:
        self.size = size
        self._reader = reader
        self._oid = oid
        self._left = size
        self._end()

    def read(self, count: int = -1) -> bytes:
        wanted = self._left if count < 0 else min(count, self._left)
        if not wanted:
            return b""
        data = self._reader.take(self._oid, wanted)
        self._left -= wanted
        self._end()
        return data

    def _end(self) -> None:
        # git ends every object by a newline that is not its own.
        if not self._left:
            self._reader.take(self._oid, 1)
