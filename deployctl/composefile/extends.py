"""Services that take their image from another file, by `extends: {file: …, service: …}`."""

import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from deployctl.composefile.document import Node, parse
from deployctl.composefile.images import find, service_nodes, text_of


@dataclass(frozen=True)
class Listed:
    """One of the project's files; `paths` are the names that it is known by, absolute."""

    paths: tuple[str, ...]
    data: bytes


@dataclass(frozen=True)
class Borrower:
    """`service` of the file at `index` would have the image of `lender` in the edited file."""

    service: str
    index: int
    lender: str


def borrowers(
    files: Sequence[Listed], edited: int, lenders: Collection[str]
) -> tuple[Borrower, ...]:
    """Services that get another image when those of `lenders` in the file at `edited` do.

    Only those whose image comes from there by way of another file's `extends`; within the file
    itself `set_images` sees to it. What can't be told (a variable in the file's name) counts.
    Raises UnreadableCompose for a file that can't be read.
    """
    trees = [service_nodes(parse(file.data)) for file in files]
    found = []
    for service in dict.fromkeys(name for tree in trees for name in tree):
        gives = [index for index, tree in enumerate(trees) if _gives(tree.get(service))]
        lender = _lender(files, trees, (gives[-1], service), edited) if gives else None
        if lender in lenders and lender is not None:
            found.append(Borrower(service, gives[-1], lender))
    return tuple(found)


def _gives(node: Node | None) -> bool:
    """Whether the service gets an image here, its own or one that it extends."""
    return node is not None and any(find(node, key) is not None for key in ("image", "extends"))


def _lender(
    files: Sequence[Listed],
    trees: Sequence[Mapping[str, Node]],
    start: tuple[int, str],
    edited: int,
) -> str | None:
    """Follows `extends` from a service until one has an image of its own, or is in the edited file
    by another file's word: then its name."""
    seen: set[tuple[int, str]] = set()
    waiting = [start]
    while waiting:
        index, service = here = waiting.pop()
        node = trees[index].get(service)
        if here in seen or node is None or find(node, "image") is not None:
            continue
        seen.add(here)
        file, other = _extended(node)
        for place in _meant(files, index, file):
            if place == edited and file is not None:
                return other
            waiting.append((place, other))
    return None


def _extended(node: Node) -> tuple[str | None, str]:
    """The file, where one is named, and the service that this one extends; blank for none."""
    found = find(node, "extends")
    if found is None:
        return None, ""
    if found.value.followed.kind == "scalar":
        return None, text_of(found.value) or ""
    file, service = find(found.value, "file"), find(found.value, "service")
    return (
        text_of(file.value) if file is not None else None,
        (text_of(service.value) or "") if service is not None else "",
    )


def _meant(files: Sequence[Listed], index: int, file: str | None) -> list[int]:
    """Which of the files a name may mean: it stands for a place beside the file that says it, or
    in the project's directory, which is that of the first file."""
    if file is None:
        return [index]
    if "$" in file:
        return list(range(len(files)))
    folders = {posixpath.dirname(path) for each in (index, 0) for path in files[each].paths}
    meant = {posixpath.normpath(posixpath.join(folder, file)) for folder in folders}
    return [place for place, each in enumerate(files) if meant & set(each.paths)]
