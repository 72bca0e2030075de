"""Who has validated the run after it was sealed: signed words that lie beside the seal.

They name the seal by its digest; nobody has checked their signatures here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployctl.evidence import approval, plain_file

_FILES: Final = "validation-*.json"
_MOST: Final = 50


@dataclass(frozen=True)
class Validation:
    """`by` and `at` are what the file claims; empty where it is no validation of this seal."""

    file: str
    by: str = ""
    at: str = ""
    keyid: str = ""


def read(directory: Path, seal_digest: str) -> tuple[Validation, ...]:
    """One for each file, whatever is in it."""
    return tuple(_read(path, seal_digest) for path in sorted(directory.glob(_FILES))[:_MOST])


def _read(path: Path, seal_digest: str) -> Validation:
    try:
        found = approval.read(plain_file.read(path, approval.LARGEST_BYTES, follow=False))
    except (OSError, ValueError):
        return Validation(path.name)
    word = found.word
    if not isinstance(word, approval.OfSeal) or word.sealDigest != seal_digest:
        return Validation(path.name)
    return Validation(path.name, word.by, word.at, found.fingerprint)
