"""How tools print a value: the tools themselves do it here."""

import base64
import html
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

VALUE = "p\"a&s<s>w'o$r`d\\ {é}/+%!*()~"


def bash(script: str) -> Callable[[str], str]:
    def printed(value: str) -> str:
        if shutil.which("bash") is None:
            pytest.skip("bash is not installed")
        words = ["bash", "-c", script, "bash", value]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    return printed


PRINTERS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "python": repr,
    "python dict": lambda value: str({"PASSWORD_OF_IT": value}),
    "json": json.dumps,
    "json, utf-8": lambda value: json.dumps({"v": value}, ensure_ascii=False),
    "go's json": lambda value: json.dumps(value, ensure_ascii=False)
    .replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"),
    "html": html.escape,
    "html text": lambda value: html.escape(value, quote=False),
    "go's html": lambda value: html.escape(value).replace("&quot;", "&#34;")
    .replace("&#x27;", "&#39;"),
    "url": quote,
    "url component": lambda value: quote(value, safe=""),
    "javascript's url component": lambda value: quote(value, safe="!'()*"),
    "lower-case url": lambda value: quote(value, safe="").replace("%C3%A9", "%c3%a9")
    .replace("%2F", "%2f").replace("%2B", "%2b").replace("%5C", "%5c").replace("%3C", "%3c")
    .replace("%3E", "%3e").replace("%7B", "%7b").replace("%7D", "%7d").replace("%2A", "%2a"),
    "form": quote_plus,
    "shlex": shlex.quote,
    "bash %q": bash("printf '%q' \"$1\""),
    "bash -x": bash("set -x; : \"$1\""),
    "bash declare": bash("v=$1; declare -p v"),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64, one byte on": lambda value: base64.b64encode(f"x{value}y".encode()).decode(),
    "base64, two bytes on": lambda value: base64.b64encode(f"xy{value}".encode()).decode(),
    "base64 for urls": lambda value: base64.urlsafe_b64encode(f"?{value}".encode()).decode(),
}  # fmt: skip
