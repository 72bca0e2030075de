"""Whether every file of a run is the one that was sealed, and no other lies among them."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Set
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final

from deployctl.evidence import people, plain_file
from deployctl.evidence.checked import Check
from deployctl.evidence.quoted import quoted
from deployctl.evidence.seal import APPROVALS, NAME
from deployctl.evidence.statement import Sealed, read_seal

VIEWS = ("seal.md", "seal.html")
"""made from the seal after it was written; they name its digest"""
_AFTERWARDS = re.compile(r"validation-[A-Za-z0-9._-]+\.json")
"""signatures that were added to a seal"""
_NAME: Final = "artefacts"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_CHUNK_BYTES = 1 << 20
_LARGEST_VIEW = 64 << 20
_MOST_EXTRA = 100
"""files that don't belong there, told by name"""


def check(seal: Path, sealed: Sealed) -> Iterator[Check]:
    """The files beside `seal`; those with personal data may have been erased."""
    folder = seal.absolute().parent
    named = _named(sealed)
    if named is None:
        yield Check(_NAME, "failed", "its list of artefacts makes no sense")
        return
    listed, erasable = named
    erased = [name for name in erasable if not _there(folder / name)]
    files = {**listed, **{name: erasable[name] for name in erasable if name not in erased}}
    sizes = {size for _, size in files.values()}
    found = {name: _measure(folder / name, sizes) for name in files}
    whose = {digest: name for name, (digest, _) in (*listed.items(), *erasable.items())}
    faults = [_fault(name, *files[name], found[name], whose) for name in files]
    if seal.name == NAME or _there(folder / NAME) or any(_there(folder / name) for name in listed):
        names = {*listed, *erasable}
        faults += islice(_extra(folder, names, own=seal.name), _MOST_EXTRA)
        faults += [_other_seal(folder, seal.name, sealed.digest)]
    views = {name: _view_fault(folder / name, sealed.digest) for name in VIEWS}
    faults += [told for told in views.values() if told]
    for told in filter(None, faults):
        yield Check(_NAME, "failed", told)
    if not any(faults):
        yield _whole(len(listed), len(files) - len(listed))
    yield from _told_erased(erased)
    if shown := " and ".join(name for name, told in views.items() if told is not None):
        told = f"what is written in {shown} (`deployctl report` makes it anew)"
        yield Check(_NAME, "not-proven", told, brief="views")


def digests(sealed: Sealed) -> dict[str, str]:
    """`sha256:…` of every file, by its name; of none where the list makes no sense."""
    listed, erasable = _named(sealed) or ({}, {})
    return {name: f"sha256:{each}" for name, (each, _) in {**listed, **erasable}.items()}


def alone(seal: Path, sealed: Sealed) -> bool:
    """Whether none of its files lies beside it: it was copied without them, or all are gone."""
    listed = _listed(sealed.predicate.get("artefacts"))
    return bool(listed) and not any(_there(seal.absolute().parent / name) for name in listed or ())


def validations(seal: Path) -> list[str]:
    """The names of what people signed after the run, if it is that."""
    try:
        with os.scandir(seal.absolute().parent) as found:
            return sorted(entry.name for entry in found if _AFTERWARDS.fullmatch(entry.name))
    except OSError:
        return []  # told of the artefacts


def _whole(artefacts: int, more: int) -> Check:
    """The count that reports show, and how many of them stand among the artefacts' sums."""
    of = f" ({artefacts} artefacts, {more} erasable)" if more else ""
    told = f"all {artefacts + more} files are as they were sealed{of}"
    return Check(_NAME, "proven", told, brief=f"{artefacts + more} files")


def _told_erased(erased: list[str]) -> Iterator[Check]:
    approvals = [name for name in erased if name != people.NAME]
    if people.NAME in erased:
        told = f"who took part ({people.NAME} was erased)"
        yield Check(_NAME, "not-proven", told, brief="who took part (erased)")
    if approvals:
        told = f"which approvals people signed ({', '.join(approvals)}: erased)"
        yield Check(_NAME, "not-proven", told, brief="approvals (erased)")


_Files = dict[str, tuple[str, int]]
"""name -> digest and size"""


def _named(sealed: Sealed) -> tuple[_Files, _Files] | None:
    """The artefacts, and what may be erased; None for lists that make no sense."""
    listed = _listed(sealed.predicate.get("artefacts"))
    erasable = _erasable(sealed.predicate.get("erasable", []))
    if listed is None or erasable is None or listed.keys() & erasable.keys():
        return None
    return listed, erasable


def _erasable(listed: Any) -> _Files | None:
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


def _listed(artefacts: Any) -> _Files | None:
    """Name -> digest and size; None for a list with anything else, or with a name twice."""
    if not isinstance(artefacts, list):
        return None
    listed: _Files = {}
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


def _measure(path: Path, sizes: Set[int]) -> tuple[str, int] | str:
    """Digest and size, or why there is none. What has no size that was sealed needs no digest."""
    checksum, read = hashlib.sha256(), 0
    try:
        with plain_file.opened(path, follow=False) as file:
            size = os.fstat(file.fileno()).st_size
            if size not in sizes:
                return "", size
            while read <= size and (chunk := file.read(_CHUNK_BYTES)):
                checksum.update(chunk)
                read += len(chunk)
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except plain_file.UnfitError:
        return "is no plain file"
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return checksum.hexdigest(), read


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


def _extra(folder: Path, listed: Set[str], own: str) -> Iterator[str]:
    """What lies there besides. Directories without anything that is listed are not looked into."""
    known = {*listed, *VIEWS, NAME, own}
    directories = {str(up) for name in listed for up in PurePosixPath(name).parents} | {"."}
    for directory in sorted(directories):
        place = folder / directory
        if place.is_symlink():
            continue  # told as a file of the directory above
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield f"the directory {directory} can't be read ({error.strerror})"
            continue
        for entry in entries:
            name = (PurePosixPath(directory) / entry.name).as_posix()
            if entry.is_dir(follow_symlinks=False):
                if name not in directories and not _empty(Path(entry.path)):
                    yield f"the directory {quoted(name)} is not of this run"
            elif name not in known and not _AFTERWARDS.fullmatch(name):
                yield f"the file {quoted(name)} is not of this run"


def _empty(directory: Path) -> bool:
    try:
        with os.scandir(directory) as found:
            return next(found, None) is None
    except OSError:
        return False


def _other_seal(folder: Path, name: str, digest: str) -> str:
    """A copy of a seal is looked at: whether the run's own one is the same."""
    if name == NAME or not _there(folder / NAME):
        return ""
    try:
        same = read_seal(folder / NAME).digest == digest
    except (OSError, ValueError):
        same = False
    return "" if same else f"{NAME} beside it is another seal"


def _view_fault(path: Path, digest: str) -> str | None:
    """None where there is no such view. What it says can't be compared: it also tells of runs
    before this one, which may be gone by now, and of what people signed after it."""
    try:
        data = plain_file.read(path, _LARGEST_VIEW, follow=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return f"{path.name} can't be read: {getattr(error, 'strerror', None) or error}"
    if digest.removeprefix("sha256:").encode() not in data:
        return f"{path.name} is a view of another seal: it does not name {digest}"
    return ""
