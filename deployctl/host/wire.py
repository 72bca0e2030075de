"""What a program on the host sends back: length-prefixed records, read as they arrive.

A login shell may print anything first, so the stream starts at a marker with a nonce. Then come
records, `NAME LENGTH` and a newline, LENGTH bytes, a newline. The last is named `end`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_RECORD_BYTES = 32 * 1024 * 1024
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_NOISE_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 96
NOISE_TAIL_BYTES = 4096

Bytes = bytes  # `Answer.bytes` hides the name inside the class

_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9_.-]{0,63}) ([0-9]{1,10})")


class MalformedStreamError(ValueError):
    """The bytes are not records, or more than anything here may send."""


@dataclass(frozen=True)
class Record:
    """One record; `data` is exactly what the program put, in bytes."""

    name: str
    data: bytes

    @property
    def text(self) -> str:
        """The data as UTF-8; what is not UTF-8 is shown as the replacement character."""
        return self.data.decode("utf-8", "replace")

    @property
    def size(self) -> int:
        """The bytes that it takes on its way."""
        return len(f"{self.name} {len(self.data)}\n") + len(self.data) + 1


class Answer:
    """All the records of one program, in order; several may have one name."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = tuple(records)

    def __contains__(self, name: object) -> bool:
        return any(record.name == name for record in self.records)

    def bytes(self, name: str) -> Bytes:
        """The last record of that name. KeyError when the program sent none."""
        for record in reversed(self.records):
            if record.name == name:
                return record.data
        raise KeyError(name)

    def text(self, name: str, default: str | None = None) -> str:
        """The last record of that name as text. KeyError when there is none and no default."""
        if default is not None and name not in self:
            return default
        return self.bytes(name).decode("utf-8", "replace")

    def all(self, name: str) -> list[Bytes]:
        return [record.data for record in self.records if record.name == name]


def start_marker(nonce: str) -> bytes:
    return f"deployctl-{nonce}-start\n".encode()


class RecordReader:
    """Turns chunks of bytes, cut anywhere, into records."""

    def __init__(
        self,
        nonce: str,
        *,
        max_record: int = MAX_RECORD_BYTES,
        max_noise: int = MAX_NOISE_BYTES,
    ) -> None:
        self._marker = start_marker(nonce)
        self._max_record = max_record
        self._max_noise = max_noise
        self._buffer = bytearray()
        self._noise_bytes = 0
        self._header: tuple[str, int] | None = None
        self.started = False
        self._noise = b""

    @property
    def noise(self) -> bytes:
        """The tail of what came before the start marker, or of all where none came."""
        rest = b"" if self.started else bytes(self._buffer)
        return (self._noise + rest)[-NOISE_TAIL_BYTES:]

    def feed(self, data: bytes) -> None:
        """Raises MalformedStreamError when the noise before the start is a flood."""
        self._buffer += data
        if not self.started:
            self._skip_noise()

    def next(self) -> Record | None:
        """The next whole record, or None until more bytes come. MalformedStreamError."""
        if not self.started:
            return None
        if self._header is None:
            self._header = self._read_header()
            if self._header is None:
                return None
        name, length = self._header
        if len(self._buffer) <= length:
            return None
        if self._buffer[length] != ord("\n"):
            raise MalformedStreamError(f"record `{name}` is not as long as it says")
        data = bytes(memoryview(self._buffer)[:length])
        del self._buffer[: length + 1]
        self._header = None
        return Record(name, data)

    @property
    def rest(self) -> bytes:
        """What came after the records that were taken."""
        return bytes(self._buffer)

    def _skip_noise(self) -> None:
        at = self._buffer.find(self._marker)
        if at >= 0:
            self._keep_noise(at)
            del self._buffer[: len(self._marker)]
            self.started = True
            return
        # The marker may be cut by the end of the chunk.
        self._keep_noise(max(0, len(self._buffer) - len(self._marker) + 1))
        if self._noise_bytes > self._max_noise:
            raise MalformedStreamError(
                f"the login shell printed more than {self._max_noise} bytes before the program ran"
            )

    def _keep_noise(self, length: int) -> None:
        self._noise = (self._noise + bytes(self._buffer[:length]))[-NOISE_TAIL_BYTES:]
        self._noise_bytes += length
        del self._buffer[:length]

    def _read_header(self) -> tuple[str, int] | None:
        at = self._buffer.find(b"\n", 0, MAX_HEADER_BYTES)
        if at < 0:
            if len(self._buffer) >= MAX_HEADER_BYTES:
                raise MalformedStreamError("a record's header is too long")
            return None
        match = _HEADER.fullmatch(self._buffer, 0, at)
        if match is None:
            raise MalformedStreamError(f"not a record's header: {bytes(self._buffer[:at])!r}")
        name, length = match[1].decode(), int(match[2])
        del match  # it holds the buffer, which must be free to shrink
        if length > self._max_record:
            raise MalformedStreamError(
                f"record `{name}` is {length} bytes; at most {self._max_record} are taken"
            )
        del self._buffer[: at + 1]
        return name, length
