"""Words of others within a sentence of ours: quoted, unless they can't be read as ours. Pure."""

import re
from typing import Any, Final

_WORD: Final = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_.:/@+=-]{0,199}")
_LONGEST: Final = 200


def quoted(value: Any) -> str:
    """A name, a digest or a path as it is; anything else between quotes, and not all of it where
    it is long."""
    text = str(value)
    if _WORD.fullmatch(text):
        return text
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
