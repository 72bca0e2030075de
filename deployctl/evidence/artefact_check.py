"""Whether every file of a run is the one that was sealed, and no other lies among them."""

import hashlib
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from deployctl.evidence import people
from deployctl.evidence.seal import APPROVALS, NAME
from deployctl.evidence.statement import Sealed

Told = tuple[Literal["proven", "not-proven", "failed"], str]
VIEWS = ("seal.md", "seal.html")
"""made from the seal after it was written; they name its digest"""
_AFTERWARDS = re.compile(r"validation-[A-Za-z0-9._-]+\.json")
"""signatures that were added to a seal"""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_CHUNK_BYTES = 1 << 20


def check(seal: Path, sealed: Sealed) -> Iterator[Told]:
    """The files beside `seal`; those with personal data may have been erased. Raises OSError where
    the directory can't be read."""
    folder = seal.absolute().parent
    listed = _listed(sealed.predicate.get("artefacts"))
    erasable = _erasable(sealed.predicate.get("erasable", []))
    if listed is None or erasable is None or listed.keys() & erasable.keys():
        yield "failed", "its list of artefacts makes no sense"
        return
    erased = [name for name in erasable if not _there(folder / name)]
    files = {**listed, **{name: erasable[name] for name in erasable if name not in erased}}
    failed = False
    found = {name: _measure(folder / name) for name in files}
    whose = {digest: name for name, (digest, _) in (*listed.items(), *erasable.items())}
    for name, (digest, size) in files.items():
        told = _fault(name, digest, size, found[name], whose)
        if told:
            failed = True
            yield "failed", told
    for told in (*_extra(seal, files), *_other_views(folder, sealed.digest)):
        failed = True
        yield "failed", told
    if not failed:
        yield "proven", f"all {len(files)} artefacts are as they were sealed"
    yield from _told_erased(erased)


def _told_erased(erased: list[str]) -> Iterator[Told]:
    approvals = [name for name in erased if name != people.NAME]
    if people.NAME in erased:
        yield "not-proven", f"who took part ({people.NAME} was erased)"
    if approvals:
        yield "not-proven", f"which approvals people signed ({', '.join(approvals)}: erased)"


def _erasable(listed: Any) -> dict[str, tuple[str, int]] | None:
    """The same for what may be erased: nothing else may be, whatever a seal says."""
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        return None
    found = _listed([{**each, "sha256": _hexes(each.get("digest"))} for each in listed])
    ours = found is None or all(name == people.NAME or name.startswith(APPROVALS) for name in found)
    return found if ours else None


def _hexes(digest: Any) -> Any:
    return digest.removeprefix("sha256:") if isinstance(digest, str) else None


def _there(path: Path) -> bool:
    """Whatever it is that lies there: a link that leads nowhere is no erased file."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # what is wrong with it is told as of any artefact
    return True


def _listed(artefacts: Any) -> dict[str, tuple[str, int]] | None:
    """Name -> digest and size; None for a list with anything else, or with a name twice."""
    if not isinstance(artefacts, list):
        return None
    listed: dict[str, tuple[str, int]] = {}
    for each in artefacts:
        if not isinstance(each, Mapping):
            return None
        name, digest, size = each.get("name"), each.get("sha256"), each.get("sizeBytes")
        if not isinstance(name, str) or not isinstance(digest, str) or type(size) is not int:
            return None
        if name in listed or not all(map(_PART.fullmatch, name.split("/"))):
            return None
        listed[name] = digest, size
    return listed


def _measure(path: Path) -> tuple[str, int] | str:
    """Digest and size, or why there is none."""
    checksum, size = hashlib.sha256(), 0
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return "is no plain file"
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                checksum.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return checksum.hexdigest(), size


def _fault(
    name: str,
    digest: str,
    size: int,
    found: tuple[str, int] | str,
    whose: Mapping[str, str],
) -> str:
    if isinstance(found, str):
        return f"the artefact {name} {found}"
    if found == (digest, size):
        return ""
    other = whose.get(found[0])
    if other is not None and other != name:
        return f"the artefact {name} holds what {other} held: they were swapped"
    change = "" if found[1] == size else f" ({size} bytes were sealed, {found[1]} are there)"
    return f"the artefact {name} was changed{change}"


def _extra(seal: Path, listed: Mapping[str, Any]) -> Iterator[str]:
    folder = seal.absolute().parent
    if seal.name != NAME:
        return  # a copy of the seal beside other things
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if name not in listed and name not in (NAME, *VIEWS) and not _AFTERWARDS.fullmatch(name):
            yield f"the file {name} is not of this run"


def _other_views(folder: Path, digest: str) -> Iterator[str]:
    for name in VIEWS:
        try:
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if digest.removeprefix("sha256:") not in text:
            yield f"{name} is a view of another seal: it does not name {digest}"
