"""The in-toto Statement that a seal is, and the one reader of seals.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployctl.evidence import plain_file
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.dsse import IN_TOTO, Envelope, decode
from deployctl.evidence.predicate import PREDICATE_TYPE

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
LARGEST_BYTES = 64 * 1024 * 1024
"""of a seal that is read; they are much smaller"""


@dataclass(frozen=True)
class Sealed:
    """A seal as it was read. Nothing of it is proven by that: evidence/verify.py does."""

    envelope: Envelope | None
    """None for a plain document of before there were envelopes"""
    digest: str
    """`sha256:…` of the file's bytes"""
    statement: dict[str, Any]
    predicate: dict[str, Any]


def read_seal(path: Path) -> Sealed:
    """Raises OSError, and ValueError with a sentence for anything that is no seal."""
    return parse_seal(plain_file.read(path, LARGEST_BYTES))


def parse_seal(data: bytes) -> Sealed:
    """Raises ValueError with a sentence."""
    plain = _plain(data)
    if plain is not None:
        return Sealed(None, digest(data), {}, plain)
    envelope = decode(data)
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"its envelope holds {envelope.payload_type!r}, not {IN_TOTO}")
    statement = _object(envelope.payload)
    if statement is None or canonical_json(statement) != envelope.payload:
        raise ValueError("its statement is not byte for byte as deployctl writes one")
    if statement.get("_type") != STATEMENT_TYPE:
        raise ValueError("its envelope holds no in-toto Statement v1")
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise ValueError(
            f"its statement is of the type {statement.get('predicateType')!r}, not {PREDICATE_TYPE}"
        )
    if set(statement) != {"_type", "subject", "predicateType", "predicate"}:
        raise ValueError("its statement has other members than a Statement v1")
    predicate = statement["predicate"]
    if not isinstance(predicate, dict):
        raise ValueError("its predicate is no object")  # noqa: TRY004 - all faults are one kind
    return Sealed(envelope, digest(data), statement, predicate)


def build_statement(predicate: Mapping[str, Any], events_sha256: str | None) -> bytes:
    """The payload's bytes.

    A statement is about something: a run that came to no image and no commit is about its events.
    """
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": _subjects(predicate, events_sha256),
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


def _subjects(predicate: Mapping[str, Any], events_sha256: str | None) -> list[dict[str, Any]]:
    release: Mapping[str, Any] = predicate["result"]["release"] or {}
    image, found = release.get("imageId") or "", []
    if image.startswith("sha256:"):
        hexes = image.removeprefix("sha256:")
        found.append({"name": release.get("image") or "image", "digest": {"sha256": hexes}})
    commit = release.get("sha")
    if commit is None and predicate.get("source"):
        commit = predicate["source"]["commit"]
    if commit:
        found.append({"name": "git commit", "digest": {"gitCommit": commit}})
    if not found and events_sha256:
        found.append({"name": "events.ndjson", "digest": {"sha256": events_sha256}})
    return found


def _plain(data: bytes) -> dict[str, Any] | None:
    document = _object(data)
    return document if document and document.get("type") == "deployctl.seal" else None


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
