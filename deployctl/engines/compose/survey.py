"""What the host says before a rollout: one exchange, parsed into values.

`take` is the only function here that talks to the host; the parsing is pure.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines import host_journal
from deployctl.engines.compose import drift
from deployctl.engines.compose.inspected import parse_containers
from deployctl.engines.compose.refusals import refusal
from deployctl.engines.releases import ReleaseRecord, read_record
from deployctl.evidence.marks import Marks
from deployctl.host.connection import Answer, Host, ProgramFailed
from deployctl.host.facts import ContainerState
from deployctl.host.failures import understood

SURVEY_TIMEOUT = 60.0
_DRY_RUN = re.compile(r"Container (\S+)\s+([A-Z][a-z]+)")
_HALF_MADE = re.compile(r"^[0-9a-f]{12}_")
NO_REASON = "Compose gives no reason that can be shown"
STARTS = ("Created", "Starting", "Started")
"""what Compose says of a container that it leaves as it is, but starts"""
ALWAYS_TOLD = (
    "user", "docker", "project", "project-dir", "compose-words", "containers",
    "config", "dry-run", "info", "state-dir",
)  # fmt: skip
"""records without which an answer was cut: what isn't told must not look like what isn't there"""
TIDYING = "clean-up"
"""the phase of a run in which retention removes what went out of use (programs/tidy.sh)"""
CLIENT_GONE_AFTER = 15
"""seconds without a heartbeat after which a run's client counts as gone"""


Probe = Literal["keep", "undo", "no"]
Guard = Literal["root-unit", "user-unit", "cron", "none"]
"""what goes on with a run that a restart of the host cut off (programs/guard.sh)"""
GUARDS: tuple[Guard, ...] = ("root-unit", "user-unit", "cron", "none")


@dataclass(frozen=True)
class ComposeSource:
    """One Compose file of the project as it lies on the host."""

    path: str
    real_path: str
    sha256: str
    mode: str
    owner: str
    group: str
    writable: str
    """yes, no, owner (files can be made there, but not with the file's owner), or read-only"""
    data: bytes
    broken: bytes | None = None
    """what lies there, where `data` is its reconstruction"""


@dataclass(frozen=True)
class Space:
    """Free space of a file system; inodes are -1 where the file system doesn't count them."""

    free_bytes: int
    free_inodes: int


@dataclass(frozen=True)
class Unfinished:
    """A run that was armed and neither confirmed nor rolled back."""

    run_id: str
    state: str
    about: Mapping[str, Any]
    silent_s: int
    """seconds since its client was last heard of, by the host's uptime"""
    left_s: int = 0
    """seconds until the host puts it back by itself; negative when that is past"""
    step: str = ""
    """the last step that the host wrote down before it began it"""


@dataclass(frozen=True)
class Left:
    """What a run has left in place, or may have, without having proven it good."""

    run_id: str
    release: ReleaseRecord


@dataclass(frozen=True)
class Settled:
    """The run that last changed what is live: it was confirmed, or put back."""

    run_id: str
    ago_s: float


@dataclass(frozen=True)
class Survey:
    services: tuple[str, ...]
    user: str
    docker: tuple[str, ...]
    engine_version: str
    compose_version: str
    buildx: bool
    docker_root: str
    project: str
    project_dir: str
    compose_words: tuple[str, ...]
    files: tuple[ComposeSource, ...]
    containers: tuple[ContainerState, ...]
    config_error: str
    """what Compose says about the files as they are; empty when it accepts them"""
    rendered_images: tuple[str, ...]
    dry_run: str
    """what Compose would do on `up` of the untouched file, dependencies included"""
    dry_run_alone: str
    """the same with `--no-deps`; empty where the first left everything alone"""
    state_dir: str
    live: str
    """number of the live release (`r3`), or empty"""
    live_since: datetime | None
    """when it last became the live one, by the host's clock"""
    releases: tuple[ReleaseRecord, ...]
    unfinished: tuple[Unfinished, ...]
    lock_holder: Mapping[str, Any] | None
    built: Mapping[str, str]
    """build digest -> ID of the image on the host that carries it"""
    docker_space: Space | None
    state_space: Space | None
    live_by: str = ""
    """who last made the live release that; empty where it is not on record"""
    last_run: str = ""
    """the last line of the host's history, or empty"""
    left: tuple[Left, ...] = ()
    """of the runs that the host still has the directories of"""
    differences: tuple[str, ...] = ()
    """where there is drift: a line a service, with the settings that differ"""
    unset_variables: tuple[str, ...] = ()
    """variables that Compose looks for in the files and finds nowhere"""
    tmp_unusable: str = ""
    """the directory for temporary files, where nothing can be written there"""
    docker_root_read_only: bool = False
    guard: Guard = "none"
    images_gone: frozenset[str] = frozenset()
    """IDs of images of containers that don't run: they were removed under them"""
    engine_mark: str = ""
    """another one after each start of Docker's, where that can be told"""
    last_build_bytes: int = 0
    """by how much the last build filled Docker's disk; 0 where that isn't known"""
    journal: host_journal.Seen = host_journal.NOTHING
    """what the host's journal says as yet"""
    settled: Settled | None = None
    """how what is live became so, where a run of this boot made it"""
    state_nowhere: str = ""
    """the shared state directory, where neither it nor one beside the Compose file can be made"""

    @property
    def abandoned(self) -> tuple[Unfinished, ...]:
        """Unfinished runs whose job or client has gone, or whose rollback failed.

        A negative silence is another boot's.
        """
        holder = None if self.lock_holder is None else self.lock_holder.get("runId")
        return tuple(
            run
            for run in self.unfinished
            if run.run_id != holder
            or not 0 <= run.silent_s <= CLIENT_GONE_AFTER
            or run.state.startswith("rollback_failed")
        )

    @property
    def tidying(self) -> bool:
        """The lock is held for what a run does once it is confirmed: a matter of moments."""
        return self.locked and (self.lock_holder or {}).get("phase") == TIDYING

    @property
    def locked(self) -> bool:
        """A live client's run holds the lock."""
        holder = (self.lock_holder or {}).get("runId")
        return self.lock_holder is not None and holder not in {run.run_id for run in self.abandoned}

    @property
    def drift(self) -> tuple[str, ...]:
        """What `up` of the untouched file would do to its services; empty if nothing.

        That it would start one which doesn't run is no drift: such a one is a valid start.
        """
        return () if self.config_error else self._moved(self._decisive)

    @property
    def untold(self) -> str:
        """Why it can't be told whether there is drift; empty where it can."""
        return "" if self.config_error else self._untold(self._decisive)

    @property
    def _decisive(self) -> str:
        """A container was made with its dependencies or without: the dry run that knows it."""
        first, second = self.dry_run, self.dry_run_alone
        fine = not self._moved(first) and not self._untold(first)
        return first if fine or not second.strip() else second

    def _moved(self, dry_run: str) -> tuple[str, ...]:
        running = self._running_names(self.containers)
        resting = {plain(c.name) for c in self.containers} - running
        moved: dict[str, str] = {}
        for name, verb in disturbances(dry_run):
            if name in self._our_names and not (name in resting and verb in STARTS):
                moved.setdefault(name, f"{name}: {verb}")
        return tuple(moved.values())

    @property
    def drift_before(self) -> tuple[str, ...]:
        """Where there is drift: the dependencies that `up` would make anew before our services.

        Compose makes those anew that depend on one, whatever they are themselves.
        """
        there = {plain(c.name) for c in self.containers} - self._our_names
        moved = {name: verb for name, verb in disturbances(self.dry_run) if verb == "Recreate"}
        told = tuple(f"{name}: {verb}" for name, verb in moved.items() if name in there)
        return told if self.drift else ()

    def _untold(self, dry_run: str) -> str:
        """A dry run counts only if it speaks of every container of ours that runs.

        Of one that Docker is just starting again Compose says nothing, unless it would make it
        anew: one that crash-loops may be that at any moment.
        """
        there = spoken(dry_run)
        ours = [c for c in self.containers if c.service in self.services and not c.restart_count]
        missing = sorted(self._running_names(ours) - there)
        if there and not missing:
            return ""
        failed = "\n".join(line for line in dry_run.split("\n") if not _DRY_RUN.search(line))
        if failed.strip():
            return f"its dry run failed: {failed.strip()[-300:]}"
        return f"its dry run says nothing of {', '.join(missing) or 'any container'}"

    @staticmethod
    def _running_names(containers: Iterable[ContainerState]) -> set[str]:
        return {plain(c.name) for c in containers if c.status == "running"}

    @property
    def up_words(self) -> tuple[str, ...]:
        """`--no-deps` where a plain `up` would not leave the dependencies alone.

        A plain `up` is better: it labels the container as a person's own `docker compose up -d`
        would, so that such a one changes nothing afterwards. But a dependency that has drifted,
        stopped or is unhealthy must not be touched, nor stand in the way. A very first start makes
        those that aren't there yet; where nothing of the project runs, there is nothing to protect.
        """
        if not any(c.status == "running" for c in self.containers):
            return ()
        others = self._disturbed_others(self.dry_run)
        if not any(self.containers_of(service) for service in self.services):
            there = {f"{plain(c.name)}: " for c in self.containers}
            others = tuple(line for line in others if line.startswith(tuple(there)))
        ill = any(c.status != "running" or c.health == "unhealthy" for c in self._others)
        return ("--no-deps",) if others or ill else ()

    @property
    def _others(self) -> tuple[ContainerState, ...]:
        there = spoken(self.dry_run)
        return tuple(
            c for c in self.containers if c.service not in self.services and plain(c.name) in there
        )

    def _disturbed_others(self, dry_run: str) -> tuple[str, ...]:
        return tuple(
            f"{name}: {verb}" for name, verb in disturbances(dry_run) if name not in self._our_names
        )

    @property
    def _our_names(self) -> frozenset[str]:
        return frozenset(plain(c.name) for c in self.containers if c.service in self.services)

    def services_with(self, names: Collection[str]) -> tuple[str, ...]:
        """The services whose containers have one of the plain `names`."""
        found = {c.service for c in self.containers if c.service and plain(c.name) in names}
        return tuple(sorted(found))

    @property
    def running(self) -> tuple[str, ...]:
        """The IDs of the containers that run, the oldest first: those that others depend on."""
        alive = (c for c in self.containers if c.status in ("running", "restarting"))
        born = sorted(alive, key=lambda c: c.created_at or datetime.max.replace(tzinfo=UTC))
        return tuple(c.id for c in born)

    def containers_of(self, service: str) -> tuple[ContainerState, ...]:
        return tuple(c for c in self.containers if c.service == service)

    def restorable(self, service: str) -> tuple[ContainerState, ...]:
        """Its containers; none where one is down and its image gone: nothing goes back to that."""
        found = self.containers_of(service)
        gone = any(c.status != "running" and c.image_id in self.images_gone for c in found)
        return () if gone else found


def take(
    host: Host,
    settings: Settings,
    *,
    probe_write: Probe,
    marks: Marks | None = None,
    journal_bytes: int = 0,
) -> Survey:
    """Asks the host. Raises RefusedError when it can't take part in a rollout at all.

    `probe_write`: `keep` proves that the files can be replaced, and makes the state directory;
    `undo` proves it and leaves nothing behind. `marks` learns what is secret in the containers.
    `journal_bytes` of the host's journal are known here: their digest comes back.
    """
    try:
        answer = host.run(
            "survey",
            {
                "DOCKER_WORDS": "\n".join(docker_words(settings.host)),
                "PROJECT": settings.compose.project or settings.project or "",
                "SERVICES": "\n".join(settings.services),
                "DIRECTORY": settings.compose.directory or "",
                "FILES": "\n".join(settings.compose.files or ()),
                "STATE_DIR": settings.host.state_dir or "",
                "STATE_GROUP": settings.host.operators_group or "",
                "PROBE_WRITE": probe_write,
                "PUBLIC": "\n".join(settings.public),
                "MARK_KEYS": marks.keys if marks is not None else "",
                "JOURNAL_BYTES": str(journal_bytes),
            },
            timeout=SURVEY_TIMEOUT,
        )
        with understood("survey"):
            for name in ALWAYS_TOLD:
                answer.bytes(name)
            found = parse(answer, settings.services)
            if marks is not None:
                marks.learn(answer.text("marks"))
    except ProgramFailed as failure:
        raise refusal(failure.kind, failure.message, host.label) from failure
    if not found.drift:
        return found
    moved, before = (
        found.services_with({line.partition(":")[0] for line in lines})
        for lines in (found.drift, found.drift_before)
    )
    words = (found.docker, found.compose_words, found.project, (*before, *moved))
    return replace(found, differences=drift.ask(host, *words))


def docker_words(settings: HostSettings) -> tuple[str, ...]:
    """The configured Docker command; empty for `docker`, else `sudo -n docker`, as the host has."""
    words = tuple((settings.docker or "").split())
    if settings.docker_context:
        return (*(words or ("docker",)), "--context", settings.docker_context)
    if settings.docker_host:
        return (*(words or ("docker",)), "--host", settings.docker_host)
    return words


def parse(answer: Answer, services: tuple[str, ...]) -> Survey:
    """Raises ValueError for an answer that is none, RefusedError for a damaged record."""
    info = _Engine.model_validate_json(answer.text("info", "").strip() or "{}")
    plugins = {plugin.name: plugin.version or "" for plugin in info.plugins or ()}
    config = answer.text("config", "")
    held = answer.text("lock-held", "") if "lock-held" in answer else None
    return Survey(
        services=services,
        user=answer.text("user", ""),
        docker=tuple(answer.text("docker", "docker").split("\n")),
        engine_version=info.version or "",
        compose_version=plugins.get("compose", ""),
        buildx="buildx" in plugins,
        docker_root=info.root or "",
        project=answer.text("project", ""),
        project_dir=answer.text("project-dir", ""),
        compose_words=tuple(answer.text("compose-words", "").split("\n")),
        files=_files(answer),
        containers=parse_containers(answer.text("containers", "")),
        config_error="" if config == "ok" else _without_warnings(config.strip()) or NO_REASON,
        rendered_images=tuple(answer.text("images", "").split()),
        dry_run=answer.text("dry-run", ""),
        dry_run_alone=answer.text("dry-run-alone", ""),
        state_dir=answer.text("state-dir", ""),
        live=answer.text("live", "").strip(),
        live_since=_since(answer.text("live-since", "")),
        live_by=answer.text("live-by", "").strip(),
        images_gone=frozenset(answer.text("images-gone", "").split()),
        engine_mark=answer.text("engine-mark", ""),
        last_run=answer.text("last-run", ""),
        releases=tuple(read_record(data) for data in answer.all("release")),
        unfinished=_unfinished(answer),
        left=_left(answer),
        lock_holder=None if held is None else _holder(held, answer.text("lock-phase", "")),
        built=_built(answer.text("built", "")),
        docker_space=_space(answer.text("disk-root", "")),
        state_space=_space(answer.text("disk-state", "")),
        unset_variables=tuple(answer.text("unset", "").split()),
        tmp_unusable=answer.text("tmp-unusable", ""),
        docker_root_read_only="root-read-only" in answer,
        guard=_guard(answer.text("guard", "none")),
        settled=_settled(answer.text("settled", "")),
        state_nowhere=answer.text("state-nowhere", ""),
        journal=host_journal.parse(answer),
        last_build_bytes=_bytes(answer.text("last-build", "")),
    )


def plain(name: str) -> str:
    """A container's name without what Compose puts before it while it makes it anew."""
    return _HALF_MADE.sub("", name)


def spoken(dry_run: str) -> frozenset[str]:
    """The containers that a dry run of `up` speaks of, by their plain names."""
    return frozenset(plain(match[1]) for match in _DRY_RUN.finditer(dry_run))


def disturbances(dry_run: str) -> tuple[tuple[str, str], ...]:
    """(container, verb) for each container that a dry run of `up` would not leave as it is."""
    harmless = {"Running", "Waiting", "Healthy", "Exited"}
    found = []
    for match in _DRY_RUN.finditer(dry_run):
        name, verb = plain(match[1]), match[2]
        if verb not in harmless:
            found.append((name, verb))
    return tuple(dict.fromkeys(found))


def _files(answer: Answer) -> tuple[ComposeSource, ...]:
    columns: Iterable[tuple[bytes, ...]] = zip(
        *(
            answer.all(name)
            for name in (
                "file", "file-real", "file-sha", "file-stat", "file-writable", "file-bytes",
            )
        ),
        strict=True,
    )  # fmt: skip
    files = []
    for path, real, sha, stat, writable, data in columns:
        mode, owner, group = [*stat.decode().split(), "", "", ""][:3]
        files.append(
            ComposeSource(
                path=path.decode(),
                real_path=real.decode(),
                sha256=sha.decode(),
                mode=mode,
                owner=owner,
                group=group,
                writable=writable.decode(),
                data=data,
            )
        )
    return tuple(files)


def _without_warnings(said: str) -> str:
    """What Compose refuses the file for, without what it merely remarks on."""
    errors = [line for line in said.split("\n") if "level=warning" not in line]
    return "\n".join(errors).strip() or said


def _since(epoch: str) -> datetime | None:
    return datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else None


def _unfinished(answer: Answer) -> tuple[Unfinished, ...]:
    runs = []
    suffixes = ("", "-about", "-silent", "-left", "-step")
    columns = (answer.all(f"unfinished{suffix}") for suffix in suffixes)
    for head, about, silent, left, step in zip(*columns, strict=True):
        run_id, _, state = head.decode().partition(" ")
        runs.append(
            Unfinished(
                run_id=run_id,
                state=state,
                about=read_about(about.decode("utf-8", "replace")),
                silent_s=int(silent),
                left_s=int(left),
                step=step.decode("utf-8", "replace"),
            )
        )
    return tuple(runs)


def _left(answer: Answer) -> tuple[Left, ...]:
    found = zip(answer.all("left"), answer.all("left-release"), strict=True)
    return tuple(Left(run_id.decode(), read_record(record)) for run_id, record in found)


def _guard(text: str) -> Guard:
    for known in GUARDS:
        if text == known:
            return known
    raise ValueError(f"{text!r} is no guard")


def _holder(about: str, phase: str) -> dict[str, Any]:
    """Who holds the lock, and what that run is about."""
    return {**read_about(about), "phase": phase.strip()}


def _settled(text: str) -> Settled | None:
    run_id, _, ago = text.strip().partition(" ")
    return Settled(run_id, float(ago)) if run_id else None


def _built(text: str) -> dict[str, str]:
    """A digest on two images says nothing: an image that was built on another has its labels."""
    pairs = [line.split(" ", 1) for line in text.split("\n") if " " in line]
    counts = Counter(digest for _, digest in pairs)
    return {digest: image_id for image_id, digest in pairs if counts[digest] == 1}


def _bytes(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _space(text: str) -> Space | None:
    """`stat -f -c '%a %S %d %c'`: free blocks, block size, free inodes, all inodes."""
    fields = text.split()
    if len(fields) != 4 or not all(re.fullmatch("[0-9]{1,20}", part) for part in fields):
        return None
    blocks, size, free, total = (int(part) for part in fields)
    return Space(free_bytes=blocks * size, free_inodes=free if total else -1)


def read_about(text: str) -> dict[str, Any]:
    """What a run wrote of itself, as far as it is plain values; empty when it can't be read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: item for name, item in value.items() if isinstance(item, str | int | None)}


class _Plugin(BaseModel):
    name: str = Field("", alias="Name")
    version: str | None = Field("", alias="Version")


class _Engine(BaseModel):
    """What `docker info` says of itself (INFO in programs/survey.sh)."""

    version: str | None = ""
    root: str | None = ""
    plugins: tuple[_Plugin, ...] | None = ()
