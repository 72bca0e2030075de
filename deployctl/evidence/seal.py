"""The seal: one JSON document that names the run, its plan, its result and every artefact's digest.

It isn't signed yet. Its digest is that of the file's bytes, so `sha256sum seal.json` shows it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import deployctl
from deployctl.errors import DeployctlError, ExitCode
from deployctl.events import utc_now
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.clean_events import cleaned
from deployctl.evidence.event_json import rfc3339
from deployctl.evidence.run_directory import RunDirectory, write_private_file
from deployctl.result import Result, SealRef

NAME = "seal.json"
SCHEMA_VERSION = 1
_CHUNK_BYTES = 1 << 20
_MEDIA_TYPES = {
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".yml": "application/yaml",
    ".yaml": "application/yaml",
    ".log": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".diff": "text/x-diff; charset=utf-8",
}


class SealError(DeployctlError):
    """The evidence could not be written. Whatever the run did to production stays done."""

    code = ExitCode.SEAL_FAILED


def seal(
    directory: RunDirectory,
    result: Result,
    plan: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
) -> SealRef:
    """Writes `seal.json` over everything in the directory; the journal must be closed before.

    `plan` is the plan's JSON document; its digest is the result's, to which the approval is
    bound. `extra` is JSON about who and where (operator, host, approval). Raises SealError.
    """
    try:
        document = _document(directory, result, plan, extra or {})
        data = canonical_json(document)
        path = directory.path / NAME
        write_private_file(path, data)
    except (OSError, ValueError, TypeError) as error:
        raise SealError(
            f"The seal could not be written to {directory.path}: {error}.",
            production="The rollout is done and stays as it is; only its evidence is incomplete.",
            next_step="Make room or name another directory with --evidence-dir, then run the same"
            " hotfix again: a live release is only checked and sealed.",
        ) from error
    return SealRef(path=str(path), digest=digest(data))


def _document(
    directory: RunDirectory,
    result: Result,
    plan: Mapping[str, Any],
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    def redact(value: Any) -> Any:
        return cleaned(directory.redactor, value)

    shown = redact(plan)
    return {
        "schemaVersion": SCHEMA_VERSION,
        "type": "deployctl.seal",
        "tool": {"name": "deployctl", "version": deployctl.__version__},
        "sealedAt": rfc3339(utc_now()),
        "plan": {
            "digest": result.plan_digest or digest(canonical_json(plan)),
            "document": shown,
            "redacted": shown != plan,
        },
        "result": redact(result.model_dump(mode="json", by_alias=True)),
        "context": redact(extra),
        "artefacts": [_artefact(name, path) for name, path in directory.files() if name != NAME],
        "dropped": sorted(directory.dropped),
    }


def _artefact(name: str, path: Path) -> dict[str, Any]:
    checksum, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum.update(chunk)
            size += len(chunk)
    return {
        "name": name,
        "sha256": checksum.hexdigest(),
        "sizeBytes": size,
        "mediaType": _MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
    }
