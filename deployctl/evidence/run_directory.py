"""The directory in which one run keeps its evidence, readable by its owner only."""

import contextlib
import json
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from deployctl.errors import RefusedError
from deployctl.evidence import people as people_file
from deployctl.evidence.canonical import writable
from deployctl.evidence.ci_facts import ci_facts
from deployctl.evidence.clean_events import cleaned
from deployctl.evidence.people import KEY_BYTES, People
from deployctl.evidence.redact import LineRedactor, Redactor

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def state_home(env: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/deployctl`, or `~/.local/state/deployctl`."""
    home = env.get("XDG_STATE_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".local/state") / "deployctl"


def safe_name(text: str) -> str:
    """Any text (a gate's name) as one component of an artefact's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-") or "unnamed"


def people_here(env: Mapping[str, str]) -> People:
    """With a key of its own, and with what this machine and its user are called."""
    facts = ci_facts(env)
    told = (env.get("USER"), env.get("LOGNAME"), facts.get("actor"), facts.get("triggeringActor"))
    home = env.get("HOME", "").rstrip("/")
    return People(
        secrets.token_bytes(KEY_BYTES),
        (writable(name) for name in (*told, socket.gethostname()) if name),
        writable(home) if home.startswith("/") else "",
    )


class RunDirectory:
    """`<base>/<target>/<run id>/`: directories 0700, files 0600, whatever the umask.

    Everything passes the redactor on its way in. Names of what could not be cleaned, and was
    therefore not kept, are in `dropped`. Raises RefusedError if the directory can't be made.

    A laptop's full disk must not end a rollout between swap and gates: writing an artefact never
    raises for it. The first such failure is in `error`; a run that has one can't be sealed.
    """

    def __init__(
        self,
        base: Path | None,
        target: str,
        run_id: str,
        redactor: Redactor | None = None,
        people: People | None = None,
    ) -> None:
        self.redactor = redactor or Redactor()
        self.people = people or people_here(os.environ)
        self._people_kept = 0
        self.dropped: list[str] = []
        self.error: OSError | None = None
        base = (base or state_home(os.environ) / "evidence").expanduser().absolute()
        self.path = base / safe_name(target) / safe_name(run_id)
        try:
            make_private_directory(self.path)
        except OSError as error:
            raise RefusedError(
                f"The evidence directory {self.path} can't be made: {error.strerror}.",
                next_step="Name another one with --evidence-dir.",
            ) from error

    def write_bytes(self, name: str, data: bytes) -> Path | None:
        """Writes one artefact, atomically. None if it was not kept (see `dropped` and `error`).

        `name` has `/` between components of letters, digits, `.`, `_` and `-`; raises ValueError
        for another.
        """
        clean = self.redactor.data(data)
        if clean is None:
            self.dropped.append(name)
            return None
        return self._write(name, clean)

    def write_text(self, name: str, text: str) -> Path | None:
        return self.write_bytes(name, text.encode(errors="replace"))

    def write_json(self, name: str, value: Any) -> Path | None:
        """Its values are cleaned, so that what is written is JSON whatever they hold."""
        text = json.dumps(cleaned(self.redactor, value), ensure_ascii=False, indent=2)
        return self._write(name, text.encode())

    def keep_people(self) -> None:
        """Writes people.json, where names were hidden since it was last written."""
        if self.people.count > self._people_kept:
            self._people_kept = self.people.count
            self.write_json(people_file.NAME, self.people.document())

    def _write(self, name: str, clean: bytes) -> Path | None:
        try:
            path = self._place(name)
            write_private_file(path, clean)
        except OSError as error:
            self.error = self.error or error
            return None
        return path

    def append(self, name: str) -> "AppendStream":
        """A file that grows line by line, such as `build.log`. Raises ValueError, OSError."""
        return AppendStream(self._place(name), self.redactor)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every artefact so far, as (name, path), sorted by name."""
        for path in sorted(self.path.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(self.path).as_posix(), path

    def _place(self, name: str) -> Path:
        components = name.split("/")
        if not all(_NAME.fullmatch(component) for component in components):
            raise ValueError(f"not a name for an artefact: {name!r}")
        path = self.path.joinpath(*components)
        make_private_directory(path.parent)
        return path


class AppendStream:
    """Lines appended to a file, each on disk (not synced) when `line` returns."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.path = path
        self._file = open_private_file(path)
        self._redactor = LineRedactor(redactor)
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        with self._lock:
            self._file.write(self._redactor.line(text).encode(errors="replace") + b"\n")
            self._file.flush()

    def close(self) -> None:
        with self._lock:
            self._file.close()


def make_private_directory(path: Path) -> None:
    """Makes what is missing with mode 0700; directories that exist keep theirs."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another run of the same user was faster
            directory.mkdir(mode=DIRECTORY_MODE)
            directory.chmod(DIRECTORY_MODE)


def open_private_file(path: Path) -> IO[bytes]:
    """Opens for appending; a new file has mode 0600 from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, "ab")


def write_private_file(path: Path, data: bytes) -> None:
    """Replaces the file as a whole or not at all, and syncs it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open_private_file(temporary) as file:
            file.truncate(0)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
