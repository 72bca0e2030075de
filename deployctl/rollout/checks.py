"""The preflight stage: the commit, then the host."""

import os
import time
from concurrent.futures import wait

from deployctl import source
from deployctl.engines.compose import build as builder
from deployctl.engines.compose import preflight, room, runs, survey
from deployctl.engines.compose.job import describe_holder
from deployctl.engines.compose.survey import CLIENT_GONE_AFTER
from deployctl.errors import TOUCHED_NOTHING, ConfigError, LockedError, RefusedError
from deployctl.events import Events, Progress
from deployctl.host.connection import Host, ProgramFailed
from deployctl.host.link import Link
from deployctl.host.waiting import PACE, clock
from deployctl.rollout.aside import aside
from deployctl.rollout.broken_file import mend
from deployctl.rollout.known_journal import recalled, require_grown
from deployctl.rollout.meaning import require_same_meaning
from deployctl.rollout.recorder import StageNote
from deployctl.rollout.resumed import reached, resumed
from deployctl.rollout.session import Session, need, scratch_path
from deployctl.rollout.signing import check_signing
from deployctl.rollout.steps import HttpStep, RunStep

BLOCK_BYTES = 4096
PACKING_TOLD = 1.0
"""seconds between two words on how far the packing is"""
TIDYING_SECONDS = 60.0
"""for a run that is over, but for what retention removes"""
LOCK_POLL = 2.0
"""seconds between two looks at a lock that somebody else holds"""


def preflight_stage(session: Session, note: StageNote) -> None:
    """The commit, then the host: everything that can refuse before anything is shown."""
    check_options(session)
    # A large tree takes a while to pack, a host a while to answer: neither waits for the other.
    packing = None
    if session.command == "hotfix":
        session.commit = commit = _resolve(session)
        packing = _Packing(session, commit)
    meet(session)
    if packing is not None:
        _keep_package(session, packing.result(session.events))
    _check_host(session)
    note.detail = (
        f"{session.hostlink.host.label}, Docker {session.facts.engine_version}, "
        f"Compose {session.facts.compose_version}"
    )


def meet(session: Session) -> None:
    """The connection, and what the host says of itself."""
    link = reached(session)
    check_signing(session)
    session.known_journal = known = recalled(session.settings, link.host)
    session.survey = _survey(session, link)
    require_grown(known, session.survey.journal, link.host.label)


class _Packing:
    """The source on its way into an archive, beside the run."""

    def __init__(self, session: Session, commit: source.Commit) -> None:
        self._packed = (0, 0)
        settings, into = session.settings.source, scratch_path(session)
        self._package = aside(lambda: source.pack(commit, settings, into, self._note))

    def _note(self, done: int, total: int) -> None:
        self._packed = (done, total)

    def result(self, events: Events) -> source.Package:
        """Waits for it, and tells how far it is: a large tree takes minutes."""
        while not wait([self._package], PACKING_TOLD).done:
            done, total = self._packed
            if total:
                events.emit(Progress(stage="preflight", done_bytes=done, total_bytes=total))
        return self._package.result()


def check_options(session: Session) -> None:
    settings, options = session.settings, session.options
    for word, used in (
        ("advisory", options.advisory),
        ("accept-drift", options.accept_drift),
        ("repair", options.repair),
    ):
        if used and word in settings.forbid:
            raise RefusedError(
                f"The target {settings.target} forbids --{word}.",
                next_step=f"Run it without --{word}, or take it out of the target's `forbid:`.",
            )
    _check_variables(session)


def _check_variables(session: Session) -> None:
    """What a step of the playbook will need of this machine's environment is there now."""
    for stage in session.playbook.stages:
        if not isinstance(stage.params, RunStep | HttpStep):
            continue
        unset = ", ".join(stage.params.unset(os.environ))
        if not unset:
            continue
        told = f"The step {stage.name!r} needs {unset}, which is not set here."
        if session.dry or _only_reported(stage.params):
            session.note("warning", told)
        else:
            raise ConfigError(told, next_step="Set it (in CI: a secret), then run again.")


def _only_reported(step: RunStep | HttpStep) -> bool:
    return isinstance(step, HttpStep) and step.advisory


def _resolve(session: Session) -> source.Commit:
    commit = source.resolve(session.settings.repository, need(session.wanted, "a revision"))
    for line in commit.notes:
        session.note("warning", line)
    return commit


def _keep_package(session: Session, package: source.Package) -> None:
    for line in package.notes:
        session.note("warning", line)
    session.package = package
    session.build_digest = builder.build_digest(package.source_digest, session.settings.source)


def _survey(session: Session, link: Link) -> survey.Survey:
    """With --lock-wait it waits for another rollout here, to plan on what that one leaves.

    For one that only tidies up it waits in any case.
    """
    probe: survey.Probe = "no" if session.dry else "keep"
    began = tell_at = time.monotonic()
    first: survey.Survey | None = None
    typed_ago = time.monotonic() - session.options.typed_at
    while True:
        facts = resumed(
            session,
            lambda: survey.take(
                link.host,
                session.settings,
                probe_write=probe,
                marks=session.marks,
                journal_bytes=session.known_journal.size,
            ),
        )
        first = first or facts
        patience = session.options.lock_wait
        if facts.tidying:
            patience = max(patience, TIDYING_SECONDS)
        left = began + patience - time.monotonic()
        if not facts.locked or session.dry or left <= 0:
            require_same_meaning(session, first, facts, typed_ago)
            return facts
        if time.monotonic() >= tell_at:
            holder = describe_holder(facts.lock_holder or {})
            session.note(
                "info",
                f"Waiting for another rollout: {holder}. Until {clock(left)} at the latest.",
            )
            tell_at = time.monotonic() + PACE
        time.sleep(LOCK_POLL)


def _check_host(session: Session) -> None:
    facts, options = session.facts, session.options
    if facts.locked and not session.dry:
        raise _locked(session, facts)
    resumed(session, lambda: mend(session))
    facts = session.facts
    build = facts.last_build_bytes if _builds(session) else 0
    freeable = resumed(
        session, lambda: what_could_be_freed(session.hostlink.host, session.facts, build)
    )
    preflight.raise_for(
        preflight.judge(
            facts,
            session.settings.services,
            accept_drift=options.accept_drift is not None,
            may_recover=session.command == "rollback",
            sent=_room(session),
            build=build,
            freeable=freeable,
        ),
        facts,
    )


def _locked(session: Session, facts: survey.Survey) -> LockedError:
    holder = f"Another rollout is running: {describe_holder(facts.lock_holder or {})}."
    wait = "Wait for it (--lock-wait 5m), or look at it: deployctl status"
    run = runs.holding(facts)
    if run is None:
        return LockedError(holder, next_step=wait)
    if session.command == "rollback":
        wait = (
            f"deployctl rollback --lock-wait {CLIENT_GONE_AFTER + 5}s waits for that, and then "
            "ends the run; deployctl status says how it is with it."
        )
    return LockedError(
        f"{holder} It {runs.stands(run.state)}; {runs.heard(run)}.",
        production=f"{TOUCHED_NOTHING} {runs.serving(facts)}",
        next_step=wait,
    )


def what_could_be_freed(host: Host, facts: survey.Survey, build: int) -> tuple[room.Freeable, ...]:
    """Asked only where the disk can't take such a build: Docker takes its time to tell.

    Raises LinkLostError.
    """
    if not preflight.tight(facts, build):
        return ()
    try:
        return room.ask(host, facts)
    except (ProgramFailed, TimeoutError):
        return ()  # the refusal says where to look


def _builds(session: Session) -> bool:
    built = session.build_digest in session.facts.built and not session.options.rebuild
    return session.package is not None and not built


def _room(session: Session) -> preflight.Room:
    """What the source takes on the host; each file's last block is half full on average."""
    package = session.package
    if package is None or not _builds(session):
        return preflight.NOTHING_SENT
    size = package.size + package.tree_bytes + package.files * BLOCK_BYTES // 2
    return preflight.Room(size, package.files)
