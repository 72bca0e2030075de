"""A Compose file on the host that is broken, and what of elsewhere may tell what it was."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath

from deployctl import source
from deployctl.composefile.reconstruct import Known
from deployctl.config.settings import Settings
from deployctl.engines.compose.repair import Reconstruction, reconstruct
from deployctl.engines.compose.survey import Survey
from deployctl.errors import DeployctlError
from deployctl.rollout.plan_document import PlannedRepair
from deployctl.rollout.session import Session
from deployctl.rollout.templates import render

USUAL = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


def mend(session: Session) -> None:
    """Puts a reconstruction in the place of a broken file, in what this run knows of the host.

    Nothing there changes: the reconstruction becomes live only at the swap. Without --repair, and
    without a person who is asked, the file stays what preflight refuses. RefusedError where the
    file can't be reconstructed without guessing.
    """
    facts, options = session.facts, session.options
    allowed = options.repair or options.asks or session.dry
    if session.command != "hotfix" or not facts.config_error.strip() or not allowed:
        return
    if "repair" in session.settings.forbid or facts.abandoned:
        return
    known = known_files(session.settings, session.commit, facts)
    session.repair = reconstruct(session.hostlink.host, facts, known, session.settings.public)
    session.survey = repaired(facts, session.repair)
    session.note("warning", f"{session.repair.path} is broken: {facts.config_error.strip()}")


def repaired(facts: Survey, fixed: Reconstruction) -> Survey:
    """Pure: the survey as it would be with the reconstruction in place."""
    return replace(
        facts,
        files=tuple(
            replace(file, data=fixed.data, broken=file.data) if file.path == fixed.path else file
            for file in facts.files
        ),
        config_error="",
        rendered_images=fixed.weighed.images,
        dry_run=fixed.weighed.dry_run,
        dry_run_alone=fixed.weighed.dry_run_alone,
    )


def known_files(
    settings: Settings, commit: source.Commit | None, facts: Survey
) -> tuple[Known, ...]:
    """The template's file, then the commit's own. UsageError for a template that can't be used."""
    found = []
    if settings.compose.template is not None:
        text = render(settings.compose.template, settings.compose.values)
        found.append(Known("template", f"template {settings.compose.template}", text.encode()))
    if commit is not None:
        for path in _paths(settings, facts):
            text = source.read_file(commit, settings.source, path)
            if text:
                found.append(Known("file", f"{path} of {commit.short}", text.encode()))
                break
    return tuple(found)


def head(settings: Settings) -> source.Commit | None:
    """The repository's commit of now, where there is one."""
    with suppress(DeployctlError):
        return source.resolve(settings.repository, "HEAD")
    return None


def _paths(settings: Settings, facts: Survey) -> Iterator[str]:
    if settings.compose.base is not None:
        yield settings.compose.base
        return
    yield from (PurePosixPath(file.real_path).name for file in facts.files)
    yield from USUAL


def planned_repair(session: Session) -> PlannedRepair | None:
    fixed = session.repair
    if fixed is None:
        return None
    return PlannedRepair(
        path=fixed.path,
        broken_sha256=hashlib.sha256(fixed.broken).hexdigest(),
        source=fixed.source,
    )


def repair_warnings(session: Session) -> tuple[str, ...]:
    if session.repair is None:
        return ()
    if not session.edits:
        told = "This release is live already, so nothing is swapped and the file stays broken: "
        return (f"{told}deployctl compose repair",)
    if session.dry and not session.options.repair:
        return ("Without a terminal this needs deployctl hotfix --repair.",)
    return ()
