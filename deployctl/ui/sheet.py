"""Rows as CSV, as RFC 4180 has it, that a spreadsheet may open. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployctl.ui.text import clean

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""also in the full width in which spreadsheets of some languages take them"""


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A heading and a line a row; None is empty, true and false are words.

    Text is on one line, without what a terminal would obey; where a spreadsheet would run it as a
    formula it gets an apostrophe in front: a commit's subject is anybody's.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = clean(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
