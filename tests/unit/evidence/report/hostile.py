"""Text that tries to be more than text."""

from html.parser import HTMLParser
from typing import Final

HTML: Final = '</pre><script>alert(1)</script><img src=x onerror="a()">\'"&amp;{{ 7*7 }}{% x %}'
TERMINAL: Final = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x00"
TURNED: Final = "invoice\u202egnp.exe\u2066\u200b\ufeff\u2028"
MARKDOWN: Final = (
    "](javascript:a()) ![](http://x/y.png) `|` ```\n# Owned\n- <b>x</b> @all www.x.org"
)
STYLE: Final = "</style><style>*{display:none}</style>"
SURROGATE: Final = "\ud800"
ALL: Final = "\n".join((HTML, TERMINAL, TURNED, MARKDOWN, STYLE))
INVISIBLE: Final = ("\x1b", "\x07", "\x9b", "\x08", "\x00", "\u202e", "\u2066", "\u200b", "\ufeff")

_VOID: Final = frozenset({"meta", "br", "img", "link", "input"})


class Page(HTMLParser):
    """The elements of a page: every tag is closed where it should be, or `faults` says not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data
