"""Retention, once a hotfix is confirmed: what went out of use is removed, on the host and here.

Nothing of it can change how a run ended. After a rollback nothing goes: the next one may be to any
release. What a run without a client leaves goes after the next hotfix.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future

from deployctl.engines.compose import tidy
from deployctl.engines.releases import ReleaseRecord, describe, ordinal
from deployctl.engines.retention import Inventory, Spare, kept, spare
from deployctl.errors import DeployctlError, UnreachableError
from deployctl.evidence import old_runs
from deployctl.evidence.run_directory import state_home
from deployctl.rollout.aside import aside
from deployctl.rollout.session import Session, need

SECONDS = 60.0
"""for the host's answer, which had the time of the gates to come"""
RESTORE_SECONDS = 10.0
"""for a link that is lost still; the run has ended"""


def look_ahead(session: Session) -> None:
    """Asks what the host holds, beside the gates: once they hold there is no time to lose."""
    if session.command == "hotfix":
        session.inventory = aside(lambda: tidy.take(session.hostlink.host, session.facts))


def retain(session: Session) -> None:
    """Never raises: what fails is told, and left to the next hotfix."""
    if not session.confirmed or session.inventory is None:
        return
    try:
        found = _looked(session, session.inventory).confirmed(_run(session))
        _on_host(session, found)
        _here(session, found)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has ended well
        told = error.what if isinstance(error, DeployctlError) else str(error) or repr(error)
        session.note(
            "warning",
            f"What earlier releases left was not removed ({told.rstrip('.')}); the next hotfix "
            "tries again.",
        )


def _looked(session: Session, begun: "Future[Inventory]") -> Inventory:
    """What was asked beside the gates, or over a link that came back since."""
    try:
        return begun.result(SECONDS)
    except (UnreachableError, TimeoutError):
        session.hostlink.restore(RESTORE_SECONDS)
        return tidy.take(session.hostlink.host, session.facts)


def _on_host(session: Session, found: Inventory) -> None:
    facts, settings = session.facts, session.settings
    live = need(session.goal, "a release").number
    gone = spare(
        _releases(session),
        live,
        found,
        project=facts.project,
        keep=settings.retention.keep,
        files=[source.data.decode("utf-8", "replace") for source in facts.files],
    )
    cache = settings.retention.build_cache
    if not gone and cache is None:
        return
    order = tidy.Order(_run(session), settings.host.operators_group or "", cache)
    done = tidy.carry_out(session.hostlink.host, facts, gone, live, order)
    for line in _told(gone, done):
        session.note("info", line)
    for line in done.failures:
        session.note("warning", f"Not removed from the host: {line}")


def _run(session: Session) -> str:
    """What the run is called on the host: its job may have been another's successor."""
    return need(session.job, "a job").run.rpartition("/")[2]


def _told(gone: Spare, done: tidy.Tidied) -> Iterator[str]:
    freed = f" {done.freed_bytes / 1e6:.0f} MB are free again." if done.freed_bytes >= 1e6 else ""
    if gone.releases:
        oldest_first = sorted(gone.releases, key=lambda record: ordinal(record.number))
        names = ", ".join(describe(record) for record in oldest_first)
        yield f"Removed from the host, as later releases are kept: {names}.{freed}"
    elif freed:
        yield f"Removed from the host what nothing needs any more.{freed}"


def _here(session: Session, found: Inventory) -> None:
    """The evidence of this machine, but never what lies where the user has said."""
    settings = session.settings
    if session.options.evidence_dir is not None or settings.retention.evidence == "all":
        return
    live, project = need(session.goal, "a release").number, session.facts.project
    tags = frozenset(found.tags)
    stay = kept(_releases(session), live, tags, project=project, keep=settings.retention.keep)
    whose = old_runs.Whose(settings.target, session.hostlink.host.label, project)
    first = min((record.run_id for record in stay), default="")
    for path in old_runs.older(state_home(os.environ) / "evidence", whose, first):
        failed = old_runs.remove(path)
        if failed:
            session.note("warning", f"Evidence that nothing needs any more stays: {failed}")


def _releases(session: Session) -> list[ReleaseRecord]:
    """With those that this run has recorded."""
    new = {record.number: record for record in (session.found, session.goal) if record is not None}
    return [*(each for each in session.facts.releases if each.number not in new), *new.values()]
