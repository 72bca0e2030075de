"""Who has validated the run after it was sealed: signed words that lie beside the seal.

They name the seal by its digest; nobody has checked their signatures here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployctl.evidence.dsse import decode

_FILES: Final = "validation-*.json"
_LARGEST_BYTES: Final = 256 * 1024
_MOST: Final = 50


@dataclass(frozen=True)
class Validation:
    by: str
    at: str
    keyid: str


class _Word(BaseModel):
    model_config = ConfigDict(extra="ignore")

    seal: str = Field(alias="sealDigest")
    by: str
    at: str = ""


def read(directory: Path, seal_digest: str) -> tuple[Validation, ...]:
    """Those that are about this seal; what can't be read is none."""
    found = (_read(path, seal_digest) for path in sorted(directory.glob(_FILES))[:_MOST])
    return tuple(each for each in found if each is not None)


def _read(path: Path, seal_digest: str) -> Validation | None:
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            envelope = decode(file.read(_LARGEST_BYTES))
        statement: Any = json.loads(envelope.payload)
        word = _Word.model_validate(statement["predicate"])
    except (OSError, ValidationError, ValueError, LookupError, TypeError, RecursionError):
        return None
    if word.seal != seal_digest or not envelope.signatures:
        return None
    return Validation(word.by, word.at, envelope.signatures[0].keyid)
