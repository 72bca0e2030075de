"""How tools print a value: escaped for JSON, HTML, a shell, a URL; inside base64. Pure."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

_BASH = re.compile(r"""[ !"$&'()*,;<>?\[\\\]^`{|}]""")
"""what `printf %q` puts a backslash before"""
_GO_JSON = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&"})


def forms(value: str, *, in_base64: bool) -> set[str]:
    """The value in every form, itself included."""
    data = value.encode(errors="replace")
    found = {value, *_in_json(value), *_in_html(value), *_in_shells(value), *_in_urls(data)}
    return found | (_in_base64(data) if in_base64 else set())


def _in_json(value: str) -> set[str]:
    found = {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    # Go's, and Python's repr of a text or of a dict.
    doubled = value.replace("\\", "\\\\")
    return found | {each.translate(_GO_JSON) for each in found} | {doubled, repr(value)[1:-1]}


def _in_html(value: str) -> set[str]:
    escaped = html.escape(value)
    by_number = escaped.replace("&#x27;", "&#39;")
    return {
        escaped,
        html.escape(value, quote=False),
        by_number,
        by_number.replace("&quot;", "&#34;"),
    }


def _in_shells(value: str) -> set[str]:
    return {
        value.replace("'", "'\\''"),
        value.replace("'", "'\"'\"'"),
        re.sub(r'["$`\\]', r"\\\g<0>", value),
        _BASH.sub(r"\\\g<0>", value),
    }


def _in_urls(data: bytes) -> set[str]:
    # encodeURIComponent leaves more as it is than Python does.
    found = {quote(data, safe=safe) for safe in ("", "/", "!'()*")} | {quote_plus(data)}
    return found | {re.sub("%..", lambda hexes: hexes[0].lower(), each) for each in found}


def _in_base64(data: bytes) -> set[str]:
    """How base64 shows `data` at each of its three alignments inside longer data."""
    found = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data)
        # Characters that also depend on the neighbours before and after are left out.
        first = (offset * 8 + 5) // 6
        last = (offset + len(data)) * 8 // 6
        stable = encoded[first:last].decode()
        found |= {stable, stable.replace("+", "-").replace("/", "_")}
    return found
