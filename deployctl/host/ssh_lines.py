"""The lines of an ssh_config file, as OpenSSH splits them. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r'\s*"?([^\s="]+)"?(?:\s*=\s*|\s+|$)(.*)', re.DOTALL)
_SPACE = " \t"


class ConfigLineError(ValueError):
    """A line that ssh would refuse; the message begins with `file:line`."""


@dataclass(frozen=True)
class Line:
    keyword: str
    """in lower case"""
    rest: str
    """all that follows it, as written"""
    place: str
    """`file:line`, for messages"""

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments, without quotes and a comment at the end. ConfigLineError."""
        try:
            return tuple(split_words(self.rest))
        except ValueError as error:
            raise ConfigLineError(f"{self.place}: {error}") from None


def parse(text: str, file: str) -> Iterator[Line]:
    """Every line that says something. ConfigLineError for a keyword that stands alone."""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or not match[2]:
            raise ConfigLineError(f"{file}:{number}: nothing follows {line!r}")
        yield Line(match[1].lower(), match[2], f"{file}:{number}")


def split_words(text: str) -> list[str]:
    """Words with either kind of quotes and backslashes; `#` begins a comment. ValueError."""
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
        elif text[at] == "#":
            break
        else:
            word, at = _word(text, at)
            words.append(word)
    return words


def _word(text: str, at: int) -> tuple[str, int]:
    """The word that begins at `at`, and where it ends."""
    word, quote = "", ""
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if (
            char == "\\"
            and following
            and (following in "'\"\\" or (not quote and following == " "))
        ):
            word += following
            at += 2
            continue
        if not quote and char in _SPACE:
            break
        if not quote and char in "'\"":
            quote = char
        elif char == quote:
            quote = ""
        else:
            word += char
        at += 1
    if quote:
        raise ValueError("a quotation mark is never closed")
    return word, at
