"""Git LFS: pointers in the tree, and the content that belongs to them on this machine."""

import re
from dataclasses import dataclass
from pathlib import Path

from deployctl.source.git import GitError, Repository

# A pointer is shorter than this by its specification, and longer than its two fixed lines.
SIZES = range(100, 1024)
POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n"
    rb"(?:[a-z0-9.-]+ [^\n]*\n)*?oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n?"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer says of its content: `sha256` in hex, `size` in bytes."""

    sha256: str
    size: int


def parse_pointer(content: bytes) -> Pointer | None:
    match = POINTER.fullmatch(content)
    return Pointer(match[1].decode(), int(match[2])) if match else None


def store_of(repository: Repository) -> Path:
    """The directory in which this clone keeps LFS content."""
    try:
        configured = repository.run("config", "--get", "lfs.storage").decode().strip()
    except GitError:
        configured = ""
    return repository.common_dir / (configured or "lfs") / "objects"


def content_of(store: Path, pointer: Pointer) -> Path | None:
    """The file with the pointer's content, `None` if this clone lacks it."""
    path = store / pointer.sha256[:2] / pointer.sha256[2:4] / pointer.sha256
    try:
        return path if path.stat().st_size == pointer.size else None
    except OSError:
        return None
