"""Settings that have the wrong type, are empty or are none, as the specification has them."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from deployctl.composefile.document import STRING_TAGS, Document, Node
from deployctl.composefile.faults import ComposeFault
from deployctl.composefile.images import effective, service_nodes, text_of
from deployctl.composefile.specification import FILE, SERVICE, Shape
from deployctl.composefile.texture import MOST

WORDS = {
    "text": "a text", "scalar": "a single value", "list": "a list", "map": "a mapping",
    "null": "empty",
}  # fmt: skip
NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d+)?|0x[0-9a-fA-F]+|0o?[0-7]+")
SWITCH = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
# Told with more sense elsewhere.
ELSEWHERE = {"services": ("text", "scalar", "list"), "image": ("list", "map", "null")}
MENDS = {"environment": "Write each as `NAME: value` or `- NAME=value`."}


def shapes(document: Document, *, override: bool = False) -> list[ComposeFault]:
    """Faults in the types of the file's own settings and of its services'.

    In an override, an empty setting is that of an earlier file. No more than MOST are told.
    """
    return list(islice(_shapes(document, override=override), MOST))


def _shapes(document: Document, *, override: bool) -> Iterator[ComposeFault]:
    look = _Look(document)
    yield from look.mapping(document.root, FILE, "", nulls=not override)
    for name, node in service_nodes(document).items():
        if node.followed.kind == "mapping":
            whose = f" of the service `{name}`"
            # An empty setting of one that extends another is that of the other.
            nulls = not override and "extends" not in effective(node.followed)
            yield from look.mapping(node.followed, SERVICE, whose, nulls=nulls)


class _Look:
    """One look at a document. A node that aliases repeat is looked at once: a bomb stays small."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._seen: set[tuple[int, int]] = set()

    def mapping(
        self, node: Node, shape: Shape, whose: str, path: str = "", *, nulls: bool
    ) -> Iterator[ComposeFault]:
        entries = effective(node)
        for name, entry in entries.items():
            below = shape.values if shape.keys is None else shape.keys.get(name)
            if below is not None:
                inner = f"{path}.{name}" if path else name
                yield from self._place(entry.value, below, whose, inner, nulls=nulls)
            elif shape.keys is not None and not name.startswith("x-") and self._new(entry.key):
                yield self._unknown(entry.key, name, shape, whose, path)
        for name in shape.needs:
            if name not in entries:
                message = f"`{name}` is missing in {_told(path)}{whose}."
                yield self._document.fault(node, message, f"Add `{name}:` to it.")

    def _place(
        self, node: Node, shape: Shape, whose: str, path: str, *, nulls: bool
    ) -> Iterator[ComposeFault]:
        found = kind_of(node)
        if found is None or (found == "null" and not nulls) or not self._new(node, shape):
            return
        target = node.followed
        if not _fits(found, shape):
            if found not in ELSEWHERE.get(path, ()):
                yield self._wrong(node, found, shape, whose, path)
        elif found == "map":
            yield from self.mapping(target, shape, whose, path, nulls=nulls)
        elif found == "list":
            yield from self._items(target, shape, whose, path, nulls=nulls)

    def _new(self, node: Node, shape: Shape | None = None) -> bool:
        seen = len(self._seen)
        self._seen.add((id(node.followed), id(shape)))
        return len(self._seen) > seen

    def _items(
        self, node: Node, shape: Shape, whose: str, path: str, *, nulls: bool
    ) -> Iterator[ComposeFault]:
        seen: set[str] = set()
        for item in node.children:
            text = text_of(item)
            if shape.unique and text is not None and text in seen:
                message = f"`{text}` stands in {_told(path)}{whose} a second time."
                yield self._document.fault(item, message, "Take one of the two out.")
            seen.add(text or "")
            if shape.items is not None:
                yield from self._place(item, shape.items, whose, f"{path}[]", nulls=nulls)

    def _wrong(self, node: Node, found: str, shape: Shape, whose: str, path: str) -> ComposeFault:
        need = " or ".join(WORDS[kind] for kind in shape.kinds.split() if kind != "null")
        message = f"{_told(path, start=True)}{whose} is {WORDS[found]}, where {need} is expected."
        owner = re.split(r"[.\[]", path)[0]
        if owner != path and owner in MENDS:
            mend = MENDS[owner]
        elif found == "null":
            mend = "What stood there may be lost: write it again, or take the line out."
        elif found == "scalar":
            text = node.followed.value
            mend = f'Put it in quotes: "{text}"'
            if not path.endswith("[]"):
                mend = f'Put it in quotes: {path.rpartition(".")[2]}: "{text}"'
        else:
            mend = f"Write it as {need}; a line may be missing, or stand too far left or right."
        return self._document.fault(node, message, mend)

    def _unknown(self, key: Node, name: str, shape: Shape, whose: str, path: str) -> ComposeFault:
        where = f" in {_told(path)}{whose}" if path else whose or " in a compose file"
        near = difflib.get_close_matches(name, shape.keys or (), 1, 0.8)
        mend = (
            f"Write `{near[0]}`, if that is meant."
            if near
            else f"Indent it where it belongs, take it out, or call it `x-{name}`."
        )
        fault = self._document.fault(key, f"There is no setting `{name}`{where}.", mend)
        return replace(fault, unknown=True)


def _fits(found: str, shape: Shape) -> bool:
    wanted = shape.kinds.split()
    return found in wanted or (found == "text" and "scalar" in wanted)


def _told(path: str, *, start: bool = False) -> str:
    """`ports[]` is told as an entry of `ports`."""
    entry = "An entry of " if start else "an entry of "
    return f"{entry}`{path.removesuffix('[]')}`" if path.endswith("[]") else f"`{path}`"


def kind_of(node: Node) -> str | None:
    """`text`, `scalar` (a number or a switch), `list`, `map` or `null`; None for `!reset`."""
    target = node.followed
    if target.tag == "!reset":
        return None
    if target.kind == "mapping":
        return "map"
    if target.kind == "sequence":
        return "list"
    if target.is_null:
        return "null"
    plain = not target.style and target.tag is None
    typed = NUMBER.fullmatch(target.value) or target.value in SWITCH
    return "scalar" if (plain and typed) or target.tag not in STRING_TAGS else "text"
