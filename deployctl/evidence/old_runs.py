"""Retention on this machine: the evidence of runs older than any release that is kept.

Directories of two projects, or of two hosts, may lie under one target's name: only what its own
seal says to be of this one is told of here. What has no seal is left; it may still be going on.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployctl.evidence import seal
from deployctl.evidence.people import same_host
from deployctl.evidence.run_directory import safe_name
from deployctl.evidence.statement import read_seal

_RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z]+-[0-9a-f]{6}")


@dataclass(frozen=True)
class Whose:
    """What a seal must say for its evidence to go: target, `user@host:port`, Compose project."""

    target: str
    host: str
    project: str


def older(base: Path, whose: Whose, first: str) -> Iterator[Path]:
    """Directories of sealed runs of this target that began before the run `first`, oldest first.

    `base` is where all evidence lies by default. IDs of runs sort by time.
    """
    folder = base / safe_name(whose.target)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _RUN.fullmatch(path.name) and path.name < first and _is_of(path, whose):
            yield path


def remove(path: Path) -> str:
    """Removes a run's directory; returns why it could not, or nothing."""
    try:
        shutil.rmtree(path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _is_of(path: Path, whose: Whose) -> bool:
    found = _sealed(path)
    return (
        found is not None
        and same_host(found.host, whose.host)
        and (found.target, found.project) == (whose.target, whose.project)
    )


def _sealed(path: Path) -> Whose | None:
    """Whose it is by its seal; None without one that can be read."""
    if path.is_symlink():
        return None
    try:
        document = read_seal(path / seal.NAME).predicate
    except (OSError, ValueError):
        return None
    return Whose(
        target=_text(document, "result", "target"),
        host=_text(document, "context", "host"),
        project=_text(document, "plan", "document", "decisions", "project"),
    )


def _text(document: Any, *names: str) -> str:
    """The text under those names; empty where there is none."""
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if isinstance(document, str) else ""
