"""The copies of evidence below some directories. Anybody may have put anything there."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deployctl.evidence import chain, plain_file, seal
from deployctl.evidence.audited import Copy, SealCopy, Whose
from deployctl.evidence.journal import NAME as EVENTS
from deployctl.evidence.statement import LARGEST_BYTES, parse_seal

DEEPEST: Final = 24
"""levels of directories below each"""
LARGEST_JOURNAL: Final = 64 * 1024 * 1024
"""some 250,000 entries; of a host no larger one could be fetched either"""


class Copies:
    """What lies there. `faults` grows while it is read: what could not be, and why."""

    def __init__(
        self,
        files: Sequence[Path],
        folders: frozenset[str],
        unsealed: Sequence[str],
        faults: list[str],
    ) -> None:
        self._files = files
        self.folders = folders
        """names of directories"""
        self.unsealed = unsealed
        """those of runs that have events and no seal"""
        self.faults = faults

    def journals(self) -> Iterator[Copy]:
        """One at a time: they may be large."""
        for file in self._files:
            if file.name != chain.NAME:
                continue
            try:
                yield Copy(str(file), plain_file.read(file, LARGEST_JOURNAL))
            except (OSError, ValueError) as error:
                self.faults.append(f"{file} can't be read: {plain_file.clause(error)}")

    def seals(self) -> list[SealCopy]:
        return [_seal(file) for file in self._files if file.name == seal.NAME]


def gather(dirs: Sequence[Path], but: Path | None) -> Copies:
    """Seals and journals below `dirs`, other than the file `but`. Links are not followed to other
    directories. A directory that is not there has nothing."""
    files: list[Path] = []
    names: set[str] = set()
    unsealed: set[str] = set()
    faults: list[str] = []

    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            faults.append(f"{error.filename} can't be read: {error.strerror}")

    for top in dirs:
        depth = len(top.parts)
        for folder, below, here in os.walk(top, onerror=failed):
            path = Path(folder)
            if below and len(path.parts) - depth >= DEEPEST:
                faults.append(f"{path} can't be read: it has directories, {DEEPEST} levels down")
                below.clear()
            names.update(below)
            if EVENTS in here and seal.NAME not in here:
                unsealed.add(path.name)
            files += [path / name for name in here if name in {chain.NAME, seal.NAME}]
    kept = sorted({file for file in files if not _same(file, but)})
    return Copies(kept, frozenset(names), sorted(unsealed), faults)


def _same(file: Path, other: Path | None) -> bool:
    try:
        return other is not None and file.samefile(other)
    except OSError:
        return False


def _seal(file: Path) -> SealCopy:
    try:
        sealed = parse_seal(plain_file.read(file, LARGEST_BYTES))
    except (OSError, ValueError) as error:
        return SealCopy(str(file), "", "", None, None, fault=plain_file.clause(error))
    except RecursionError:
        return SealCopy(str(file), "", "", None, None, fault="it is nested too deeply")
    said = sealed.predicate
    journal, previous = said.get("journal"), said.get("previousSeal")
    return SealCopy(
        place=str(file),
        digest=sealed.digest,
        run=str(_at(said, "result", "runId")),
        journal=journal if isinstance(journal, dict) else None,
        previous=str(previous.get("digest")) if isinstance(previous, dict) else None,
        whose=Whose(
            target=_text(said, "result", "target"),
            host=_text(said, "context", "host").rpartition("@")[2],
            project=_text(said, "plan", "document", "decisions", "project"),
        ),
        result=_text(said, "result", "result"),
    )


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any, *names: str) -> str:
    found = _at(value, *names)
    return found if isinstance(found, str) else ""
