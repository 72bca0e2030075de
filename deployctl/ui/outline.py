"""Any JSON document as indented text, for the plan and for what has no table of its own. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deployctl.ui.text import clean, clean_lines, duration, short_id, size

_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z$")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def outline(document: Mapping[str, Any], indent: str = "") -> list[str]:
    """One line a value; nested objects and lists are indented; what is empty is left out."""
    lines: list[str] = []
    for key, value in document.items():
        if value is None or value in ("", [], {}):
            continue
        label = f"{indent}{label_of(key)}:"
        if isinstance(value, Mapping):
            lines += [label, *outline(value, indent + "  ")]
        elif isinstance(value, str) and "\n" in value:
            lines += [label, *(f"{indent}  {line}" for line in clean_lines(value))]
        elif _is_list(value):
            lines += _items(label, value, indent)
        else:
            lines.append(f"{label} {scalar(key, value)}")
    return lines


def _items(label: str, values: Sequence[Any], indent: str) -> list[str]:
    if not any(isinstance(value, Mapping) or _is_list(value) for value in values):
        return [f"{label} {', '.join(scalar('', value) for value in values)}"]
    lines = [label]
    for value in values:
        nested = outline(value if isinstance(value, Mapping) else {"items": value}, indent + "    ")
        if nested:
            lines += [f"{indent}  - {nested[0].lstrip()}", *nested[1:]]
    return lines


def scalar(key: str, value: Any) -> str:
    """A value with the unit that its key names (`…Ms`, `…Bytes`); IDs and times shortened."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if key.endswith("Ms"):
            return duration(value)
        if key.endswith("Bytes"):
            return size(int(value))
    text = clean(str(value))
    if _IMAGE_ID.fullmatch(text):
        return short_id(text)
    return _TIME.sub(r"\1Z", text)


def label_of(key: str) -> str:
    """`runId` as `Run ID`; the unit that ends a key (`…Ms`, `…Bytes`) stands with the value."""
    words = _WORDS.sub(" ", re.sub(r"(?<=[a-z])(?:Ms|Bytes)$", "", key)).split()
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in words]
    text = " ".join("ID" if word == "id" else "SHA" if word == "sha" else word for word in words)
    return clean(text[:1].upper() + text[1:])


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
