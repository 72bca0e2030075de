"""Secrets of the host, which this process must not have, are found in a text by their digests.

What a service answers to a gate comes through the tunnel: no program on the host sees it. So the
host tells keyed digests of what is secret there, in every form (`marks` in docker.sh), and they
stay in memory. Pure: no I/O.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Final

WINDOW: Final = 8
"""the bytes of a form that are looked at first"""
_PRIMES: Final = (2147483647, 2147483629)
_FILTER: Final = 65536
_KEYS: Final = 1 << 20
_LINE: Final = re.compile(r"([0-9]{1,7}) ([0-9]{1,5}) ([0-9]{1,10}) ([0-9]{1,10}) (.+)")


_Digests = tuple[int, int]
_Marks = dict[int, dict[_Digests, str]]
"""of the forms that begin alike: length -> digests of all of it -> the variable's name"""


class Marks:
    """What the host has told; it may tell more at any time, also while another thread asks."""

    def __init__(self, keys: tuple[int, int] | None = None) -> None:
        self._keys = keys or (1 + secrets.randbelow(_KEYS), 1 + secrets.randbelow(_KEYS))
        self._tables: dict[int, dict[int, _Marks]] = {}
        """bytes that are looked at first -> their digest -> marks"""

    @property
    def keys(self) -> str:
        """What the host has to know to make digests that this object knows."""
        return "{} {}".format(*self._keys)

    def learn(self, lines: str) -> None:
        """Adds what the host told. ValueError for what are no marks."""
        tables = deepcopy(self._tables)
        for line in filter(None, lines.split("\n")):
            told = _LINE.fullmatch(line)
            if told is None:
                raise ValueError("a mark is no mark")
            length, begin, first, second = map(int, told.groups()[:4])
            marks = tables.setdefault(min(length, WINDOW), {}).setdefault(begin, {})
            marks.setdefault(length, {})[first, second] = told[5]
        tables.pop(0, None)
        self._tables = tables

    def hide(self, data: bytes) -> bytes:
        """The data with a variable's name, in brackets, in the place of each value."""
        pieces, end = [], 0
        for start, length, name in sorted(self._found(data), key=lambda each: (each[0], -each[1])):
            if start >= end:
                pieces += [data[end:start], f"[{name}]".encode()]
            end = max(end, start + length)
        return b"".join([*pieces, data[end:]])

    def _found(self, data: bytes) -> Iterator[tuple[int, int, str]]:
        for size, table in self._tables.items():
            for start, marks in _looked_up(data, size, self._keys[0], table):
                for length, names in marks.items():
                    piece = data[start : start + length]
                    name = names.get(self._digests(piece)) if len(piece) == length else None
                    if name is not None:
                        yield start, length, name

    def _digests(self, piece: bytes) -> _Digests:
        first, second = (
            _digest(piece, key, prime) for key, prime in zip(self._keys, _PRIMES, strict=True)
        )
        return first, second


def _digest(piece: bytes, key: int, prime: int) -> int:
    value = 0
    for byte in piece:
        value = (value * key + byte) % prime
    return value


def _looked_up(
    data: bytes, size: int, key: int, table: Mapping[int, _Marks]
) -> Iterator[tuple[int, _Marks]]:
    """Each place of `data` whose `size` bytes have a digest that the table knows."""
    prime = _PRIMES[0]
    leaving = pow(key, size, prime)
    value = 0
    for at, byte in enumerate(data):
        value = (value * key + byte) % prime
        if at >= size:
            value = (value - data[at - size] * leaving) % prime
        if at >= size - 1 and (marks := table.get(value % _FILTER)):
            yield at - size + 1, marks
