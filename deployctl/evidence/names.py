"""Who a run's pseudonyms stand for, as long as the file that says so was not erased."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deployctl.evidence import people
from deployctl.evidence.canonical import digest

_LARGEST_BYTES: Final = 1024 * 1024


def read(directory: Path, predicate: Mapping[str, Any]) -> dict[str, str]:
    """Pseudonym -> name. Empty where people.json isn't there, or isn't the one that was sealed."""
    listed = predicate.get("erasable")
    wanted = [
        each.get("digest")
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, Mapping) and each.get("name") == people.NAME
    ]
    path = directory / people.NAME
    try:
        if not wanted or path.is_symlink() or not path.is_file():
            return {}
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES)
        if digest(data) != wanted[0]:
            return {}
        found: Any = json.loads(data)["people"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    named = found.items() if isinstance(found, Mapping) else ()
    return {pseudonym: name for pseudonym, name in named if isinstance(name, str)}


def with_names(directory: Path, predicate: dict[str, Any]) -> dict[str, Any]:
    """What a seal says, for people to read: with the names that are known here."""
    shown: dict[str, Any] = people.put_back(predicate, read(directory, predicate))
    return shown
