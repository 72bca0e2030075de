"""A user's regular expression over what a server said, within a time limit.

A pattern such as `(a+)+$` takes longer than anybody lives on a text made for it, and Python can't
stop it: it holds the interpreter's lock. So a process of its own does it, which can be ended.
"""

import subprocess
import sys
from typing import Final

from deployctl.gates.base import CannotObserveError

SECONDS: Final = 2.0
_FOUND, _NOT_FOUND = 0, 3
_PROGRAM: Final = f"""
import re, sys
text = sys.stdin.buffer.read().decode("utf-8", "replace")
sys.exit({_FOUND} if re.search(sys.argv[1], text) else {_NOT_FOUND})
"""


def matches(pattern: str, text: str) -> bool:
    """Whether the text has a match. CannotObserveError when that isn't found out in time."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, pattern],
            input=text.encode("utf-8", "replace"),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotObserveError(
            "inconclusive",
            f"whether it matches /{pattern}/ takes longer than {SECONDS:g} s to find",
        ) from None
    except (OSError, ValueError) as error:  # no process to be had; a NUL in the pattern
        told = f"/{pattern}/ could not be looked for: {error}"
        raise CannotObserveError("error", told) from None
    if done.returncode not in (_FOUND, _NOT_FOUND):
        raise CannotObserveError("error", f"/{pattern}/ could not be looked for")
    return done.returncode == _FOUND
