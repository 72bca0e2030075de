"""The last net: what is about to be sealed is looked through for secrets once more.

A value may have become known after something was written. What can't be cleaned is dropped and
named; where even that leaves one standing, there is no seal.
"""

import json
from collections.abc import Mapping
from typing import Any

from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.clean_events import OURS
from deployctl.evidence.run_directory import RunDirectory, write_private_file

DROPPED = "[dropped]"


def at_artefacts(directory: RunDirectory) -> None:
    """Cleans what can be cleaned, and removes and names the rest. Raises OSError."""
    for name, path in directory.files():
        data = path.read_bytes()
        if not directory.redactor.holds(data) or _only_ours(directory, name, data):
            continue
        clean = directory.redactor.data(data)
        if clean is None or directory.redactor.holds(clean):
            path.unlink()
            directory.dropped.append(name)
        else:
            write_private_file(path, clean)


def at_predicate(directory: RunDirectory, predicate: dict[str, Any]) -> dict[str, Any]:
    """The predicate without any member that still holds a secret. Raises ValueError for what even
    then holds one."""
    told: set[str] = set()
    clean: dict[str, Any] = _without(directory, predicate, "seal", told)
    if told:
        clean["dropped"] = sorted({*clean["dropped"], *told})
    if directory.redactor.holds(canonical_json(_unexempt(clean))):
        raise ValueError("it would hold a secret")
    return clean


def _without(directory: RunDirectory, value: Any, where: str, told: set[str]) -> Any:
    if isinstance(value, Mapping):
        found = {}
        for key, item in value.items():
            ours = key in OURS and isinstance(item, str)
            found[key] = item if ours else _without(directory, item, f"{where}.{key}", told)
        return found
    if isinstance(value, list):
        return [_without(directory, item, where, told) for item in value]
    if isinstance(value, str) and directory.redactor.holds(value.encode()):
        told.add(where)
        return DROPPED
    return value


def _only_ours(directory: RunDirectory, name: str, data: bytes) -> bool:
    """Whether what was found is no more than a word of ours in a document of ours."""
    if not name.endswith((".json", ".ndjson")):
        return False
    try:
        lines = data.splitlines() if name.endswith(".ndjson") else [data]
        documents = [_unexempt(json.loads(line)) for line in lines if line]
    except (ValueError, RecursionError):
        return False
    return not directory.redactor.holds(canonical_json(documents))


def _unexempt(value: Any) -> Any:
    """Without the words of ours that a secret may be called alike, and without our own keys."""
    if isinstance(value, Mapping):
        return [
            _unexempt(item)
            for key, item in value.items()
            if not (key in OURS and isinstance(item, str))
        ]
    return [_unexempt(item) for item in value] if isinstance(value, list) else value
