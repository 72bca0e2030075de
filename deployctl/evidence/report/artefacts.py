"""The files beside a seal, read only as far as they are what the seal says they are."""

import hashlib
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST_BYTES: Final = 64 * 1024 * 1024
"""of an artefact whose content is looked at"""
_CHUNK_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")

State = Literal["whole", "changed", "missing", "erased"]


class _Listed(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    sha256: str
    size: int = Field(alias="sizeBytes")
    media_type: str = Field(alias="mediaType", default="")


class _Erasable(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    digest: str
    size: int = Field(alias="sizeBytes")


@dataclass(frozen=True)
class Artefact:
    """One file, as the seal names it. `whole`: it is here, with exactly the bytes of then;
    `erased`: it isn't, and had personal data in it, which may go."""

    name: str
    sha256: str
    size: int
    media_type: str
    state: State
    content: bytes = b""
    """of a whole one that is not too large"""


class Artefacts:
    """All files that a seal names, by name. What it doesn't name is never looked at."""

    def __init__(
        self,
        directory: Path,
        listed: Iterable[Mapping[str, Any]],
        erasable: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Raises ValueError for a list that is none."""
        entries = (_Listed.model_validate(each) for each in listed)
        self._by_name = {each.name: _read(directory, each) for each in entries}
        for each in map(_Erasable.model_validate, erasable):
            self._by_name.setdefault(each.name, _read_erasable(directory, each))

    def get(self, name: str) -> Artefact | None:
        return self._by_name.get(name)

    def text(self, name: str) -> str | None:
        """None where it is not whole; bytes that are no UTF-8 are replaced."""
        found = self._by_name.get(name)
        if found is None or found.state != "whole":
            return None
        return found.content.decode(errors="replace")

    @property
    def all(self) -> tuple[Artefact, ...]:
        return tuple(self._by_name.values())


def _read(directory: Path, listed: _Listed) -> Artefact:
    state, content = _state(directory, listed)
    return Artefact(listed.name, listed.sha256, listed.size, listed.media_type, state, content)


def _read_erasable(directory: Path, listed: _Erasable) -> Artefact:
    same = {
        "name": listed.name,
        "sha256": listed.digest.removeprefix("sha256:"),
        "sizeBytes": listed.size,
    }
    found = _read(directory, _Listed.model_validate(same))
    return replace(found, state="erased") if found.state == "missing" else found


def _state(directory: Path, listed: _Listed) -> tuple[State, bytes]:
    # A seal from elsewhere may name anything: no way out of the directory, no pipe, no link.
    if not _NAME.fullmatch(listed.name):
        return "missing", b""
    path = directory / listed.name
    try:
        if not path.resolve().is_relative_to(directory.resolve()):
            return "missing", b""
        if not stat.S_ISREG(path.lstat().st_mode):
            return "missing", b""
        if path.stat().st_size != listed.size:
            return "changed", b""
        return _compare(path, listed)
    except OSError:
        return "missing", b""


def _compare(path: Path, listed: _Listed) -> tuple[State, bytes]:
    checksum, kept = hashlib.sha256(), []
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum.update(chunk)
            if listed.size <= LARGEST_BYTES:
                kept.append(chunk)
    if checksum.hexdigest() != listed.sha256:
        return "changed", b""
    return "whole", b"".join(kept)
