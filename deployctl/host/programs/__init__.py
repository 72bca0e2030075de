"""The POSIX sh that runs on the host, as text, and how it gets there.

A program is `NAME.sh` beside this file. A line `#include OTHER.sh` stands for that file. `lib.sh`
goes before every program that is run through a connection.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from deployctl.host.wire import start_marker

EXEC_LINE = """exec /bin/sh -c 'IFS= read -r b && eval "$b"'"""
"""All that the login shell parses: valid in POSIX shells, fish and csh alike. It evaluates the
first line of standard input, which no login shell parses, so that may hold any character."""

MAX_SCRIPT_BYTES = 1024 * 1024
_INCLUDE = re.compile(r"^#include ([a-z][a-z0-9_-]*\.sh)$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_RESERVED = frozenset(
    {"CDPATH", "ENV", "HOME", "IFS", "LANG", "LC_ALL", "PATH", "PPID", "PS4", "PWD", "SHELL"}
)


@dataclass(frozen=True)
class Script:
    """The bytes that start a program, and the nonce that its output starts with."""

    data: bytes
    nonce: str


@lru_cache
def program_text(name: str) -> str:
    """The program with its includes, without `lib.sh`. ValueError when there is none."""
    path = Path(__file__).parent / f"{name}.sh"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise ValueError(f"there is no program {name!r}")
    text = path.read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda match: program_text(match[1].removesuffix(".sh")), text)


def script(name: str, params: Mapping[str, str]) -> Script:
    """What to write to the bootstrap: loader, parameters, `lib.sh` and the program.

    The loader reads with the shell's own `read`, which takes no byte beyond the line (`sh -s` reads
    ahead); what follows the program on standard input is the program's. ValueError when a parameter
    can't be a shell variable.
    """
    return _assemble(f"{program_text('lib')}\n{program_text(name)}", params)


def _assemble(program: str, params: Mapping[str, str]) -> Script:
    nonce = secrets.token_hex(8)
    end = f"deployctl-{nonce}-program"
    loader = (
        "LC_ALL=C; export LC_ALL; n=$(printf '\\nx'); n=${n%x}; p=; q=; i=0; "
        f'while IFS= read -r l && [ "$l" != {end} ]; do q="$q$l$n"; i=$((i+1)); '
        # Appending each line to the whole would take quadratic time.
        'case $i in *00) p="$p$q"; q=;; esac; done; '
        # Half a program of a connection that broke is none.
        f'[ "$l" = {end} ] || exit 1; '
        'exec 8>&1 1>&2; eval "$p$q"'
    )
    start = start_marker(nonce).decode().rstrip("\n")
    body = f"unset b i l n p q\n{preamble(params)}printf '%s\\n' {start} >&8\n{program}\nput end ''"
    data = f"{loader}\n{body}\n{end}\n".encode("utf-8", "surrogateescape")
    if len(data) > MAX_SCRIPT_BYTES:
        raise ValueError(f"a program and its parameters may be {MAX_SCRIPT_BYTES} bytes at most")
    return Script(data, nonce)


def preamble(params: Mapping[str, str]) -> str:
    """The parameters as shell assignments; names become upper case. ValueError."""
    return "".join(f"{_variable(name)}={quote(value)}\n" for name, value in params.items())


def quote(value: str) -> str:
    """A shell word that is exactly `value`. ValueError when it holds a NUL."""
    if "\0" in value:
        raise ValueError("a parameter can't hold a NUL byte")
    return "'" + value.replace("'", "'\\''") + "'"


def _variable(name: str) -> str:
    upper = name.upper()
    if not _VARIABLE.fullmatch(upper) or upper in _RESERVED:
        raise ValueError(f"a parameter can't be called {name!r}")
    return upper
