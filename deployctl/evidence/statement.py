"""Reads a seal, whoever wrote it: the envelope around an in-toto Statement, or the plain form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployctl.evidence.canonical import digest
from deployctl.evidence.dsse import Envelope, decode

PLAIN = "deployctl.seal"
PREDICATE = "urn:deployctl:rollout:1"
_MAX_BYTES = 64 * 1024 * 1024
"""of a seal that is read; they are much smaller"""


@dataclass(frozen=True)
class Sealed:
    envelope: Envelope | None
    """None for the plain form, which nobody could sign"""
    digest: str
    """`sha256:…` of the file's bytes"""
    statement: Mapping[str, Any]
    predicate: Mapping[str, Any]


def read_seal(path: Path) -> Sealed:
    """What the seal says; no signature is checked. ValueError for what is none, OSError."""
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError("it is too large for a seal")
    first = _object(data)
    if first.get("type") == PLAIN:
        return Sealed(None, digest(data), {}, first)
    envelope = decode(data)
    statement = _object(envelope.payload)
    predicate = statement.get("predicate")
    if statement.get("predicateType") != PREDICATE or not isinstance(predicate, dict):
        raise ValueError(f"it is a statement, but no {PREDICATE}")
    return Sealed(envelope, digest(data), statement, predicate)


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - whatever it is, it is no seal
    return found
