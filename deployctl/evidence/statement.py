"""A seal as it is read again: its bytes' digest, its statement, and the predicate about the run.

The one way in for everybody who reads seals.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployctl.evidence.canonical import digest
from deployctl.evidence.dsse import IN_TOTO, Envelope, decode

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:deployctl:rollout:1"
PLAIN_TYPE = "deployctl.seal"
LARGEST_BYTES = 64 * 1024 * 1024
"""of a seal that is read; they are much smaller"""


@dataclass(frozen=True)
class Sealed:
    envelope: Envelope | None
    """None for a seal of the form before there were signatures"""
    digest: str
    """`sha256:…`, of the file's bytes"""
    statement: dict[str, Any]
    predicate: dict[str, Any]


def read_seal(path: Path) -> Sealed:
    """Reads `seal.json`. Raises ValueError for anything but a seal, OSError."""
    with path.open("rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ValueError(f"{path} is too large for a seal")
    plain = _object(path, data)
    if plain.get("type") == PLAIN_TYPE:
        return Sealed(None, digest(data), {}, plain)
    try:
        envelope = decode(data)
    except ValueError as error:
        raise ValueError(f"{path} is no seal: {error}") from error
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"{path} is no seal: its payload is {envelope.payload_type}")
    statement = _object(path, envelope.payload)
    predicate = statement.get("predicate")
    if statement.get("_type") != STATEMENT_TYPE or not isinstance(predicate, dict):
        raise ValueError(f"{path} is no seal: what it holds is no in-toto statement")
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise ValueError(f"{path} is no seal: its statement is not about a rollout")
    return Sealed(envelope, digest(data), statement, predicate)


def _object(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no seal: it is no JSON that can be read") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} is no seal: it is no JSON object")  # noqa: TRY004 - as the rest
    return value
