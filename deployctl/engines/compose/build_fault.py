"""Why a build on the host failed, and what to do about it. Pure: a log's tail in, sentences out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deployctl.engines.compose.refusals import DOCKER_DOWN, DOCKER_NEXT
from deployctl.errors import UNTOUCHED

_BASE = re.compile(r"failed to resolve source metadata for (\S+?): |pull access denied for (\S+?),")
_STAGE = re.compile(
    r"failed to solve: target stage \"?([^\"]+?)\"? could not be found"
    r"|failed to reach build target (\S+) in Dockerfile"
)
_DENIED = re.compile(
    r"401 Unauthorized|403 Forbidden|access denied|authorization failed|no basic auth credentials"
    r"|unauthorized: |failed to authorize|insufficient_scope",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"Cannot connect to the Docker daemon|if the daemon is running|rpc error: code = Unavailable"
)
_NO_SPACE = "no space left on device"
HUB = "docker.io"


@dataclass(frozen=True)
class BuildFault:
    what: str
    next_step: str
    production: str = UNTOUCHED


def fault(
    kind: str, message: str, tail: Sequence[str], docker: Sequence[str], user: str
) -> BuildFault:
    """`kind` and `message` are those of program `build`; `tail` the last lines of its log.

    `docker` holds the words of Docker's command on the host, `user` is who runs it there.
    """
    if _NO_SPACE in "\n".join([*tail, message]).lower() or kind == "no-space":
        return BuildFault(
            "The host's disk is full: the image could not be built.",
            f"Free some (on the host, {' '.join(docker)} system df shows what Docker holds), then "
            "run this again.",
        )
    if kind == "build":
        return (
            _engine_gone(tail)
            or _stage(tail)
            or _base_image(tail, docker, user)
            or BuildFault(
                f"The image could not be built on the host (docker exited with {message}).",
                "Mend the commit (the whole log is in the evidence directory), then deployctl "
                "hotfix --sha NEW_SHA",
            )
        )
    if kind == "died":
        return BuildFault(
            f"The build was cut off on the host: {message}",
            "Look for what ends processes there (memory: dmesg), then run this again.",
        )
    if kind == "bad-archive":
        return BuildFault(
            "The source on the host is not what was sent (its digest differs).",
            "Run it again, which sends the source anew.",
        )
    return BuildFault(
        f"The source could not be unpacked on the host: {message}",
        "Run it again; if that fails too: deployctl doctor",
    )


def _engine_gone(tail: Sequence[str]) -> BuildFault | None:
    """The last word of a build whose Docker goes away; earlier, a step of the commit may say it."""
    line = next((line for line in reversed(tail) if line.strip()), "")
    if not _GONE.search(line):
        return None
    return BuildFault(
        f"Docker stopped answering on the host while the image was built: {line.strip()[-300:]}",
        f"{DOCKER_NEXT}. Once it answers, run this again.",
        DOCKER_DOWN,
    )


def _stage(tail: Sequence[str]) -> BuildFault | None:
    """No build begins, so it stands in the last lines, if anywhere."""
    match = _STAGE.search("\n".join(tail))
    if match is None:
        return None
    return BuildFault(
        f"The commit's Dockerfile has no stage {match[1] or match[2]}, which `source.stage` names.",
        "Correct source.stage in deployctl.yml, then run this again. Or give the Dockerfile that "
        "stage, then deployctl hotfix --sha NEW_SHA",
    )


def _base_image(tail: Sequence[str], docker: Sequence[str], user: str) -> BuildFault | None:
    for line in reversed(tail):
        match = _BASE.search(line)
        if match is None:
            continue
        image = match[1] or match[2]
        words = [word for word in docker if word != "-n"]
        if _DENIED.search(line):
            login = [*words, "login", *([registry] if (registry := registry_of(image)) else [])]
            return BuildFault(
                f"The host may not pull the base image {image}: {user} is not logged in to its "
                "registry there, or may not read it.",
                f"On the host, as {user}: {' '.join(login)}. Then run this again.",
            )
        return BuildFault(
            f"The host can't get the base image {image}: {line.partition(f'{image}: ')[2][-300:]}",
            f"See why on the host, as {user}: {' '.join([*words, 'pull', image])}",
        )
    return None


def registry_of(image: str) -> str:
    """The registry as `docker login` takes it; empty for Docker's own, which is the default."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named and first != HUB else ""
