"""Whether a broken file can be what is left of a whole one."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from deployctl.composefile.document import BOM, parse
from deployctl.composefile.faults import UnreadableCompose
from deployctl.composefile.texture import CONFLICT

GARBAGE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
IMAGE = re.compile(r"image\s*:")


def unexplained(broken: bytes, whole: bytes) -> tuple[str, ...]:
    """The lines of the broken file that were never in the whole one.

    The broken one is explained if it is the whole one with lines, or a range of bytes, lost; with
    bytes overwritten by NULs or garbage; with a merge's markers and what stands between them; with
    a part pasted twice; with other indentation; and, as images change with every release, with
    other images. Whatever else it has was written later than the whole one: its loss would be a
    loss of somebody's work.
    """
    left = lines_of(broken)
    full = lines_of(whole)
    allowed = _between_markers(left) | _twice(broken, left, full)
    tries = [
        _rest(left, full, allowed, pairs) for pairs in (_greedy(left, full), _blocks(left, full))
    ]
    return min(tries, key=len)


def lines_of(data: bytes) -> list[str]:
    return data.removeprefix(BOM).decode(errors="replace").replace("\r\n", "\n").split("\n")


def _greedy(left: Sequence[str], full: Sequence[str]) -> dict[int, int]:
    """Each line at its first place after the one before: finds every pure loss."""
    pairs: dict[int, int] = {}
    position = 0
    for index, line in enumerate(left):
        if not line.strip():
            continue
        for place in range(position, len(full)):
            if full[place].strip() == line.strip():
                pairs[index] = place
                position = place + 1
                break
    return pairs


def _blocks(left: Sequence[str], full: Sequence[str]) -> dict[int, int]:
    """The longest blocks that both have: better where lines were changed."""
    matcher = SequenceMatcher(
        None, [line.strip() for line in left], [line.strip() for line in full], autojunk=False
    )
    return {
        block.a + offset: block.b + offset
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }


def _rest(
    left: Sequence[str], full: Sequence[str], allowed: set[int], pairs: dict[int, int]
) -> tuple[str, ...]:
    rest = []
    for index, line in enumerate(left):
        text = line.strip()
        if not text or index in pairs or index in allowed:
            continue
        if GARBAGE.search(line) or IMAGE.match(text):
            continue
        before = max((pairs[i] for i in pairs if i < index), default=-1)
        after = min((pairs[i] for i in pairs if i > index), default=len(full))
        if not _torn(line, full[before + 1 : after]):
            rest.append(text)
    return tuple(rest)


def _torn(line: str, lost: Sequence[str]) -> bool:
    """Whether it is the head of one lost line and the tail of the same or a later one."""
    heads = [text for text in lost if text.strip()]
    for cut in range(len(line) + 1):
        head, tail = line[:cut], line[cut:]
        for first, start in enumerate(heads):
            if start.startswith(head) and any(end.endswith(tail) for end in heads[first:]):
                return True
    return False


def _between_markers(left: Sequence[str]) -> set[int]:
    inside, found = False, set()
    for index, line in enumerate(left):
        if CONFLICT.fullmatch(line):
            inside = not line.startswith(">")
            found.add(index)
        elif inside:
            found.add(index)
    return found


def _twice(broken: bytes, left: Sequence[str], full: Sequence[str]) -> set[int]:
    """Lines of a part that stands twice, where that is what is wrong with the file."""
    try:
        parse(broken)
    except UnreadableCompose as error:
        if any("second time" in fault.message for fault in error.faults):
            known = {line.strip() for line in full}
            return {index for index, line in enumerate(left) if line.strip() in known}
    return set()
