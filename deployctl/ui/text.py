"""Small pieces of text: foreign text made harmless, durations and sizes made readable. Pure."""

import re

from deployctl.evidence.report.measures import ENGLISH, short

duration = ENGLISH.duration
size = ENGLISH.size
short_id = short

# CSI, OSC/DCS/APC/PM/SOS up to their terminator, and two-byte escapes; 8-bit forms included.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# What is left of C0 and C1, and the marks that make a line read in another order than it is.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]"
)
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Foreign text without anything that a terminal would obey; newlines and tabs become spaces.

    Of a line that redraws itself with carriage returns, what was drawn last is kept.
    """
    text = text.rstrip("\r\n")
    if "\r" in text and "\n" not in text:
        text = text.rpartition("\r")[2]
    return _strip(text).replace("\n", " ").replace("\t", " ")


def clean_lines(text: str) -> list[str]:
    """The same for text of several lines, each on its own; tabs become four spaces."""
    return [
        _strip(line.rstrip("\r").rpartition("\r")[2]).replace("\t", "    ")
        for line in text.rstrip("\n").split("\n")
    ]


def _strip(text: str) -> str:
    text = _CONTROLS.sub("", _ESCAPES.sub("", text))
    return _LONE_SURROGATES.sub("\ufffd", text)
