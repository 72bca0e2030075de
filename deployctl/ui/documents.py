"""`status`, `history` and `doctor` as text. Pure: works on the documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from deployctl.result import Document
from deployctl.ui.outline import label_of, outline, scalar
from deployctl.ui.text import clean, clean_lines

_NOT_TOLD = frozenset({"schemaVersion", "command", "result"})


def status_text(document: Document) -> list[str]:
    """What it comes to and what to do, then the details."""
    data = _data(document)
    lines = [clean(data.pop("sentence"))]
    if step := data.pop("nextStep"):
        lines.append(f"Next: {clean(step)}")
    return [*lines, "", *_details(data)]


def history_text(document: Document) -> list[str]:
    """A table of the releases, and one of the runs; all of it is in the JSON."""
    data = _data(document)
    if not data["releases"] and not data["runs"]:
        return [f"No releases on {clean(data['target'])} yet."]
    return _details(data)


def doctor_text(document: Document) -> list[str]:
    """A line a check; what to do stands under the ones that need it."""
    lines = []
    for check in _data(document)["checks"]:
        lines.append(f"{check['state']:<8} {clean(check['name'])}: {clean(check['detail'])}")
        lines += [f"{'':<8} next: {line}" for line in clean_lines(check["next"] or "") if line]
    return lines


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Aligned columns of the scalars in `rows`, never cut; columns without a value are left out."""
    columns = [key for key in rows[0] if any(_is_shown(row.get(key)) for row in rows)]
    cells = [[label_of(column).upper() for column in columns]]
    cells += [
        [scalar(key, row[key]) if _is_shown(row.get(key)) else "-" for key in columns]
        for row in rows
    ]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _details(data: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        if _is_table(value):
            lines += ["", f"{label_of(key)}:", *(f"  {row}" for row in table(value)), ""]
        else:
            lines += outline({key: value})
    return "\n".join(lines).rstrip().replace("\n\n\n", "\n\n").split("\n")


def _data(document: Document) -> dict[str, Any]:
    data = document.model_dump(mode="json", by_alias=True)
    told = {key: value for key, value in data.items() if key not in _NOT_TOLD}
    if told.get("exitCode") == 0:
        del told["exitCode"]
    return told


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _is_shown(value: object) -> bool:
    return value is not None and value != "" and not isinstance(value, Mapping | list)
