"""The difference between two versions of a file, for people to read."""

import difflib


def diff(before: bytes, after: bytes, name: str) -> str:
    """A unified diff as text; empty when the bytes are equal.

    Bytes that are not UTF-8 are shown as `\\xNN`, a carriage return at a line's end as `^M`.
    """
    if before == after:
        return ""
    path = name.lstrip("/")
    lines = difflib.unified_diff(
        _lines(before), _lines(after), fromfile=f"a/{path}", tofile=f"b/{path}"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(data: bytes) -> list[str]:
    text = data.decode(errors="backslashreplace").replace("\r\n", "^M\n")
    return [f"{line}\n" for line in text.split("\n")[:-1]] + _unfinished(text)


def _unfinished(text: str) -> list[str]:
    last = text.rpartition("\n")[2]
    return [last] if last else []
