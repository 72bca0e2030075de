"""What ssh_config files say of one host, by OpenSSH's rules: ssh_config(5).

Reads the files and, where they ask for it, runs the commands of `Match exec` and resolves names
(`CanonicalizeHostname`). Everything else is decided from the lines alone.
"""

import fnmatch
import glob
import hashlib
import os
import pwd
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deployctl.errors import UnreachableError
from deployctl.host.sockets import resolve
from deployctl.host.ssh_lines import ConfigLineError, Line, parse

MAX_INCLUDES = 16
EXEC_SECONDS = 30.0
RESOLVE_SECONDS = 10.0
_LISTS = frozenset({"identityfile", "certificatefile"})
_WHOLE = frozenset({"proxycommand", "proxyjump", "knownhostscommand"})
_RIVAL = {"proxycommand": "proxyjump", "proxyjump": "proxycommand"}
_TOKEN = re.compile(r"%(.?)")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


@dataclass
class Options:
    """The values for one host. Of most keywords the first that was met counts."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, keyword: str) -> str | None:
        """The first word of its value; None when nothing was said."""
        return next(iter(self.values.get(keyword, ())), None)

    def all(self, keyword: str) -> tuple[str, ...]:
        return self.values.get(keyword, ())

    def yes(self, keyword: str) -> bool:
        return (self.get(keyword) or "").lower() in {"yes", "true"}

    def add(self, line: Line) -> None:
        keyword = line.keyword
        if keyword in _WHOLE:
            if keyword not in self.values and _RIVAL.get(keyword) not in self.values:
                self.values[keyword] = (line.rest,)
        elif keyword in _LISTS:
            # Once for each file, however often the file is named.
            new = [word for word in line.words[:1] if word not in self.all(keyword)]
            self.values[keyword] = (*self.all(keyword), *new)
        elif keyword not in self.values:
            words = line.words
            if not words:
                raise ConfigLineError(f"{line.place}: nothing follows {line.keyword}")
            self.values[keyword] = words


def lookup(alias: str, given: Mapping[str, str], files: Sequence[Path]) -> Options:
    """What `files` (the user's first) and `given`, which goes before them, say of `alias`.

    `hostname` is always among the values. Raises ConfigLineError, and OSError for a file that is
    there and can't be read.
    """
    options = Options({keyword: (value,) for keyword, value in given.items()})
    search = _Search(alias, options, [(file, list(_read(file))) for file in files])
    search.go_through(alias, final=False)
    name = _canonical(search.host_now(alias), options)
    if search.wants_final or _canonicalizes(options):
        options.values["hostname"] = (name,)
        search.go_through(name, final=True)
    options.values["hostname"] = (name,)
    return options


class _Search:
    """One or two passes over the files, in which each line may add to the options."""

    def __init__(self, alias: str, options: Options, files: list[tuple[Path, list[Line]]]) -> None:
        self._alias = alias
        self._options = options
        self._files = files
        self._final = False
        self.wants_final = False

    def go_through(self, name: str, *, final: bool) -> None:
        """`name` is what `Host` patterns are compared with."""
        self._final = final
        for file, lines in self._files:
            self._apply(lines, file.parent, name, active=True, depth=0)

    def host_now(self, name: str) -> str:
        """The host as the options so far have it."""
        given = self._options.get("hostname")
        return name if given is None else expand(given, {"h": name})

    def _apply(
        self, lines: Iterable[Line], directory: Path, name: str, *, active: bool, depth: int
    ) -> None:
        outer = active
        for line in lines:
            if line.keyword == "host":
                active = outer and _one_matches(line.words, name)
            elif line.keyword == "match":
                active = outer and self._matches(line, name)
            elif not active:
                continue
            elif line.keyword != "include":
                self._options.add(line)
            elif depth < MAX_INCLUDES:
                for file in _included(line, directory):
                    self._apply(_read(file), directory, name, active=True, depth=depth + 1)

    def _matches(self, line: Line, name: str) -> bool:
        words = list(line.words)
        result = bool(words)
        while words:
            word = words.pop(0)
            negated = word.startswith("!")
            criterion, equals, value = word.removeprefix("!").partition("=")
            criterion = criterion.lower()
            if criterion in {"canonical", "final", "all"}:
                self.wants_final |= criterion == "final"
                met = criterion == "all" or self._final
            else:
                if not equals:
                    if not words:
                        raise ConfigLineError(f"{line.place}: nothing follows {criterion}")
                    value = words.pop(0)
                # As ssh does: a command is not run once the line can't match any more.
                met = result and self._meets(criterion, value, name)
            result = result and met is not negated
        return result

    def _meets(self, criterion: str, value: str, name: str) -> bool:
        host, user = self.host_now(name), self._options.get("user") or local_user()
        if criterion == "exec":
            return _succeeds(expand(value, tokens(self._alias, host, self._options)))
        subject = {
            "host": host.lower(),
            "originalhost": self._alias.lower(),
            "user": user,
            "localuser": local_user(),
            "tagged": self._options.get("tag") or "",
        }.get(criterion)
        if subject is None:
            # ssh knows or doesn't, by its version; a block that nobody can judge stays closed.
            return False
        lower = criterion in {"host", "originalhost"}
        return _one_matches((value.lower() if lower else value).split(","), subject)


def local_user() -> str:
    """The login name as ssh has it: by the user's number, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return os.environ.get("USER") or str(os.getuid())


def tokens(alias: str, host: str, options: Options) -> dict[str, str]:
    """What the percent signs of ssh_config stand for."""
    user = options.get("user") or local_user()
    port = options.get("port") or "22"
    here = socket.gethostname()
    jump = options.get("proxyjump") or ""
    digest = hashlib.sha1(f"{here}{host}{port}{user}{jump}".encode(), usedforsecurity=False)
    return {
        "%": "%",
        "C": digest.hexdigest(),
        "d": str(Path.home()),
        "h": host,
        "i": str(os.getuid()),
        "j": jump,
        "k": options.get("hostkeyalias") or alias,
        "L": here.partition(".")[0],
        "l": here,
        "n": alias,
        "p": port,
        "r": user,
        "u": local_user(),
    }  # fmt: skip


def expand(text: str, known: Mapping[str, str]) -> str:
    """The text with its tokens replaced. ConfigLineError for one that ssh doesn't know either."""

    def replace(match: re.Match[str]) -> str:
        if match[1] == "%":
            return "%"
        if match[1] not in known:
            raise ConfigLineError(f"{text!r}: %{match[1]} stands for nothing here")
        return known[match[1]]

    return _TOKEN.sub(replace, text)


def expand_path(text: str, known: Mapping[str, str]) -> Path:
    """The same for a path, with `~` and `${VARIABLES}`. ConfigLineError."""

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigLineError(f"{text!r}: the environment has no {match[1]}")
        return os.environ[match[1]]

    try:
        return Path(expand(_VARIABLE.sub(variable, text), known)).expanduser()
    except RuntimeError as error:  # ~somebody who isn't there
        raise ConfigLineError(f"{text!r}: {error}") from None


def _one_matches(patterns: Iterable[str], name: str) -> bool:
    found = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _matches_pattern(pattern.removeprefix("!"), name):
            if negated:
                return False
            found = True
    return found


def _matches_pattern(pattern: str, name: str) -> bool:
    # Only `*` and `?` are special for ssh.
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _included(line: Line, directory: Path) -> Iterator[Path]:
    for word in line.words:
        path = expand_path(word, {"d": str(Path.home()), "%": "%"})
        path = path if path.is_absolute() else directory / path
        # glob(3) and this one pass hidden files over; pathlib's doesn't.
        yield from map(Path, sorted(glob.glob(str(path))))  # noqa: PTH207


def _read(file: Path) -> list[Line]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return list(parse(text, str(file)))


def _succeeds(command: str) -> bool:
    shell = os.environ.get("SHELL") or "/bin/sh"
    try:
        done = subprocess.run(
            [shell, "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=EXEC_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _canonicalizes(options: Options) -> bool:
    return (options.get("canonicalizehostname") or "no").lower() not in {"no", "false", "none"}


def _canonical(name: str, options: Options) -> str:
    """The name in full where the options ask for it; an address in its usual form."""
    address = _address(name)
    if address is not None:
        return address
    name = name.lower()
    wanted = (options.get("canonicalizehostname") or "no").lower()
    proxied = any(
        (options.get(keyword) or "none").lower() != "none"
        for keyword in ("proxycommand", "proxyjump")
    )
    if not _canonicalizes(options) or (proxied and wanted != "always"):
        return name
    if name.endswith("."):
        return name.removesuffix(".")
    if name.count(".") > int(options.get("canonicalizemaxdots") or 1):
        return name
    for domain in options.all("canonicaldomains"):
        if domain.lower() == "none":
            break
        if _resolves(f"{name}.{domain}."):
            return f"{name}.{domain}".lower()
    if (options.get("canonicalizefallbacklocal") or "yes").lower() == "no":
        domains = ", ".join(options.all("canonicaldomains"))
        raise ConfigLineError(f"CanonicalizeHostname: {name} is in none of {domains}")
    return name


def _address(name: str) -> str | None:
    """An IP address in its usual form; None for a name."""
    host, percent, zone = name.partition("%")
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host)) + (
            percent + zone
        )
    except OSError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return None


def _resolves(name: str) -> bool:
    try:
        return bool(resolve(name, 22, RESOLVE_SECONDS))
    except UnreachableError:
        return False
