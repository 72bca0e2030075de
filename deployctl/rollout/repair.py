"""`deployctl compose repair`: a broken Compose file on the host is replaced; no container is."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from deployctl.config.settings import Settings
from deployctl.engines.compose import preflight, survey, whole
from deployctl.engines.compose.job import describe_holder
from deployctl.engines.compose.refusals import refusing
from deployctl.engines.compose.repair import Reconstruction, reconstruct
from deployctl.engines.compose.survey import Survey
from deployctl.engines.compose.whole import Whole
from deployctl.errors import UNTOUCHED, DeployctlError, LockedError, RefusedError
from deployctl.events import PlanReady, utc_now
from deployctl.evidence.known_secrets import known_secrets
from deployctl.evidence.redact import Redactor
from deployctl.host.connection import Host, ProgramFailed
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout.address import host_address
from deployctl.rollout.broken_file import head, known_files
from deployctl.rollout.request import Approver
from deployctl.rollout.session import new_run_id

TIMEOUT = 60.0
AGAIN = "Look at the file on the host, then run the same command again."
FAILURES = {
    "changed": "The file was changed meanwhile: {}.",
    "replace": "The file {} can't be replaced by this user.",
    "owner": "The file {} can't be replaced by this user with its owner and group kept.",
    "render": "Compose refuses the reconstruction in its place, so the file is as before: {}",
    "no-space": "There is no room on the host at {}.",
}


class RepairDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "compose repair"
    target: str
    result: Literal["repaired", "unchanged"]
    exit_code: int = 0
    path: str
    source: str = ""
    """what the file was put together from"""
    broken_sha256: str = ""
    sha256: str = ""
    kept: str = ""
    """where the broken bytes are on the host"""
    compared: tuple[str, ...] = ()
    diff: str = ""


def repair(
    settings: Settings,
    release: str | None,
    operator: str,
    approve: Approver,
    show: Callable[[Reconstruction], None],
    ask: Ask = ask_nobody,
) -> RepairDocument:
    """`show` gets the reconstruction before `approve` is asked; `release` names whose recorded
    file to take; `ask` gets the passphrase of a key. RefusedError where nothing is proven or the
    target forbids it, ApprovalError, LockedError."""
    if "repair" in settings.forbid:
        raise RefusedError(
            f"The target {settings.target} forbids repairs.",
            next_step="Mend the file on the host, or take `repair` out of the target's `forbid:`.",
        )
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="keep")
        _require_free(facts)
        if release is None and not facts.config_error.strip():
            return _unbroken(settings, facts, _whole(link.host, settings, facts))
        known = known_files(settings, head(settings), facts)
        redactor = Redactor(known_secrets(settings, os.environ), settings.public)
        fixed = told(reconstruct(link.host, facts, known, settings.public, release), redactor)
        show(fixed)
        if fixed.broken == fixed.data:
            return _unbroken(settings, facts, _whole(link.host, settings, facts))
        _require_replaceable(facts, fixed.path)
        found, after = (hashlib.sha256(data).hexdigest() for data in (fixed.broken, fixed.data))
        digest = hashlib.sha256(f"{fixed.path}\0{found}\0{after}".encode()).hexdigest()
        approve(PlanReady(digest=f"sha256:{digest}", plan={}, diff=fixed.diff))
        kept = _replace(link.host, settings, facts, fixed, operator)
    finally:
        link.close()
    return RepairDocument(
        target=settings.target,
        result="repaired",
        path=fixed.path,
        source=fixed.source,
        broken_sha256=found,
        sha256=after,
        kept=kept,
        compared=fixed.compared,
        diff=fixed.diff,
    )


def told(fixed: Reconstruction, redactor: Redactor) -> Reconstruction:
    """With a diff and a comparison that anybody may read; the file itself stays as it is."""
    return replace(
        fixed,
        diff=redactor.text(fixed.diff),
        compared=tuple(redactor.text(line) for line in fixed.compared),
    )


def _require_free(facts: Survey) -> None:
    if facts.locked:
        raise LockedError(
            f"A rollout is running: {describe_holder(facts.lock_holder or {})}.",
            next_step="Wait for it, or look at it: deployctl status",
        )
    if facts.abandoned:
        run = facts.abandoned[0].run_id
        raise RefusedError(
            f"The run {run} was neither confirmed nor rolled back.",
            next_step=f"deployctl rollback --run {run} puts back what held before it; then repair "
            "the file.",
        )


def _require_replaceable(facts: Survey, path: str) -> None:
    """As a rollout does: a file that would change its owner with its bytes is left alone."""
    file = next(file for file in facts.files if file.path == path)
    preflight.raise_for([preflight.writable(facts.user, file)], facts)


def _whole(host: Host, settings: Settings, facts: Survey) -> Whole:
    with refusing(host.label):
        return whole.take(host, facts, settings.public)


def _unbroken(settings: Settings, facts: Survey, found: Whole) -> RepairDocument:
    """Compose accepts the file. Whether it is what runs is drift, which nobody should guess at."""
    if found.moved:
        differs = f" What differs: {'. '.join(found.differences)}." if found.differences else ""
        raise RefusedError(
            "Compose accepts the file, but it isn't what runs: `docker compose up` would not "
            f"leave the containers alone ({'; '.join(found.moved)}).{differs}",
            next_step="Apply or undo that edit on the host, or take a release's recorded file: "
            "deployctl compose repair --from-release rN",
        )
    if found.untold:
        raise RefusedError(
            f"Compose accepts the file, but whether it is what runs can't be told: {found.untold}.",
            next_step="deployctl compose diagnose names what it finds; look at it on the host.",
        )
    paths = ", ".join(file.path for file in facts.files)
    return RepairDocument(target=settings.target, result="unchanged", path=paths)


def _replace(
    host: Host, settings: Settings, facts: Survey, fixed: Reconstruction, operator: str
) -> str:
    """Where the broken bytes are kept."""
    file = next(file for file in facts.files if file.path == fixed.path)
    run = new_run_id("repair")
    about = {
        "runId": run,
        "command": "repair",
        "by": operator,
        "at": utc_now().isoformat(timespec="seconds"),
        "target": settings.target,
        "source": fixed.source,
    }
    try:
        answer = host.run(
            "mend",
            {
                "DOCKER": "\n".join(facts.docker),
                "COMPOSE_WORDS": "\n".join(facts.compose_words),
                "PROJECT": facts.project,
                "PUBLIC": "\n".join(settings.public),
                "STATE_DIR": facts.state_dir,
                "STATE_GROUP": settings.host.operators_group or "",
                "RUN": f"{facts.state_dir}/runs/{run}",
                "ABOUT": json.dumps(about, sort_keys=True),
                "FILE": file.real_path,
                "FOUND": file.sha256,
                "AFTER": fixed.data.decode(),
                "AFTER_SHA": hashlib.sha256(fixed.data).hexdigest(),
            },
            timeout=TIMEOUT,
        )
    except ProgramFailed as failure:
        raise _failed(failure) from failure
    return answer.text("kept", "")


def _failed(failure: ProgramFailed) -> DeployctlError:
    if failure.kind == "locked":
        told = "Another rollout has begun meanwhile; the file is as before."
        return LockedError(told, next_step="deployctl status")
    if failure.kind == "stuck":
        return RefusedError(
            f"Compose refuses the reconstruction, and the file of before, {failure.message}, "
            "could not be put back.",
            production="No container was touched; the Compose file is the reconstruction.",
            next_step=f"Look at the file on the host; {failure.message} is what it was.",
        )
    if failure.kind not in FAILURES:
        return RefusedError(
            f"The repair was cut off ({failure.kind}): {failure.message.strip()}",
            production="No container was touched; whether the Compose file was replaced is not "
            "known.",
            next_step="deployctl compose diagnose says what lies there now.",
        )
    what = FAILURES[failure.kind].format(failure.message.strip())
    return RefusedError(what, production=UNTOUCHED, next_step=AGAIN)
