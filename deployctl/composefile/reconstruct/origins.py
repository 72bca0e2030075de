"""Where each line of a reconstruction comes from, and the diff that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from deployctl.composefile.document import parse
from deployctl.composefile.images import find, service_nodes
from deployctl.composefile.reconstruct.fits import lines_of

KEPT = "kept"
CONTEXT = 2
Entry = tuple[str, str]
"""a service and one of its keys"""


@dataclass(frozen=True)
class Line:
    """`origin`: kept, mended, `release rN`, `template NAME`, `file NAME` or `container NAME`."""

    text: str
    origin: str


def origins(
    broken: bytes, whole: bytes, label: str, special: Mapping[Entry, str] = {}
) -> tuple[Line, ...]:
    """The lines of `whole`. One that `broken` lacks is from `label`, or as `special` says of the
    entry that begins there. Raises UnreadableCompose for a `whole` that is none."""
    before, after = lines_of(broken), _content(whole)
    named = _places(whole, special)
    found = [Line(text, named.get(index, label)) for index, text in enumerate(after)]
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for block in matcher.get_matching_blocks():
        for index in range(block.b, block.b + block.size):
            found[index] = Line(after[index], KEPT)
    return tuple(found)


def told_diff(broken: bytes, lines: Sequence[Line], name: str) -> str:
    """From the broken file to the reconstruction, with the origin of each new line."""
    path = name.lstrip("/")
    before = [_shown(text) for text in _content(broken)]
    after = [_shown(line.text) for line in lines]
    width = min(70, max((len(line.text) for line in lines if line.origin != KEPT), default=0))
    told = [f"--- a/{path} (broken)\n", f"+++ b/{path} (reconstructed)\n"]
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        told.append(
            f"@@ -{first[1] + 1},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@\n"
        )
        for kind, a, b, c, d in group:
            if kind == "equal":
                told += [f" {text}\n" for text in before[a:b]]
                continue
            told += [f"-{text}\n" for text in before[a:b]]
            told += [
                f"+{after[index]:<{width}}  # {lines[index].origin}\n" for index in range(c, d)
            ]
    return "".join(told)


def _places(whole: bytes, special: Mapping[Entry, str]) -> dict[int, str]:
    """Index of a line -> what `special` says of the entry that begins on it."""
    document = parse(whole)
    nodes = service_nodes(document)
    found = {}
    for (service, key), origin in special.items():
        entry = find(nodes[service], key) if service in nodes else None
        if entry is not None:
            found[document.text.count("\n", 0, entry.key.start)] = origin
    return found


def _content(data: bytes) -> list[str]:
    lines = lines_of(data)
    return lines[:-1] if lines and not lines[-1] else lines


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
