"""Secrets are taken out of text before it becomes evidence. Pure: no I/O.

Two nets: the exact values that this process knows (build secrets, keys from the environment), in
the forms in which tools print them, and patterns for what nobody told us about.
"""

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

from deployctl.evidence.forms import forms

MARK = "[redacted]"
MIN_LENGTH = 8
"""Shorter values are common words and numbers; they count only under a secret-looking name."""
MIN_SECRET = 3
"""Of such a name, too: what is shorter stands in half of all words."""
_AS_BYTES = "surrogateescape"
"""What is no UTF-8 comes back as it was."""

_PART = r"[A-Za-z0-9_.-]"
_WORD = (
    r"(?:password|passwd|passphrase|secret|token|credentials?"
    r"|(?:api|access|private|secret|signing|encryption|auth)[_-]?key)"
)
# `pass` and `pwd` also are a verdict and a directory: they count only as the end of a name.
_NAME = (
    rf"(?<!{_PART})(?:{_PART}{{0,80}}?{_WORD}|(?:{_PART}{{0,80}}?[_.-])?(?:cookie|dsn)"
    rf"|{_PART}{{0,80}}?[_.-](?:pass|pwd))(?:[_.-]{_PART}{{0,40}})?"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)

# Where two keys stand on one line, the first one's end may hold the second one's dashes.
_KEY_BEGIN = re.compile(r"-{0,5}BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BLOCK = re.compile(rf"{_KEY_BEGIN.pattern}.*?(?:{_KEY_END.pattern}|\Z)", re.DOTALL)

_TOKENS = re.compile(
    r"\b(?:"
    r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}"
    r"|glpat-[A-Za-z0-9_-]{16,255}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}"
    r"|[rs]k_live_[A-Za-z0-9]{16,255}"
    r"|AIza[A-Za-z0-9_-]{35}"
    r"|npm_[A-Za-z0-9]{36}"
    r"|eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]{8,2048}"
    r")"
)
_URL_PASSWORD = re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,128}):([^\s/@\"']{1,512})@")
_AUTHORIZATION = re.compile(
    r"((?:proxy-)?authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?)"
    r"((?:bearer|basic|digest|token|negotiate)\s{1,4})?(?!\[redacted)[^\s\"',;]{1,4096}",
    re.IGNORECASE,
)
# A reference to a variable, or a word that can't be a secret, tells a reader more than a mark.
_HARMLESS = r"(?:\$\{?[A-Za-z0-9_]{1,100}\}?|true|false|null|none)(?![A-Za-z0-9_:$-])"
_ASSIGNMENT = re.compile(
    rf"({_NAME}[\"']?\s{{0,4}}(?:=|:(?!//))\s{{0,4}})(?![\"']?\[redacted|[\"']?{_HARMLESS})"
    r"(\"(?:[^\"\\\n]|\\.){1,4096}\"|'[^'\n]{1,4096}'|[^\s\"',;&]{1,4096})",
    re.IGNORECASE,
)

_OUR_KEY = re.compile(r"_?[a-z]+(?:[A-Z][a-z]*|_[a-z]+)*(?:256)?")
"""Words alone: a secret that is called alike, or is a part of one, may not break a document."""


def looks_secret(name: str) -> bool:
    """Whether a variable of this name is a secret whatever its length."""
    return _SECRET_NAME.fullmatch(name) is not None


class Redactor:
    """Replaces secrets in text by `[redacted]`; the same text in, the same text out.

    `secrets` maps names to the values that this process knows; names in `public` are left alone.
    """

    def __init__(
        self, secrets: Mapping[str, str] | None = None, public: Iterable[str] = ()
    ) -> None:
        hidden = set(public)
        found: set[str] = set()
        for name, value in (secrets or {}).items():
            if name not in hidden:
                for part in _parts(name, value):
                    found |= forms(part, in_base64=len(part) >= MIN_LENGTH)
        in_latin = {data for form in found if (data := _latin(form))}
        in_text = found | {data.decode(errors=_AS_BYTES) for data in in_latin}
        # The longest first, so that a value is never left standing around a shorter one inside it.
        ordered = sorted(in_text, key=lambda form: (-len(form), form))
        in_utf16 = {form.encode("utf-16-le", errors="replace").rstrip(b"\0") for form in found}
        self._forms = {form.encode(errors="replace") for form in found} | in_latin | in_utf16
        self._exact = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        if self._exact is not None:
            text = self._exact.sub(MARK, text)
        return _without_patterns(text)

    def value(self, value: Any, keep: Container[str] = ()) -> Any:
        """The same for every string inside a JSON value; a secret-looking key hides its string.

        Keys are cleaned as well; of those that look like ours, only patterns are taken out.
        Strings under the keys in `keep` stay.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            found: dict[Any, Any] = {}
            for key, item in value.items():
                found[self._key(key, found)] = self._member(str(key), item, keep)
            return found
        if isinstance(value, list | tuple):
            return [self.value(item, keep) for item in value]
        return value

    def data(self, data: bytes) -> bytes | None:
        """The same for a file, whose other bytes stay. None: a known secret can't be taken out, so
        it can't be kept."""
        try:
            return self.text(data.decode()).encode()
        except UnicodeDecodeError:
            clean = self.text(data.decode(errors=_AS_BYTES)).encode(errors=_AS_BYTES)
            return None if self.holds(clean) else clean

    def holds(self, data: bytes) -> bool:
        """Whether a known secret stands in it, in any of its forms."""
        return any(form in data for form in self._forms)

    def _key(self, key: Any, taken: Container[Any]) -> Any:
        """Two that are hidden stay two."""
        if not isinstance(key, str):
            return key
        clean = _without_patterns(key) if _OUR_KEY.fullmatch(key) else self.text(key)
        shown, number = clean, 1
        while shown in taken:
            number += 1
            shown = f"{clean} ({number})"
        return shown

    def _member(self, key: str, item: Any, keep: Container[str]) -> Any:
        if isinstance(item, str) and key in keep:
            return item
        if isinstance(item, str) and item and looks_secret(key):
            return MARK
        return self.value(item, keep)


class LineRedactor:
    """A redactor for text that arrives line by line, where a private key spans lines."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._inside_key = False

    def line(self, line: str) -> str:
        hidden = ""
        if self._inside_key:
            end = _KEY_END.search(line)
            if end is None:
                return MARK
            hidden, line = MARK, line[end.end() :]
        blocks = _KEY_BLOCK.findall(line)
        self._inside_key = bool(blocks) and _KEY_END.search(blocks[-1]) is None
        return hidden + self._redactor.text(line)


def _without_patterns(text: str) -> str:
    text = _KEY_BLOCK.sub(MARK, text)
    text = _TOKENS.sub(MARK, text)
    text = _URL_PASSWORD.sub(rf"\1:{MARK}@", text)
    text = _AUTHORIZATION.sub(lambda found: f"{found[1]}{found[2] or ''}{MARK}", text)
    return _ASSIGNMENT.sub(_hide_value, text)


def _parts(name: str, value: str) -> list[str]:
    """The value, and each line of one that has several: logs are scrubbed line by line."""
    shortest = MIN_SECRET if looks_secret(name) else MIN_LENGTH
    lines = [line for line in value.splitlines() if len(line) >= MIN_LENGTH]
    # A key's own marks are those of all keys: without them no other key would be seen.
    lines = [line for line in lines if not (_KEY_BEGIN.search(line) or _KEY_END.search(line))]
    whole = value.strip()
    return [*([whole] if len(whole) >= shortest else []), *lines]


def _latin(form: str) -> bytes:
    """How a program that writes no UTF-8 writes it; empty where that makes no difference."""
    try:
        return b"" if form.isascii() else form.encode("latin-1")
    except UnicodeEncodeError:
        return b""


def _hide_value(found: re.Match[str]) -> str:
    quoted = found[2][0] if found[2][0] in "\"'" else ""
    return f"{found[1]}{quoted}{MARK}{quoted}"
