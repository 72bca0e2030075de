"""What is wrong with a compose file as text, before it means anything."""

import re
from dataclasses import replace
from itertools import islice

from deployctl.composefile.document import BOM, fault_at
from deployctl.composefile.faults import ComposeFault

MOST = 200
"""faults of a kind; who has read so many has understood"""

CONFLICT = re.compile(r"^(<{7}|\|{7}|>{7})(?: .*)?\r?$|^={7}\r?$", re.MULTILINE)
LONE_RETURN = re.compile(r"\r(?!\n|\Z)")
TAB_INDENT = re.compile(r"^ *\t[ \t]*(?![ \t#\r\n])", re.MULTILINE)


def conflicts(data: bytes) -> list[ComposeFault]:
    """The markers that an unfinished merge leaves."""
    text = _text(data)
    marks = list(islice(CONFLICT.finditer(text), MOST))
    if not any(mark.group().startswith(("<", ">")) for mark in marks):
        return []
    mend = "Keep one of the two sides and delete the three marker lines."
    return [
        fault_at(text, mark.start(), f"A merge conflict's marker: `{mark.group().strip()}`.", mend)
        for mark in marks
    ]


def tabs(data: bytes) -> list[ComposeFault]:
    """Tabs in the indentation: harmless where YAML accepts them, else the likely cause."""
    text = _text(data)
    return [
        fault_at(
            text,
            text.index("\t", match.start()),
            "A tab in the indentation; YAML allows only spaces there.",
            "Replace it by spaces, as many as the lines around it have.",
        )
        for match in islice(TAB_INDENT.finditer(text), MOST)
    ]


def line_ends(data: bytes) -> list[ComposeFault]:
    """A byte order mark and carriage returns.

    Where all lines end in CR LF that is a style, which Compose reads and an edit keeps: a note.
    """
    faults = []
    if data.startswith(BOM):
        message = "The file begins with a byte order mark."
        mend = "Save it as UTF-8 without one."
        faults.append(ComposeFault(1, 1, message, mend))
    text = _text(data)
    count = text.count("\r\n")
    if count:
        mixed = text.count("\n") > count
        message = (
            f"{count} line{'s end' if count > 1 else ' ends'} in CR LF, the first here"
            f"{'; the others in LF' if mixed else ''}."
        )
        mend = "Save it with LF line ends: sed -i 's/\\r$//' FILE"
        fault = fault_at(text, text.index("\r\n"), message, mend)
        faults.append(fault if mixed else replace(fault, severity="note"))
    return faults + [
        fault_at(
            text,
            match.start(),
            "A carriage return inside a line; for YAML the line ends there.",
            "Remove it, or make a line end of it.",
        )
        for match in islice(LONE_RETURN.finditer(text), MOST)
    ]


def _text(data: bytes) -> str:
    return data.removeprefix(BOM).decode(errors="replace")
