"""How far this client knows each host's journal: in its own state, which no host can reach.

A host's journal may only grow. Where it no longer begins with what is known of it here, somebody
has rewritten it or cut it off.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deployctl.evidence import plain_file
from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.run_directory import (
    make_private_directory,
    safe_name,
    write_private_file,
)

LARGEST_BYTES = 1024 * 1024
"""of a record; they are much smaller"""


@dataclass(frozen=True)
class Whose:
    """Whose journal it is, as this client's own settings and known hosts say, not the host."""

    target: str
    host: str
    """user@host:port"""
    host_key: str
    project: str
    services: tuple[str, ...]
    state_dir: str
    """as it was set; empty by default"""

    def place(self, state_home: Path) -> Path:
        digest = hashlib.sha256(canonical_json(asdict(self))).hexdigest()
        return state_home / "journals" / safe_name(self.target) / f"{digest[:16]}.json"


@dataclass(frozen=True)
class Known:
    """A journal as it was seen last."""

    journal: str
    """which: the digest of its first line"""
    seq: int
    head: str
    size: int
    """in bytes, up to there"""
    sha256: str
    """of those bytes"""
    unnoted: tuple[tuple[str, str], ...] = ()
    """seals (run, digest) that could not be noted in it yet"""
    replaced: tuple[str, ...] = ()
    """earlier journals of this target that a person has given up"""


NOTHING = Known("", 0, "", 0, "")


def recall(path: Path) -> Known:
    """NOTHING where nothing is known. Raises OSError, and ValueError for a damaged record."""
    try:
        found = json.loads(plain_file.read(path, LARGEST_BYTES))
    except FileNotFoundError:
        return NOTHING
    except RecursionError as error:
        raise ValueError("it is no record of a journal") from error
    if not isinstance(found, Mapping):
        raise ValueError("it is no record of a journal")  # noqa: TRY004 - all faults are one kind
    return Known(
        journal=_text(found, "journal"),
        seq=_number(found, "seq"),
        head=_text(found, "head"),
        size=_number(found, "size"),
        sha256=_text(found, "sha256"),
        unnoted=tuple((str(run), str(digest)) for run, digest in _pairs(found, "unnoted")),
        replaced=tuple(map(str, _list(found, "replaced"))),
    )


def remember(path: Path, known: Known) -> None:
    """Raises OSError. Of two runs that end at once, the one that has seen more is remembered."""
    try:
        before = recall(path)
    except (OSError, ValueError):
        before = NOTHING
    if before.journal == known.journal and before.size > known.size:
        return
    replace(path, known)


def replace(path: Path, known: Known) -> None:
    """Whatever was remembered before. Raises OSError."""
    make_private_directory(path.parent)
    write_private_file(path, canonical_json(asdict(known)))


def difference(known: Known, size: int, sha256: str) -> str:
    """Why a journal of `size` bytes doesn't go on from what is known; empty if it does.

    `sha256` is that of its first `known.size` bytes.
    """
    if not known.size or (size >= known.size and sha256 == known.sha256):
        return ""
    entries = "1 entry" if known.seq == 1 else f"{known.seq} entries"
    if size == 0:
        return f"it is gone, and had {entries}"
    if size < known.size:
        return f"it is shorter than when it had {entries}: something was cut off or rewritten"
    return f"its first {entries} are not those that were there"


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise ValueError(f"its {name} is no text")  # noqa: TRY004
    return value


def _number(found: Mapping[str, Any], name: str) -> int:
    value = found.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(f"its {name} is no number")
    return value


def _list(found: Mapping[str, Any], name: str) -> list[Any]:
    value = found.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"its {name} is no list")  # noqa: TRY004
    return value


def _pairs(found: Mapping[str, Any], name: str) -> list[list[Any]]:
    value = _list(found, name)
    if not all(isinstance(each, list) and len(each) == 2 for each in value):
        raise ValueError(f"its {name} holds no pairs")
    return value
