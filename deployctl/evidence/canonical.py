"""One value, one sequence of bytes, one digest."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8, no NaN. Raises ValueError or TypeError for anything else.

    Half a surrogate pair, which UTF-8 has not, is written as JSON's escape of it.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode(errors="backslashreplace")


def writable(text: str) -> str:
    """Text that any encoding can write: half a surrogate pair becomes a question mark.

    Python reads bytes that are no UTF-8 as such, in arguments and in the environment.
    """
    return text.encode(errors="replace").decode()


def writable_value(value: Any) -> Any:
    """The same for every string inside a JSON value."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {writable(str(key)): writable_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [writable_value(item) for item in value]
    return value


def digest(data: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
