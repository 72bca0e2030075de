"""A YAML file as a tree in which every value knows where it stands.

Scalars follow YAML 1.2's core schema: `yes`, `on` and `22:22` are text, not true, true and 1342.
Every fault is collected; nothing that a file can hold raises anything but what is documented.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import yaml

from deployctl.config.faults import TOP, Fault, Mark, Path

LARGEST_BYTES: Final = 256 * 1024
DEEPEST: Final = 40
MOST_NODES: Final = 20_000

_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_PREFIXED: Final = re.compile(r"0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,3})?"
)
_CONSTANTS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

ScalarValue = str | int | float | bool | None


@dataclass(frozen=True)
class Scalar:
    """`text` is what the file says; `value` what it means (after interpolation)."""

    value: ScalarValue
    text: str
    mark: Mark
    path: Path
    size: int = 1

    @property
    def interpolated(self) -> bool:
        return isinstance(self.value, str) and self.value != self.text


@dataclass(frozen=True)
class Sequence:
    items: tuple["Node", ...]
    mark: Mark
    path: Path

    @cached_property
    def size(self) -> int:
        return 1 + sum(item.size for item in self.items)


@dataclass(frozen=True)
class Mapping:
    entries: dict[str, "Node"]
    key_marks: dict[str, Mark]
    mark: Mark
    path: Path

    @cached_property
    def size(self) -> int:
        return 1 + sum(node.size for node in self.entries.values())

    def without(self, *keys: str) -> "Mapping":
        kept = {key: node for key, node in self.entries.items() if key not in keys}
        return replace(self, entries=kept)


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def parse(data: bytes, file: str) -> tuple[Node | None, list[Fault]]:
    """The document and its faults. Without faults there is a document."""
    faults: list[Fault] = []
    text = _decode(data, file, faults)
    if text is None or faults:
        return None, faults
    builder = _Builder(file, faults)
    try:
        node = builder.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except _UnreadableError as unreadable:
        faults.append(Fault(file, unreadable.mark, (), unreadable.message))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.append(Fault(file, _mark(mark) if mark else TOP, (), _explained(error)))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        faults.append(Fault(file, TOP, (), f"this is not YAML: {_one_line(str(error))}"))
    else:
        return node, faults
    return None, faults


def _decode(data: bytes, file: str, faults: list[Fault]) -> str | None:
    def fault(message: str, mark: Mark = TOP) -> None:
        faults.append(Fault(file, mark, (), message))

    if len(data) > LARGEST_BYTES:
        fault(f"the file has {len(data)} bytes; expected at most {LARGEST_BYTES}")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        fault("the file is UTF-16; save it as UTF-8")
        return None
    if data.startswith(b"\xef\xbb\xbf"):
        fault("the file begins with a byte order mark; save it as UTF-8 without BOM")
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        fault(f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8", _end(before))
        return None
    for match in _UNPRINTABLE.finditer(text):
        mark = _end(text[: match.start()])
        fault(f"control character U+{ord(match[0]):04X}; remove it", mark)
        if len(faults) == 20:
            break
    return text


class _UnreadableError(Exception):
    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message


class _Builder:
    """Builds the tree from the parser's events, so that depth and size are known as it grows."""

    def __init__(self, file: str, faults: list[Fault]) -> None:
        self._file = file
        self._faults = faults
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._events: Iterator[Any] = iter(())

    def document(self, events: Iterator[Any]) -> Node:
        self._events = events
        next(events)
        if isinstance(next(events), yaml.StreamEndEvent):
            raise _UnreadableError(
                TOP, "the file is empty; expected a mapping such as `version: 1`"
            )
        node = self._node(next(events), (), 0)
        next(events)
        extra = next(events)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise _UnreadableError(
                _mark(extra.start_mark), "a second document begins here; expected one per file"
            )
        return node

    def _fault(self, mark: Mark, path: Path, message: str) -> None:
        self._faults.append(Fault(self._file, mark, path, message))

    def _node(self, event: Any, path: Path, depth: int) -> Node:
        mark = _mark(event.start_mark)
        if depth > DEEPEST:
            raise _UnreadableError(mark, f"nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            node = self._aliased(event, mark)
        else:
            node = self._fresh(event, mark, path, depth)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
        return node

    def _aliased(self, event: Any, mark: Mark) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise _UnreadableError(mark, "an alias here names no anchor that ends before it")
        self._count(node.size, mark)
        return node

    def _count(self, nodes: int, mark: Mark) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _UnreadableError(mark, f"more than {MOST_NODES} values, aliases counted in full")

    def _fresh(self, event: Any, mark: Mark, path: Path, depth: int) -> Node:
        self._count(1, mark)
        if event.tag is not None and event.tag != "!":
            self._fault(mark, path, "a tag; expected a value without a tag")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(mark, path, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(mark, path, depth)
        return self._scalar(event, mark, path)

    def _scalar(self, event: Any, mark: Mark, path: Path) -> Scalar:
        text: str = event.value
        unprintable = _UNPRINTABLE.search(text)
        if unprintable:
            code = f"U+{ord(unprintable[0]):04X}"
            self._fault(mark, path, f"an escape stands for control character {code}; remove it")
        value = resolve(text) if event.implicit[0] and event.style is None else text
        return Scalar(value, text, mark, path)

    def _sequence(self, mark: Mark, path: Path, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth + 1))
        return Sequence(tuple(items), mark, path)

    def _mapping(self, mark: Mark, path: Path, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        inherited: list[Mapping] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, path, depth + 1)
            key_mark = _mark(event.start_mark)
            name = key.text if isinstance(key, Scalar) else ""
            node = self._node(next(self._events), (*path, name), depth + 1)
            if not isinstance(key, Scalar):
                self._fault(key_mark, path, "a list or mapping as a key; expected a word")
            elif name == "<<" and isinstance(event, yaml.ScalarEvent) and event.style is None:
                inherited.extend(self._merged(node))
            elif name in entries:
                first = marks[name]
                self._fault(
                    key_mark, (*path, name), f"is given twice; it is already on line {first.line}"
                )
            else:
                entries[name] = node
                marks[name] = key_mark
        for source in inherited:
            entries = source.entries | entries
            marks = source.key_marks | marks
        return Mapping(entries, marks, mark, path)

    def _merged(self, node: Node) -> list[Mapping]:
        sources = node.items if isinstance(node, Sequence) else (node,)
        for source in sources:
            if not isinstance(source, Mapping):
                self._fault(
                    node.mark, node.path, "expected an alias of a mapping, or a list of them"
                )
        return [source for source in sources if isinstance(source, Mapping)]


def resolve(text: str) -> ScalarValue:
    """What an unquoted scalar means in YAML 1.2's core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _PREFIXED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


_EXPLAINED: Final = (
    ("found character '\\t'", "a tab; YAML is indented with spaces"),
    (
        "mapping values are not allowed",
        "a colon that doesn't fit here; quote the value or mind the indentation",
    ),
    ("could not find expected ':'", "a line without `key: value`"),
    ("found unexpected end of stream", "a quote is opened and never closed"),
    (
        "found undefined tag handle",
        "a tag; expected a value without a tag (quote a value that begins with !)",
    ),
)


def _explained(error: yaml.MarkedYAMLError) -> str:
    problem = _one_line(error.problem or "")
    for known, sentence in _EXPLAINED:
        if known in problem:
            return sentence
    context = f" {_one_line(error.context)}" if error.context else ""
    return f"this is not YAML:{context}{',' if context else ''} {problem}"


def _one_line(text: str) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= 200 else flat[:199] + "…"


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _end(text: str) -> Mark:
    lines = text.split("\n")
    return Mark(len(lines), len(lines[-1]) + 1)
