"""The Docker command line of this machine, with deadlines and errors that say what failed."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployctl.errors import DeployctlError, ExitCode

LABEL = "deployctl.lab"
"""On everything that a lab makes in Docker; its value is the lab's name."""
PREFIX = "deployctl-lab-"
_TAIL_LINES = 25


class LabError(DeployctlError):
    """The lab could not be made, reached or removed. It has nothing to do with production."""

    code = ExitCode.UNTOUCHED

    def __str__(self) -> str:
        """With the output, which a test's traceback would not show otherwise."""
        return "\n".join(filter(None, [self.what, self.detail]))


class NoDockerError(LabError):
    """There is no Docker engine that answers on this machine."""

    code = ExitCode.REFUSED


def tail(*outputs: str | bytes | None) -> str:
    """The last lines of what a command printed."""
    texts = [o.decode(errors="replace") if isinstance(o, bytes) else o or "" for o in outputs]
    lines = "\n".join(text.strip() for text in texts if text.strip()).splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def run(
    argv: Sequence[str],
    *,
    doing: str,
    timeout: float,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program of this machine and return what it wrote to stdout.

    `doing` completes the sentence "… failed." of the error.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin if stdin is not None else b"",
            capture_output=True,
            timeout=timeout,
            check=False,
            env=environment,
            cwd=cwd,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"{doing} took longer than {timeout:g} s and was ended.",
            detail=tail(error.stdout, error.stderr),
        ) from error
    except FileNotFoundError as error:
        raise LabError(
            f"{doing} failed: there is no `{argv[0]}` on this machine.",
            next_step=f"Install {argv[0]} and run the command again.",
        ) from error
    if done.returncode != 0:
        raise LabError(
            f"{doing} failed with code {done.returncode}.",
            detail=tail(done.stdout, done.stderr),
        )
    return done.stdout.decode(errors="replace")


def docker(*words: str, doing: str, timeout: float = 60, stdin: bytes | None = None) -> str:
    """Run `docker WORDS…` and return its stdout."""
    return run(["docker", *words], doing=doing, timeout=timeout, stdin=stdin)


def succeeds(*words: str, timeout: float = 60) -> bool:
    """Run `docker WORDS…` for its answer: yes or no."""
    try:
        docker(*words, doing="docker", timeout=timeout)
    except LabError:
        return False
    return True


def listing(*words: str) -> list[str]:
    """Run a docker command that prints one name a line."""
    return docker(*words, doing=f"Listing ({' '.join(words[:2])})").split()


def require_engine() -> None:
    """Refuse, with the way out, where no engine answers."""
    try:
        docker("version", "--format", "{{.Server.Version}}", doing="Asking Docker", timeout=20)
    except LabError as error:
        raise NoDockerError(
            "The lab runs in Docker, and no Docker engine answers on this machine.",
            next_step="Start Docker, or on Debian and Ubuntu run: script/setup-docker",
            detail=error.detail or error.what,
        ) from error
