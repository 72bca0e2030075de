"""Whether the host's journal still begins with what this client knows of it."""

import os
from dataclasses import replace
from pathlib import Path

from deployctl.config.settings import Settings
from deployctl.engines.host_journal import Seen
from deployctl.errors import RefusedError
from deployctl.evidence import known_journal
from deployctl.evidence.known_journal import Known, Whose
from deployctl.evidence.run_directory import state_home
from deployctl.host.connection import Host

ACCEPT = "deployctl audit --accept"


def place(settings: Settings, host: Host) -> Path:
    """The file that keeps it."""
    whose = Whose(
        target=settings.target,
        host=host.label,
        host_key=host.host_key,
        project=settings.compose.project or settings.project or "",
        services=settings.services,
        state_dir=settings.host.state_dir or "",
    )
    return whose.place(state_home(os.environ))


def recalled(settings: Settings, host: Host) -> Known:
    """Raises RefusedError for a record that can't be read: it may hide what it knew."""
    path = place(settings, host)
    try:
        return known_journal.recall(path)
    except (OSError, ValueError, TypeError) as error:
        raise RefusedError(
            f"What this machine knew of the host's journal can't be read from {path}: {error}.",
            next_step=f"Compare with other copies: deployctl audit; then {ACCEPT}",
        ) from error


def require_grown(known: Known, seen: Seen, label: str) -> None:
    """Raises RefusedError unless the host's journal goes on from what is known here."""
    told = known_journal.difference(known, seen.size, seen.digest)
    if told:
        raise RefusedError(
            f"The journal on {label} is not the one that this machine knows: {told}. The evidence "
            "of earlier rollouts was lost there, or somebody has changed it.",
            next_step="See what is different: deployctl audit. Where there is a good reason (the "
            f"host was set up anew), go on from what is there now: {ACCEPT}",
        )


def remember(
    path: Path, now: Seen, before: Known, unnoted: tuple[tuple[str, str], ...] = ()
) -> None:
    """Raises OSError."""
    head = now.head
    known = replace(before, unnoted=unnoted)
    if head is not None:
        known = Known(
            head.journal, head.seq, head.digest, now.size, now.digest, unnoted, before.replaced
        )
    if known != before:
        known_journal.remember(path, known)


def remember_unnoted(path: Path, known: Known, run: str, digest: str) -> None:
    """The next run notes it. Raises OSError."""
    unnoted = (*(each for each in known.unnoted if each[0] != run), (run, digest))
    known_journal.remember(path, replace(known, unnoted=unnoted))
