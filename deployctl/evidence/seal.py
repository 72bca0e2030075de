"""The seal: one signed statement that names the run, its plan, its result and every artefact.

Its digest is that of the file's bytes, so `sha256sum seal.json` shows it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import deployctl
from deployctl.errors import DeployctlError, ExitCode
from deployctl.events import utc_now
from deployctl.evidence import last_look, people
from deployctl.evidence.canonical import canonical_json, digest
from deployctl.evidence.clean_events import cleaned
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature
from deployctl.evidence.event_json import rfc3339
from deployctl.evidence.predicate import (
    NAMESPACE,
    Artefact,
    Circumstances,
    Compose,
    ComposeFile,
    Erasable,
    GateEvidence,
    Kept,
    Predicate,
    SealedPlan,
    Signer,
    Tool,
)
from deployctl.evidence.run_directory import RunDirectory, safe_name, write_private_file
from deployctl.evidence.statement import build_statement
from deployctl.result import Result, SealRef

NAME = "seal.json"
APPROVALS = "approvals/"
"""People have signed these with their names in them: they can't be written otherwise."""
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


class CannotSignError(Exception):
    """Why there is no signature: one sentence, without its full stop."""


@dataclass(frozen=True)
class SigningKey:
    """Makes a signature of bytes. `sign` raises CannotSignError."""

    keyid: str
    sign: Callable[[bytes], bytes]
    certificate: str | None = None
    """the digest of the one that it signs with"""


def seal(
    directory: RunDirectory,
    result: Result,
    plan: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    circumstances: Circumstances | None = None,
    key: SigningKey | CannotSignError | None = None,
) -> SealRef:
    """Writes `seal.json` over everything in the directory; the journal must be closed before.

    `plan` is the plan's JSON document; its digest is the result's, to which the approval is
    bound. `extra` is JSON about who and where (operator, host, approval). Where the key can't sign,
    the seal is written without a signature, and says why. Raises SealError.
    """
    try:
        last_look.at_artefacts(directory)
        envelope = _envelope(directory, result, plan, extra or {}, circumstances, key)
        data = envelope.encode()
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


def _envelope(
    directory: RunDirectory,
    result: Result,
    plan: Mapping[str, Any],
    extra: Mapping[str, Any],
    circumstances: Circumstances | None,
    key: SigningKey | CannotSignError | None,
) -> Envelope:
    files = {name: path for name, path in directory.files() if name not in (NAME, people.NAME)}
    artefacts = tuple(
        _artefact(name, path) for name, path in files.items() if not name.startswith(APPROVALS)
    )
    approvals = {name: path for name, path in files.items() if name.startswith(APPROVALS)}
    facts = _facts(directory, result, plan, extra, circumstances, artefacts)
    events = next((each.sha256 for each in artefacts if each.name == "events.ndjson"), None)

    def envelope(**more: Any) -> Envelope:
        predicate = Predicate(**facts, **more).model_dump(mode="json", by_alias=True)
        clean = directory.people.hidden(cleaned(directory.redactor, predicate))
        clean["erasable"] = _erasable({**_people(directory), **approvals})
        clean = last_look.at_predicate(directory, clean)
        return Envelope(IN_TOTO, build_statement(clean, events))

    if isinstance(key, SigningKey):
        unsigned = envelope(
            signer=Signer(keyid=key.keyid, namespace=NAMESPACE, certificate=key.certificate)
        )
        try:
            return unsigned.signed(Signature(key.keyid, key.sign(unsigned.pae)))
        except CannotSignError as error:
            key = error
    return envelope(unsigned_because=str(key) if key else "there was no key to sign with")


def _people(directory: RunDirectory) -> dict[str, Path]:
    """The file of who is who, written; none where nobody is named. Raises OSError."""
    directory.keep_people()
    if directory.error is not None:
        raise directory.error
    path = directory.path / people.NAME
    return {people.NAME: path} if path.is_file() else {}


def _erasable(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    listed = (_artefact(name, path) for name, path in sorted(files.items()))
    return [
        Erasable(
            name=each.name, digest=f"sha256:{each.sha256}", size_bytes=each.size_bytes
        ).model_dump(mode="json", by_alias=True)
        for each in listed
    ]


def _facts(
    directory: RunDirectory,
    result: Result,
    plan: Mapping[str, Any],
    extra: Mapping[str, Any],
    circumstances: Circumstances | None,
    artefacts: Sequence[Artefact],
) -> dict[str, Any]:
    kept = {each.name: Kept(name=each.name, sha256=each.sha256) for each in artefacts}
    shown = cleaned(directory.redactor, plan)
    facts: dict[str, Any] = {
        "tool": Tool(name="deployctl", version=deployctl.__version__),
        "sealed_at": rfc3339(utc_now()),
        "plan": SealedPlan(
            digest=result.plan_digest or digest(canonical_json(plan)),
            document=shown,
            redacted=shown != plan,
        ),
        "result": result.model_dump(mode="json", by_alias=True),
        "context": dict(extra),
        "build_log": kept.get("build.log"),
        "compose": _compose(plan, kept, circumstances.diff if circumstances else ""),
        "gates": _gates(result, kept),
        "availability": kept.get("availability.json"),
        "artefacts": tuple(artefacts),
        "dropped": tuple(sorted(directory.dropped)),
    }
    if circumstances is not None:
        named = ("client", "playbook", "source", "approval", "approvals", "journal")
        facts |= {name: getattr(circumstances, name) for name in (*named, "previous_seal")}
        facts["settings"] = kept.get("settings.json")
    return facts


def _compose(plan: Mapping[str, Any], kept: Mapping[str, Kept], diff: str) -> Compose:
    decisions = plan.get("decisions") or {}
    repair = decisions.get("repair") or {}
    return Compose(
        files=tuple(
            ComposeFile(
                path=file["path"],
                before_sha256=file["beforeSha256"],
                after_sha256=file["afterSha256"],
                broken_sha256=repair["brokenSha256"]
                if repair.get("path") == file["path"]
                else None,
                before=kept.get(f"compose.{number}.before.yml"),
                after=kept.get(f"compose.{number}.after.yml"),
                broken=kept.get(f"compose.{number}.broken.yml"),
            )
            for number, file in enumerate(decisions.get("files") or (), 1)
        ),
        diff=diff,
    )


def _gates(result: Result, kept: Mapping[str, Kept]) -> tuple[GateEvidence, ...]:
    return tuple(
        GateEvidence(
            name=gate.name,
            service=gate.service,
            when=gate.when,
            state=gate.state,
            observed=gate.observed,
            threshold=gate.threshold,
            responses=_responses(f"gates/{safe_name(gate.name)}.{gate.when}.", kept),
        )
        for gate in result.gates
    )


def _responses(prefix: str, kept: Mapping[str, Kept]) -> tuple[Kept, ...]:
    """The raw answers of one look, in their order, each with what is known of it."""
    numbers = sorted(
        int(number)
        for name in kept
        if name.startswith(prefix)
        and name.endswith(".txt")
        and (number := name.removeprefix(prefix).removesuffix(".txt")).isdecimal()
    )
    names = [f"{prefix}{number}.{ending}" for number in numbers for ending in ("txt", "json")]
    return tuple(kept[name] for name in names if name in kept)


def _artefact(name: str, path: Path) -> Artefact:
    checksum, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum.update(chunk)
            size += len(chunk)
    return Artefact(
        name=name,
        sha256=checksum.hexdigest(),
        size_bytes=size,
        media_type=_MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
    )
