"""Bytes to a YAML tree whose nodes know where they stand in the text.

The tree keeps what loading into dictionaries loses and editing needs: positions, aliases as
aliases, tags, quotes. Docker Compose reads YAML with a port of libyaml, so libyaml is preferred
here too: it draws the line between a value and a trailing tab or comment at the same place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import yaml

from deployctl.composefile.faults import ComposeFault, UnreadableCompose

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LARGEST_BYTES = 4 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
STRING_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
# libyaml, and so Compose, ends a line at each of these.
LINE_BREAKS = "\r\n\x85\u2028\u2029"

Signature = tuple[object, ...]


@dataclass(slots=True, eq=False)
class Node:
    """A node of the tree. `start` and `end` index the text's characters; properties (`&a !tag`)
    belong to the node. `first` and `last` are its half-open range of events."""

    kind: Literal["scalar", "alias", "sequence", "mapping"]
    start: int
    end: int
    first: int
    last: int
    value: str = ""
    tag: str | None = None
    anchor: str | None = None
    style: str = ""
    flow: bool = False
    children: list["Node"] = field(default_factory=list)
    target: "Node | None" = None

    @property
    def entries(self) -> Iterator[tuple["Node", "Node"]]:
        """The (key, value) pairs of a mapping, in order."""
        return zip(self.children[::2], self.children[1::2], strict=True)

    @property
    def followed(self) -> "Node":
        """The node itself, or the one that it is an alias of."""
        return self.target or self

    @property
    def is_null(self) -> bool:
        return (
            self.kind == "scalar"
            and self.tag in (None, "tag:yaml.org,2002:null")
            and not self.style
            and self.value in NULLS
        )


@dataclass(frozen=True)
class Document:
    """One parsed compose file. `bom` + `text` encoded as UTF-8 are its bytes."""

    bom: bytes
    text: str
    root: Node
    nodes: tuple[Node, ...]
    """every node, in the order of the text"""
    signatures: tuple[Signature, ...]
    """every event without its position: two documents that mean the same have the same ones"""

    @property
    def data(self) -> bytes:
        return self.bom + self.text.encode()

    def shared(self, node: Node) -> bool:
        """Whether an alias elsewhere repeats this node."""
        return any(other.target is node for other in self.nodes)

    def fault(self, node: Node, message: str, mend: str = "") -> ComposeFault:
        return fault_at(self.text, node.start, message, mend)


def fault_at(text: str, index: int, message: str, mend: str = "") -> ComposeFault:
    """A fault at a character, with the line and column that an editor shows for it."""
    line_start = text.rfind("\n", 0, index) + 1
    return ComposeFault(text.count("\n", 0, index) + 1, index - line_start + 1, message, mend)


def decode(data: bytes) -> tuple[bytes, str]:
    """The byte order mark (or nothing) and the text after it; `UnreadableCompose` otherwise."""
    if len(data) > LARGEST_BYTES:
        message = f"The file is larger than {LARGEST_BYTES // 1024**2} MiB."
        mend = "Check that this is the compose file."
        raise UnreadableCompose([ComposeFault(1, 1, message, mend)])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        mend = "Save it as UTF-8."
        raise UnreadableCompose([ComposeFault(1, 1, "The file is UTF-16, not UTF-8.", mend)])
    bom = BOM if data.startswith(BOM) else b""
    body = data[len(bom) :]
    if b"\0" in body:
        raise UnreadableCompose([_nul_fault(body)])
    try:
        return bom, body.decode()
    except UnicodeDecodeError as error:
        before = body[: error.start].decode()
        message = f"Byte 0x{body[error.start]:02x} is not UTF-8 text."
        mend = "Save the file as UTF-8, or restore it from a backup if it was damaged."
        raise UnreadableCompose([fault_at(before, len(before), message, mend)]) from None


def parse(data: bytes) -> Document:
    """The document in `data`.

    Raises `UnreadableCompose` for whatever is not exactly one well-formed YAML document whose
    root is a mapping with unique keys.
    """
    bom, text = decode(data)
    try:
        events = list(yaml.parse(text, Loader=Loader))
    except yaml.YAMLError as error:
        raise UnreadableCompose([_syntax_fault(text, error)]) from None
    document = _Builder(bom, text, events).build()
    faults = duplicate_keys(document)
    if faults:
        raise UnreadableCompose(faults)
    return document


def duplicate_keys(document: Document) -> list[ComposeFault]:
    """A fault for every mapping key that stands twice: Compose refuses such a file."""
    faults = []
    for mapping in document.nodes:
        if mapping.kind != "mapping":
            continue
        seen: dict[str, Node] = {}
        for key, _ in mapping.entries:
            name = key.followed.value
            if key.followed.kind != "scalar":
                continue
            if name in seen:
                line = document.fault(seen[name], "").line
                message = (
                    f"The key `{name}` stands here a second time; the first is on line {line}."
                )
                mend = (
                    "Put both into one list: `<<: [*a, *b]`."
                    if name == "<<"
                    else "Keep one of the two."
                )
                faults.append(document.fault(key, message, mend))
            seen.setdefault(name, key)
    return faults


def _signature(event: yaml.Event) -> Signature:
    return (
        type(event).__name__,
        getattr(event, "anchor", None),
        getattr(event, "tag", None),
        getattr(event, "implicit", None),
        getattr(event, "value", None),
        getattr(event, "style", None) or "",
        getattr(event, "flow_style", None),
    )


class _Builder:
    """Events to tree with a stack of our own, so that no depth of nesting exhausts Python's."""

    def __init__(self, bom: bytes, text: str, events: list[yaml.Event]) -> None:
        self.bom = bom
        self.text = text
        self.events = events
        self.nodes: list[Node] = []
        self.open: list[Node] = []
        self.anchors: dict[str, Node] = {}
        self.roots: list[Node] = []

    def build(self) -> Document:
        for index, event in enumerate(self.events):
            self._take(index, event)
        if not self.roots or self.roots[0].is_null:
            message = "The file is empty."
            raise UnreadableCompose([ComposeFault(1, 1, message, "Restore it from a backup.")])
        if len(self.roots) > 1:
            self._refuse(
                self.roots[1].start,
                "A second YAML document starts before this.",
                "Put it into a file of its own and pass that file too.",
            )
        root = self.roots[0]
        if root.kind != "mapping":
            self._refuse(
                root.start,
                "The file is not a mapping with keys such as `services:`.",
                "Check that this is the compose file, and restore it if it was cut.",
            )
        return Document(
            self.bom,
            self.text,
            root,
            tuple(self.nodes),
            tuple(_signature(event) for event in self.events),
        )

    def _take(self, index: int, event: yaml.Event) -> None:
        if event.start_mark is None or event.end_mark is None:
            return
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.CollectionEndEvent):
            node = self.open.pop()
            node.end, node.last = end, index + 1
        elif isinstance(event, yaml.AliasEvent):
            node = Node("alias", start, end, index, index + 1, value=event.anchor or "")
            node.target = self._target(node)
            self._add(node)
        elif isinstance(event, yaml.ScalarEvent):
            node = Node("scalar", start, end, index, index + 1, event.value, event.tag)
            node.anchor, node.style = event.anchor, event.style or ""
            self._add(node)
        elif isinstance(event, yaml.CollectionStartEvent):
            mapping = isinstance(event, yaml.MappingStartEvent)
            node = Node("mapping" if mapping else "sequence", start, end, index, index)
            node.tag, node.anchor, node.flow = event.tag, event.anchor, bool(event.flow_style)
            self._add(node)
            self.open.append(node)

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        if node.anchor is not None:
            self.anchors[node.anchor] = node
        (self.open[-1].children if self.open else self.roots).append(node)

    def _target(self, alias: Node) -> Node:
        target = self.anchors.get(alias.value)
        if target is None:
            self._refuse(
                alias.start,
                f"Nothing before the alias `*{alias.value}` has the anchor `&{alias.value}`.",
                "Restore the anchored block, or write the value out.",
            )
        if target in self.open:
            self._refuse(
                alias.start,
                f"The alias `*{alias.value}` stands inside what it repeats.",
                "Remove the alias, or name another anchor.",
            )
        return target

    def _refuse(self, index: int, message: str, mend: str) -> NoReturn:
        raise UnreadableCompose([fault_at(self.text, index, message, mend)])


def _nul_fault(body: bytes) -> ComposeFault:
    before = body[: body.index(0)].decode(errors="replace")
    count = body.count(0)
    message = f"{count} NUL byte{'s' if count > 1 else ''}, the first here."
    mend = "A crash or a full disk while it was written leaves these: restore it from a backup."
    return fault_at(before, len(before), message, mend)


def _syntax_fault(text: str, error: yaml.YAMLError) -> ComposeFault:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        index = min(mark.index, len(text)) if mark is not None else len(text)
        problem = ", ".join(part for part in (error.context, error.problem) if part)
    else:
        # A reader's error: a control character. It carries a position, but no mark.
        position = getattr(error, "position", None)
        index = min(position, len(text)) if isinstance(position, int) else len(text)
        problem = str(getattr(error, "reason", "")) or "not readable as YAML"
    if not text[index:].strip():
        mend = "The file seems to be cut off here: restore the rest from a backup."
    else:
        mend = "Correct this line, or the one before it."
    return fault_at(text, index, f"YAML: {problem}.", mend)
