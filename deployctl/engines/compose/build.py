"""Ship a packed commit to the host and build its image there."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from deployctl.config.settings import SourceSettings
from deployctl.engines.compose.build_fault import fault
from deployctl.engines.compose.job_line import JobGoneError
from deployctl.errors import UNTOUCHED, DeployctlError, UnreachableError, UntouchedError
from deployctl.host.connection import Conversation, ProgramFailed
from deployctl.host.conversation import RECORD_COST
from deployctl.host.link import Link
from deployctl.source import Package

LABEL = "io.deployctl"
TAIL_LINES = 25
MAX_LOG_BYTES = 64 * 1024 * 1024
PATIENCE = 30.0
"""seconds beyond the build's time in which the host must say that it is over"""


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
    state_group: str
    docker_root: str
    timeout: float
    """seconds, kept by the host"""


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
) -> None:
    """Uploads the package, from where an earlier attempt was cut off.

    Raises LinkLostError, AnswerTimeoutError, and UntouchedError when the host can't take it.
    """
    remote = remote_archive(state_dir, package)
    try:
        link.host.upload(package.path, remote, progress=progress, timeout=timeout)
    except ProgramFailed as failure:
        raise UntouchedError(
            f"The source could not be sent to the host: {failure.message}",
            next_step="See what the state directory lacks there (df -h, df -i), then run this "
            "again.",
        ) from failure


def remote_archive(state_dir: str, package: Package) -> str:
    return f"{state_dir}/upload/{package.archive_sha256.removeprefix('sha256:')}.tar.gz"


class Build:
    """One build on the host. It goes on there while nobody reads what it says."""

    def __init__(
        self,
        package: Package,
        request: BuildRequest,
        line: Callable[[str], None],
    ) -> None:
        """`line` gets each line of the log."""
        self._package = package
        self._request = request
        self._line = line
        self._tail: list[str] = []
        self._logged = 0
        self._read = 0
        self._run = ""

    def follow(self, link: Link, run: str) -> str:
        """Builds in the run of that directory, or reads on where the link was lost: the image ID.

        Raises LinkLostError and JobGoneError, after which it may be called again, and
        UntouchedError with the log's tail.
        """
        if run != self._run:
            self._run, self._read = run, 0
        conversation = link.host.open("build", self._params(run))
        try:
            image_id = self._hear(conversation)
            with suppress(UnreachableError, ProgramFailed):
                conversation.send("read")  # else it is kept until the run's job has gone
        except ProgramFailed as failure:
            raise self._failed(failure) from failure
        except TimeoutError as error:
            raise self._late() from error
        finally:
            conversation.close()
        if not image_id:
            raise self._untouched("The build ended without an image.", "deployctl doctor")
        return image_id

    def _hear(self, conversation: Conversation) -> str:
        """The host ends it in time; we only stop waiting for a host that doesn't."""
        image_id, longest = "", self._request.timeout + PATIENCE
        for record in conversation.records(longest, within=longest):
            self._read += record.size
            self._logged += len(record.data) + RECORD_COST
            if self._logged > MAX_LOG_BYTES:
                raise self._untouched(
                    f"The build printed more than {MAX_LOG_BYTES // 1024**2} MiB.",
                    "See what it prints over and over.",
                )
            if record.name == "line":
                self._line(record.text)
                self._tail = [*self._tail[-TAIL_LINES + 1 :], record.text]
            elif record.name == "image-id":
                image_id = record.text
        return image_id

    def _failed(self, failure: ProgramFailed) -> DeployctlError:
        if failure.kind == "no-job":
            return JobGoneError("The host's job has ended, and with it the build.")
        if failure.kind == "late":
            return self._late()
        request = self._request
        found = fault(failure.kind, failure.message, self._tail, request.docker, request.user)
        return self._untouched(found.what, found.next_step, found.production)

    def _late(self) -> UntouchedError:
        return self._untouched(
            f"The build did not end within {self._request.timeout:.0f} s.",
            "Raise rollout.build_timeout, or see what the build waits for.",
        )

    def _untouched(self, what: str, next_step: str, production: str = UNTOUCHED) -> UntouchedError:
        return UntouchedError(
            what, production=production, next_step=next_step, detail="\n".join(self._tail)
        )

    def _params(self, run: str) -> dict[str, str]:
        package, request = self._package, self._request
        settings = request.settings
        params = {
            "RUN": run,
            "TIMEOUT": str(math.ceil(request.timeout)),
            "READ": str(self._read),
            "DOCKER": "\n".join(request.docker),
            "ARCHIVE": remote_archive(request.state_dir, package),
            "SHA256": package.archive_sha256.removeprefix("sha256:"),
            "WORK": f"{request.state_dir}/upload/{run.rpartition('/')[2]}",
            "IMAGE": request.image,
            "DOCKERFILE": package.dockerfile,
            "OUTSIDE": package.outside,
            "STAGE": settings.stage or "",
            "PLATFORM": settings.platform or "",
            "LABELS": "\n".join(f"{name}={value}" for name, value in request.labels.items()),
            "ARGS": "\n".join(f"{name}={value}" for name, value in settings.build_args.items()),
            "SECRETS": "\n".join(request.secrets),
            "BUILDX": "1" if request.buildx else "0",
            "ROOT": request.docker_root,
            "STATE_GROUP": request.state_group,
        }
        for number, value in enumerate(request.secrets.values(), 1):
            params[f"SECRET_{number}"] = value
        return params


def tag(
    link: Link,
    docker: tuple[str, ...],
    image_id: str,
    reference: str,
    *,
    run: str,
    state_group: str,
) -> None:
    """Gives an image that is on the host the reference of this release.

    `run` is the directory of the run there, in whose name it is noted, for retention.
    """
    try:
        link.host.run(
            "tag",
            {
                "DOCKER": "\n".join(docker),
                "IMAGE_ID": image_id,
                "REFERENCE": reference,
                "RUN": run,
                "STATE_GROUP": state_group,
            },
            timeout=30.0,
        )
    except ProgramFailed as failure:
        raise UntouchedError(
            f"The image {image_id} can't be tagged {reference}: {failure.message}",
            next_step="deployctl hotfix --rebuild builds it again.",
        ) from failure
