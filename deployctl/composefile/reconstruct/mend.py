"""Ways to make a broken text readable again. Each is only a proposal; Compose judges it."""

import re
from collections.abc import Collection, Iterator

from deployctl.composefile.document import BOM, LINE_BREAKS, Document, Node, parse
from deployctl.composefile.faults import ComposeFault, UnreadableCompose
from deployctl.composefile.images import find, service_nodes
from deployctl.composefile.references import KINDS
from deployctl.composefile.texture import CONFLICT, TAB_INDENT

MOST = 12
"""texts that are proposed at most"""
DEEPEST = 3
"""faults that are mended in one text, one after the other"""
MOST_TRIED = 500
"""texts that are looked at: of a file with many faults each has many neighbours"""
CHILD = re.compile(r"^( *)([A-Za-z0-9._-]+):", re.MULTILINE)


def readable(broken: bytes, services: Collection[str]) -> list[bytes]:
    """Readable texts near the broken one, the likeliest first; itself if it is readable.

    `services` are the names that the file must have had.
    """
    found: list[bytes] = []
    seen: set[bytes] = set()
    waiting = [(_decodable(broken), 0)]
    while waiting and len(found) < MOST and len(seen) < MOST_TRIED:
        data, depth = waiting.pop(0)
        if data in seen:
            continue
        seen.add(data)
        proposals = list(_proposals(data, services))
        if not proposals:
            found.append(data)
        elif depth < DEEPEST:
            waiting += [(proposal, depth + 1) for proposal in proposals]
    return found


def _decodable(broken: bytes) -> bytes:
    """Without NULs, without lines that are no text, without the mark at the beginning."""
    body = broken.removeprefix(BOM).replace(b"\0", b"")
    lines = body.split(b"\n")
    return b"\n".join(line for line in lines if _is_text(line))


def _is_text(line: bytes) -> bool:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\r" or c in LINE_BREAKS for c in text)


def _proposals(data: bytes, services: Collection[str]) -> Iterator[bytes]:
    """Texts with one fault fewer; none where there is none that a text can have."""
    text = data.decode()
    if CONFLICT.search(text) and re.search(r"^[<>]{7}", text, re.MULTILINE):
        yield from (_side(text, ours).encode() for ours in (True, False))
        return
    try:
        document = parse(data)
        nodes = service_nodes(document)
    except UnreadableCompose as error:
        yield from _for_faults(text, error.faults, services)
        return
    yield from _headers(document, nodes, services)


def _side(text: str, ours: bool) -> str:
    """One side of every conflict; the middle of a three-way one is neither's."""
    kept, state = [], "both"
    for line in text.split("\n"):
        if CONFLICT.fullmatch(line):
            state = {"<": "ours", "|": "base", "=": "theirs", ">": "both"}[line[0]]
        elif state in ("both", "ours" if ours else "theirs"):
            kept.append(line)
    return "\n".join(kept)


def _for_faults(
    text: str, faults: tuple[ComposeFault, ...], services: Collection[str]
) -> Iterator[bytes]:
    lines = text.split("\n")
    first = faults[0]
    at = min(first.line, len(lines)) - 1
    if "second time" in first.message:
        yield from _parted(lines, at, services)
        return
    if TAB_INDENT.search(text):
        for width in (2, 4):
            yield "\n".join(_spaces(line, width) for line in lines).encode()
    yield from _service_header(lines, at)
    # The line that the reader stopped at, and the last ones before it that say something.
    near = [index for index in range(min(at, len(lines) - 1), -1, -1) if lines[index].strip()][:3]
    for index in near:
        yield "\n".join(lines[:index] + lines[index + 1 :]).encode()


def _spaces(line: str, width: int) -> str:
    blank = line[: len(line) - len(line.lstrip())]
    return blank.replace("\t", " " * width) + line.lstrip()


def _service_header(lines: list[str], at: int) -> Iterator[bytes]:
    """`services:` itself is gone: what it held stands deeper than what is before it."""
    if any(line.rstrip() == "services:" for line in lines):
        return
    for index, line in enumerate(lines[: at + 1]):
        if line.startswith(" ") and line.strip() and not line.lstrip().startswith(("#", "-")):
            yield "\n".join([*lines[:index], "services:", *lines[index:]]).encode()
            return


def _parted(lines: list[str], at: int, services: Collection[str]) -> Iterator[bytes]:
    """A key that stands twice: the header of a service between the two may be gone, or one of the
    two is too many."""
    match = CHILD.match(lines[at])
    if match is None:
        return
    deep = len(match[1])
    there = {found[2] for line in lines if (found := CHILD.match(line)) and len(found[1]) < deep}
    header = next(
        (
            line
            for line in reversed(lines[:at])
            if (found := CHILD.match(line)) and len(found[1]) < deep
        ),
        "",
    )
    indent = header[: len(header) - len(header.lstrip())]
    keys = [
        index
        for index in range(at, 0, -1)
        if (found := CHILD.match(lines[index])) and len(found[1]) == deep
    ]
    for name in sorted(set(services) - there):
        for index in keys[:4]:
            yield "\n".join([*lines[:index], f"{indent}{name}:", *lines[index:]]).encode()
    end = next(
        (
            index
            for index in range(at + 1, len(lines))
            if lines[index].strip() and len(lines[index]) - len(lines[index].lstrip()) <= deep
        ),
        len(lines),
    )
    yield "\n".join(lines[:at] + lines[end:]).encode()


def _headers(
    document: Document, nodes: dict[str, Node], services: Collection[str]
) -> Iterator[bytes]:
    """`services:` without services, and what became a service when `volumes:` or so was lost."""
    if not nodes and find(document.root, "include") is None:
        return
    for name, node in nodes.items():
        if name in services or node.followed.flow:
            continue
        own = node.followed
        if own.kind == "mapping" and any(find(own, k) for k in ("image", "build", "extends")):
            continue
        key = next(
            key
            for mapping in document.nodes
            if mapping.kind == "mapping"
            for key, value in mapping.entries
            if value is node
        )
        start = document.text.rfind("\n", 0, key.start) + 1
        for kind in KINDS:
            if find(document.root, kind) is None:
                yield (document.text[:start] + f"{kind}:\n" + document.text[start:]).encode()
        return
