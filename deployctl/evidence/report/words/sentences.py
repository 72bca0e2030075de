"""The tool's own sentences in another language, where all of them are known. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

_TARGET: Final = r"(?P<target> --target \S+|)"
_PLACE: Final = r"(?P<{}>\S+(?: \([^\n()]+\))?)"
"""a name as ours are: `r1`, `r1 (d73cfb1)`; what others wrote is not to look like one of ours"""
_COMMAND: Final = re.compile(r"deployctl [a-z]+(?: --[a-z-]+(?: [^\s-]\S*)?)*")
"""what nobody translates"""
_ENDS: Final = (re.compile(r"(?<=\.)(\s+)(?=[A-Z])"), re.compile(r"(; )"))
"""of a sentence, and of a clause"""


@dataclass(frozen=True)
class Sentences:
    known: tuple[tuple[re.Pattern[str], str], ...] = ()

    @classmethod
    def of(cls, table: Mapping[str, str]) -> "Sentences":
        return cls(tuple((re.compile(_pattern(key)), told) for key, told in table.items()))

    def translated(self, text: str) -> str | None:
        """None where a part of it is not known: half a sentence helps nobody."""
        return self._part(text, _ENDS) if self.known else None

    def _part(self, text: str, ends: tuple[re.Pattern[str], ...]) -> str | None:
        clause, dot = text.removesuffix("."), "." if text.endswith(".") else ""
        for pattern, told in self.known:
            if found := pattern.fullmatch(clause):
                return told.format_map(found.groupdict()) + dot
        if _COMMAND.fullmatch(text):
            return text
        for number, end in enumerate(ends):
            pieces = end.split(text)
            if len(pieces) > 1:
                parts = [self._part(piece, ends[number + 1 :]) for piece in pieces[::2]]
                return _joined(parts, pieces[1::2])
        return None


def _joined(parts: list[str | None], between: list[str]) -> str | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return "".join(f"{part}{gap}" for part, gap in zip(known, [*between, ""], strict=True))


def _pattern(template: str) -> str:
    return "".join(
        re.escape(fixed)
        + ("" if name is None else _TARGET if name == "target" else _PLACE.format(name))
        for fixed, name, _, _ in Formatter().parse(template)
    )
