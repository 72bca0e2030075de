"""Text from outside, with everything in it that a reader would not see made visible. Pure."""

import re
import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PICTURES: Final = 0x2400
"""Unicode's pictures of the C0 controls begin here"""
_ORDINARY: Final = re.compile(r"[\n\t\x20-\x7e]*")


def visible(text: str) -> str:
    """Controls, escapes and marks that turn a line around are shown as what they are.

    `ESC` becomes `␛`, the right-to-left override `[U+202E]`. Newlines and tabs stay.
    """
    if _ORDINARY.fullmatch(text):
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """The same on one line."""
    return " ".join(visible(text).split())


def _shown(char: str) -> str:
    if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE:
        return char
    code = ord(char)
    if code < 0x20:
        return chr(_PICTURES + code)
    return "\u2421" if code == 0x7F else f"[U+{code:04X}]"


def beginning(text: str, characters: int, lines: int) -> tuple[str, bool]:
    """As much of the text's beginning as fits, and whether that is all of it."""
    kept = "\n".join(text[: characters + 1].split("\n", lines)[:lines])[:characters]
    return kept, kept.rstrip("\n") == text.rstrip("\n")
