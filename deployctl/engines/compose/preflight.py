"""What the survey says against a rollout. Pure: a survey in, refusals and warnings out."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployctl.engines.compose import runs
from deployctl.engines.compose.room import Freeable, mebi, told
from deployctl.engines.compose.survey import ComposeSource, Space, Survey
from deployctl.errors import TOUCHED_NOTHING, UNTOUCHED, RefusedError

ARMED = "armed runs"
MIN_FREE_BYTES = 512 * 1024 * 1024
MIN_FREE_INODES = 10_000
OLDEST_COMPOSE = (2, 18)
"""the first with `--dry-run`, by which Compose itself tells whether the file is what runs"""


@dataclass(frozen=True)
class Finding:
    """One thing that preflight looked at."""

    name: str
    ok: bool
    detail: str
    next_step: str = ""
    held: str = ""
    """what there is to tell where it is as it should be"""


@dataclass(frozen=True)
class Room:
    """Space that is going to be taken."""

    size: int
    """bytes"""
    inodes: int


NOTHING_SENT = Room(0, 0)


def judge(
    survey: Survey,
    services: Sequence[str],
    *,
    accept_drift: bool,
    may_recover: bool = False,
    sent: Room = NOTHING_SENT,
    build: int = 0,
    freeable: Sequence[Freeable] = (),
) -> tuple[Finding, ...]:
    """Every check, in the order in which a person would want to read them.

    `may_recover`: this run puts an abandoned one back first, so that one is no fault. `sent`: what
    the source takes on the host, packed and unpacked. `build`: the bytes that the build is expected
    to take there. `freeable`: what could be freed of Docker's disk, where that was asked.
    """
    if may_recover and survey.abandoned:
        return ()
    version = _compose_version(survey)
    return (
        version,
        _docker_root(survey),
        _temporary(survey, services),
        _state(survey),
        *(_service(survey, service) for service in services),
        _config(survey),
        # What a Compose without dry runs says of one means nothing.
        *((_drift(survey, accept_drift=accept_drift),) if version.ok else ()),
        *_writable(survey),
        *_docker_space(survey, build, freeable),
        *_state_space(survey, sent),
        _unfinished(survey),
    )


def raise_for(findings: Sequence[Finding], survey: Survey) -> None:
    """Raises RefusedError that names every failed check of the survey."""
    bad = [finding for finding in findings if not finding.ok]
    if not bad:
        return
    armed = any(finding.name == ARMED for finding in bad)
    raise RefusedError(
        " ".join(finding.detail for finding in bad),
        production=f"{TOUCHED_NOTHING} {runs.serving(survey)}" if armed else UNTOUCHED,
        next_step=" ".join(dict.fromkeys(f.next_step for f in bad if f.next_step)),
    )


def warnings(survey: Survey, services: Sequence[str]) -> tuple[str, ...]:
    """What a person should know, but what doesn't stop a rollout."""
    found = []
    for service in services:
        for container in survey.containers_of(service):
            if container.restart_policy in {"", "no"}:
                found.append(
                    f"{service} has no restart policy: after a reboot or an engine restart "
                    "nobody starts it again (`restart: unless-stopped`)."
                )
            if container.status != "running":
                found.append(f"{service} is {container.status} before the rollout.")
            elif container.health == "unhealthy":
                found.append(f"{service} is unhealthy before the rollout.")
        if survey.containers_of(service) and not survey.restorable(service):
            found.append(
                f"The image of {service} was removed under it: there is nothing to go back to. A "
                "rollback removes the new container, and leaves the service down."
            )
    found += _left_behind(survey, services)
    if survey.guard == "none":
        found.append(
            "The host offers nothing that would go on with this run after a restart: no systemd "
            "unit (as root, or of a user with linger), no @reboot in a crontab. A run that a "
            "restart cuts off stays as it is until the next deployctl command. "
            "(`loginctl enable-linger` or cron on the host mends this.)"
        )
    return tuple(dict.fromkeys(found))


def _left_behind(survey: Survey, services: Sequence[str]) -> list[str]:
    """Others that run the image which is about to be replaced."""
    found = []
    for service in services:
        own = {c.image_id for c in survey.containers_of(service)}
        same = {
            c.service for c in survey.containers if c.status == "running" and c.image_id in own
        } - {*services, ""}
        if same:
            names = ", ".join(sorted(same))
            found.append(
                f"The image of {service} is also that of {names}, not in `services:`: after the "
                "rollout two versions run side by side, unless it is named there as well."
            )
    return found


def _compose_version(survey: Survey) -> Finding:
    match = re.search(r"(\d+)\.(\d+)", survey.compose_version)
    found = (int(match[1]), int(match[2])) if match else (0, 0)
    wanted = ".".join(map(str, OLDEST_COMPOSE))
    return Finding(
        "compose",
        found >= OLDEST_COMPOSE,
        f"Docker Compose v{wanted} or newer is needed on the host; it says "
        f"{survey.compose_version or 'nothing'}.",
        "Install the docker-compose-plugin package on the host.",
    )


def _docker_root(survey: Survey) -> Finding:
    return Finding(
        "docker data",
        not survey.docker_root_read_only,
        f"Docker's data directory {survey.docker_root} is on a file system that is mounted "
        "read-only: nothing can be built or started.",
        "See why on the host (dmesg; a file system with errors is made read-only), mend it, and "
        "restart Docker.",
    )


def _temporary(survey: Survey, services: Sequence[str]) -> Finding:
    """Without a health check a service can do without: deployctl's own files go elsewhere."""
    checked = [
        service
        for service in services
        if any(c.health not in {"", "none"} for c in survey.containers_of(service))
    ]
    return Finding(
        "temporary files",
        not (survey.tmp_unusable and checked),
        f"Nothing can be written in {survey.tmp_unusable} on the host, so Docker can't run the "
        f"health check of {', '.join(checked)}.",
        f"Free some space there or mount it writable: df -h {survey.tmp_unusable}",
    )


def _state(survey: Survey) -> Finding:
    return Finding(
        "state directory",
        not survey.state_nowhere,
        f"{survey.user} can make a directory for deployctl's state neither at "
        f"{survey.state_nowhere} nor beside the Compose file.",
        f"As root on the host: mkdir -p {survey.state_nowhere} && chown {survey.user} "
        f"{survey.state_nowhere}",
    )


def _service(survey: Survey, service: str) -> Finding:
    containers = survey.containers_of(service)
    images = {c.image_id for c in containers}
    return Finding(
        f"service {service}",
        len(images) <= 1,
        f"The replicas of {service} run different images: {', '.join(sorted(images))}.",
        "Bring them to one release by `docker compose up -d` first.",
    )


def _config(survey: Survey) -> Finding:
    message = survey.config_error.strip()
    next_step = (
        "deployctl compose diagnose names the faults. deployctl hotfix --repair, or deployctl "
        "compose repair, reconstructs the file."
    )
    if re.search(r"env file \S+ not found", message):
        next_step = "Put the environment file back; the Compose file itself is not what is wrong."
    return Finding(
        "compose file",
        not message,
        f"Compose refuses the file as it is on the host: {message}",
        next_step,
    )


def _drift(survey: Survey, *, accept_drift: bool) -> Finding:
    lines = "; ".join((*survey.drift_before, *survey.drift))
    if survey.untold and not lines:
        return Finding(
            "drift",
            accept_drift,
            "Whether the running containers are what the Compose file says can't be told by "
            f"`docker compose up --dry-run`: {survey.untold}.",
            "See what it says on the host, or say why the rollout may go along: --accept-drift "
            "--reason TEXT",
        )
    return Finding(
        "drift",
        accept_drift or not lines,
        "The running containers are not what the Compose file says: `docker compose up` of the "
        f"untouched file would not leave them alone ({lines}).{_differing(survey)} Somebody edited "
        "the file or an env file without applying it, or started the container in another way."
        f"{_unset(survey)}",
        "Apply or undo that edit first, or say why it may go along: --accept-drift --reason TEXT",
    )


def _differing(survey: Survey) -> str:
    return f" What differs: {'. '.join(survey.differences)}." if survey.differences else ""


def _unset(survey: Survey) -> str:
    names = ", ".join(survey.unset_variables)
    return f" Not set on the host: {names} (a shell's variables are gone with it)." if names else ""


def _writable(survey: Survey) -> tuple[Finding, ...]:
    return tuple(writable(survey.user, source) for source in survey.files)


def writable(user: str, source: ComposeSource) -> Finding:
    """Whether the file can be replaced with its owner, group and mode kept."""
    told = {
        "owner": f"{source.real_path} can't be replaced by {user} with its owner and group "
        f"({source.owner}:{source.group}) and its mode kept.",
        "read-only": f"{source.real_path} is on a file system that is mounted read-only.",
    }
    return Finding(
        f"write {source.path}",
        source.writable == "yes",
        told.get(
            source.writable,
            f"No file can be made and renamed in the directory of {source.real_path} by {user}.",
        ),
        "Mount it writable, or name another file by `compose.files`."
        if source.writable == "read-only"
        else f"Give {user} the file and write access to its directory, or set another `user:` for "
        "this target.",
    )


def needed_for(build: int) -> int:
    """Free bytes that Docker's disk must have where the last build took `build`: some more."""
    return max(MIN_FREE_BYTES, build * 6 // 5)


def tight(survey: Survey, build: int) -> bool:
    """Whether Docker's disk can't take such a build, so that it is worth asking what fills it."""
    space = survey.docker_space
    return space is not None and space.free_bytes < needed_for(build)


def _docker_space(survey: Survey, build: int, freeable: Sequence[Freeable]) -> Iterator[Finding]:
    space = survey.docker_space
    if space is None:
        return
    took = f"the last build took {mebi(build)}" if build else ""
    needed = Room(needed_for(build), MIN_FREE_INODES)
    why = f" ({took})" if needed.size > MIN_FREE_BYTES else ""
    steps = " Or: ".join(each.command for each in freeable)
    yield _room(
        survey.docker_root,
        space,
        needed,
        why=f"{why}.{told(freeable)}",
        next_step=f"Free some, on the host: {steps}"
        if steps
        else "Free some (docker system df shows what Docker holds).",
        held=", ".join(filter(None, (f"{mebi(space.free_bytes)} free", took))),
    )


def _state_space(survey: Survey, sent: Room) -> Iterator[Finding]:
    if survey.state_space is None:
        return
    needed = Room(MIN_FREE_BYTES + sent.size, MIN_FREE_INODES + sent.inodes)
    yield _room(
        survey.state_dir,
        survey.state_space,
        needed,
        why=".",
        next_step=f"Free some: df -h {survey.state_dir}",
        held=f"{mebi(survey.state_space.free_bytes)} free",
    )


def _room(
    place: str, space: Space, needed: Room, *, why: str, next_step: str, held: str
) -> Finding:
    return Finding(
        f"space {place}",
        space.free_bytes >= needed.size
        and (space.free_inodes < 0 or space.free_inodes >= needed.inodes),
        f"Too little space at {place}: {mebi(space.free_bytes)} and {space.free_inodes} inodes "
        f"are free, {mebi(needed.size)} and {needed.inodes} are needed{why}",
        next_step,
        held,
    )


def _unfinished(survey: Survey) -> Finding:
    left = survey.abandoned
    told = ", ".join(f"{run.run_id} ({run.state.split(' ')[0]})" for run in left)
    return Finding(
        ARMED,
        not left,
        f"An earlier run was neither confirmed nor rolled back: {told}.",
        runs.choices(left[0]) if left else "",
    )


def image_name(survey: Survey, service: str, configured: str | None) -> str:
    """The image's name without a tag: from the settings, else that of the live container."""
    if configured:
        return configured
    references = [c.image_ref for c in survey.containers_of(service)]
    named = bool(references) and not references[0].startswith("sha256:")
    name = strip_tag(references[0]) if named else ""
    if not name:
        raise RefusedError(
            f"The image name of {service} can't be taken from the live container.",
            next_step="Set `image:` in deployctl.yml.",
        )
    return name


def strip_tag(reference: str) -> str:
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def image_reference(
    name: str,
    short: str,
    digest: str,
    survey: Survey,
    kept: Mapping[str, str],
    *,
    rebuild: bool = False,
) -> str:
    """`name:short`, or with a part of the build digest where that tag belongs to a kept release.

    `kept` maps references of the live and previous releases to their image IDs: such a tag is
    never moved (decision 9), so a rebuild, whose image may differ, always gets a tag of its own.
    """
    plain = f"{name}:{short}"
    marked = f"{plain}-{digest.removeprefix('sha256:')[:8]}"
    numbered = (f"{marked}-{number}" for number in itertools.count(2))
    built = "" if rebuild else survey.built.get(digest, "")
    return next(
        reference
        for reference in itertools.chain((plain, marked), numbered)
        if reference not in kept or (built and built == kept[reference])
    )
