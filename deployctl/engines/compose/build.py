"""Ship a packed commit to the host and build its image there."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployctl.config.settings import SourceSettings
from deployctl.engines.compose.build_fault import fault
from deployctl.errors import LinkLostError, UntouchedError
from deployctl.host.connection import ProgramFailed
from deployctl.host.conversation import RECORD_COST
from deployctl.host.link import Link
from deployctl.source import Package

LABEL = "io.deployctl"
TAIL_LINES = 25
SHIP_ATTEMPTS = 5
MAX_LOG_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class BuildRequest:
    image: str
    """the reference to give, with its tag"""
    labels: Mapping[str, str]
    settings: SourceSettings
    secrets: Mapping[str, str]
    """secret ID -> value; it travels by standard input"""
    docker: tuple[str, ...]
    user: str
    """who runs it on the host"""
    buildx: bool
    state_dir: str
    run_id: str
    timeout: float


def build_digest(source_digest: str, settings: SourceSettings) -> str:
    """What decides whether two builds give the same image (decision 9).

    SHA-256 over source digest, Dockerfile, stage, build arguments and platform. The Dockerfile's
    content is part of the source digest.
    """
    parts = {
        "source": source_digest,
        "dockerfile": settings.dockerfile,
        "stage": settings.stage,
        "args": dict(sorted(settings.build_args.items())),
        "platform": settings.platform,
    }
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def labels(sha: str, source_digest: str, digest: str) -> dict[str, str]:
    return {
        "org.opencontainers.image.revision": sha,
        f"{LABEL}.source-digest": source_digest,
        f"{LABEL}.build-digest": digest,
    }


def ship(
    link: Link,
    package: Package,
    state_dir: str,
    *,
    progress: Callable[[int, int], None],
    timeout: float,
) -> int:
    """Uploads the package, resuming after a lost link. Returns the bytes that were sent.

    Raises UntouchedError when the host can't take it.
    """
    remote = remote_archive(state_dir, package)
    sent = 0
    for attempt in range(1, SHIP_ATTEMPTS + 1):
        try:
            return sent + link.host.upload(package.path, remote, progress=progress, timeout=timeout)
        except LinkLostError:
            if attempt == SHIP_ATTEMPTS:
                raise
            link.restore()
        except ProgramFailed as failure:
            raise UntouchedError(
                f"The source could not be sent to the host: {failure.message}",
                next_step="See what the state directory lacks there (df -h, df -i), then run this "
                "again.",
            ) from failure
    return sent


def remote_archive(state_dir: str, package: Package) -> str:
    return f"{state_dir}/upload/{package.archive_sha256.removeprefix('sha256:')}.tar.gz"


def build(
    link: Link,
    package: Package,
    request: BuildRequest,
    line: Callable[[str], None],
) -> str:
    """Builds on the host and returns the image ID. Raises UntouchedError with the log's tail.

    `line` gets each line of the log.
    """
    tail: list[str] = []
    params = {
        "DOCKER": "\n".join(request.docker),
        "ARCHIVE": remote_archive(request.state_dir, package),
        "SHA256": package.archive_sha256.removeprefix("sha256:"),
        "WORK": f"{request.state_dir}/upload/{request.run_id}",
        "IMAGE": request.image,
        "DOCKERFILE": package.dockerfile,
        "OUTSIDE": package.outside,
        "STAGE": request.settings.stage or "",
        "PLATFORM": request.settings.platform or "",
        "LABELS": "\n".join(f"{name}={value}" for name, value in request.labels.items()),
        "ARGS": "\n".join(f"{name}={value}" for name, value in request.settings.build_args.items()),
        "SECRETS": "\n".join(request.secrets),
        "BUILDX": "1" if request.buildx else "0",
    }
    for number, value in enumerate(request.secrets.values(), 1):
        params[f"SECRET_{number}"] = value
    image_id, logged = "", 0
    conversation = link.host.open("build", params)
    try:
        for record in conversation.records(request.timeout, within=request.timeout):
            logged += len(record.data) + RECORD_COST
            if logged > MAX_LOG_BYTES:
                raise UntouchedError(
                    f"The build printed more than {MAX_LOG_BYTES // 1024**2} MiB.",
                    next_step="See what it prints over and over.",
                    detail="\n".join(tail),
                )
            if record.name == "line":
                line(record.text)
                tail = [*tail[-TAIL_LINES + 1 :], record.text]
            elif record.name == "image-id":
                image_id = record.text
    except ProgramFailed as failure:
        found = fault(failure.kind, failure.message, tail, request.docker, request.user)
        raise UntouchedError(
            found.what, next_step=found.next_step, detail="\n".join(tail)
        ) from failure
    except TimeoutError as error:
        raise UntouchedError(
            f"The build did not end within {request.timeout:.0f} s.",
            next_step="Raise rollout.build_timeout, or see what the build waits for.",
            detail="\n".join(tail),
        ) from error
    finally:
        conversation.close()
    if not image_id:
        raise UntouchedError(
            "The build ended without an image.",
            next_step="deployctl doctor",
            detail="\n".join(tail),
        )
    return image_id


def tag(link: Link, docker: tuple[str, ...], image_id: str, reference: str) -> None:
    """Gives an image that is on the host the reference of this release."""
    try:
        link.host.run(
            "tag",
            {"DOCKER": "\n".join(docker), "IMAGE_ID": image_id, "REFERENCE": reference},
            timeout=30.0,
        )
    except ProgramFailed as failure:
        raise UntouchedError(
            f"The image {image_id} can't be tagged {reference}: {failure.message}",
            next_step="deployctl hotfix --rebuild builds it again.",
        ) from failure
