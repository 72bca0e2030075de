"""Running git: words in, bytes out; no shell, no configuration of the caller's process.

Variables such as GIT_DIR (set in hooks and some CI jobs) would point git at another repository,
so none is passed on but those that name the user's configuration: `safe.directory` lives there.
"""

import os
import re
import shlex
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deployctl.errors import RefusedError

TIMEOUT = 60.0
OLDEST = (2, 21)
"""the first whose `log` knows %cs; run with 2.30 and 2.39"""
CONFIGURATION = re.compile(r"GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)")
OPTIONS = (
    "--no-pager",
    "--literal-pathspecs",
    "-c",
    "core.quotepath=off",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "advice.graftFileDeprecated=false",
    # A pack is mapped in windows, and a large blob streamed: memory must not follow their sizes.
    "-c",
    "core.packedGitWindowSize=8m",
    "-c",
    "core.packedGitLimit=32m",
    "-c",
    "core.bigFileThreshold=4m",
)


class GitError(Exception):
    """git ended with an error; `message` is what it wrote, in English."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Repository:
    """A repository: a clone, a bare one, a linked worktree, or a submodule's git directory."""

    label: str
    """how people call it: the path that was given, or the submodule's path"""
    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    prefix: str = ""
    """where the given directory stands in the work tree, with a slash at the end, or empty"""
    shallow: bool = False

    def run(self, *words: str, stdin: bytes = b"", timeout: float = TIMEOUT) -> bytes:
        """The standard output of `git WORDS`; `GitError` when git fails or takes too long."""
        return run(self.words(*words), self.environment, stdin=stdin, timeout=timeout)

    def words(self, *words: str) -> list[str]:
        return ["git", *OPTIONS, *words]

    @property
    def environment(self) -> dict[str, str]:
        # An explicit work tree replaces the `core.worktree` of a submodule's git directory, which
        # may point at a directory that is not checked out.
        return environment(
            {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.work_tree or self.git_dir)}
        )

    def records(self, *words: str, timeout: float = 600.0) -> Generator[bytes, None, None]:
        """The NUL-ended records that `git WORDS` writes, as they come; close it to end git."""
        with subprocess.Popen(
            self.words(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        ) as process:
            watchdog = threading.Timer(timeout, process.kill)
            watchdog.daemon = True
            watchdog.start()
            rest = b""
            try:
                while chunk := os.read(process.stdout.fileno(), 1 << 16):  # type: ignore[union-attr]
                    *whole, rest = (rest + chunk).split(b"\0")
                    yield from whole
            except BaseException:
                process.kill()
                raise
            finally:
                watchdog.cancel()
        if process.returncode != 0 or rest:
            raise GitError(f"git {words[0]} ended with code {process.returncode}")


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for git: the caller's with no GIT_ variable but CONFIGURATION, in English."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or CONFIGURATION.fullmatch(name)
    }
    return kept | {
        "LC_ALL": "C",
        "LANGUAGE": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        # A replacement or a graft would make the shipped tree another one than the commit's.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        **extra,
    }


def run(
    words: list[str], env: Mapping[str, str], *, stdin: bytes = b"", timeout: float = TIMEOUT
) -> bytes:
    try:
        done = subprocess.run(
            words, input=stdin, capture_output=True, env=env, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise RefusedError(
            "git is not installed on this machine, or not on PATH.",
            next_step="Install git, for example: sudo apt-get install git",
        ) from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git took longer than {timeout:.0f} s") from None
    if done.returncode != 0:
        raise GitError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def open_repository(path: Path) -> Repository:
    """The repository that `path` (a directory in it, or a bare one) belongs to.

    Raises `RefusedError` when there is none, git refuses to read it, or git is too old.
    """
    if not _is_directory(path):
        raise RefusedError(
            f"The repository {path} is not a directory.",
            next_step="Correct `repository:` in deployctl.yml.",
        )
    env = environment({})

    def tell(word: str) -> str:
        # One question at a time: a path may hold a newline, so answers can't be told apart.
        words = ["git", *OPTIONS, "-C", str(path), "rev-parse", word]
        return run(words, env).decode(errors="surrogateescape").removesuffix("\n")

    _require_version(env)
    try:
        git_dir, common_dir = tell("--git-dir"), tell("--git-common-dir")
        shallow = tell("--is-shallow-repository") == "true"
    except GitError as error:
        raise _unreadable(path, error.message) from None
    work_tree, prefix = None, ""
    # A bare repository has no work tree; git says so by failing.
    with suppress(GitError):
        work_tree, prefix = Path(tell("--show-toplevel")), tell("--show-prefix")
    return Repository(
        label=str(path),
        git_dir=(path / git_dir).resolve(),
        common_dir=(path / common_dir).resolve(),
        work_tree=work_tree,
        prefix=prefix,
        shallow=shallow,
    )


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long, or a directory above it that is closed to us
        return False


def _require_version(env: Mapping[str, str]) -> None:
    told = run(["git", "version"], env).decode(errors="replace").strip()
    number = re.search(r"(\d+)\.(\d+)", told)
    if number and (int(number[1]), int(number[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise RefusedError(
            f"{told} on this machine is too old: deployctl needs {oldest} or newer.",
            next_step="Install a newer git, for example: sudo apt-get install git",
        )


def _unreadable(path: Path, message: str) -> RefusedError:
    if "dubious ownership" in message or "is owned by someone else" in message:
        return RefusedError(
            f"git does not trust {path}: it belongs to another user.",
            next_step=f"git config --global --add safe.directory {shlex.quote(str(path))}",
        )
    if "safe.bareRepository" in message:
        return RefusedError(
            f"git may not use the bare repository {path}: safe.bareRepository is `explicit`.",
            next_step="git config --global safe.bareRepository all, or name a clone with a work "
            "tree by `repository:` in deployctl.yml.",
        )
    if "not a git repository" in message:
        return RefusedError(
            f"{path} is not a git repository.",
            next_step="Correct `repository:` in deployctl.yml.",
        )
    return RefusedError(
        f"git can't read the repository {path}.",
        detail=message,
        next_step=f"git -C {shlex.quote(str(path))} fsck",
    )
