"""What the survey says against a rollout. Pure: a survey in, refusals and warnings out."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployctl.engines.compose.survey import Survey
from deployctl.errors import UNTOUCHED, RefusedError

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


def judge(
    survey: Survey, services: Sequence[str], *, accept_drift: bool, may_recover: bool = False
) -> tuple[Finding, ...]:
    """Every check, in the order in which a person would want to read them.

    `may_recover`: this run puts an abandoned one back first, so that one is no fault.
    """
    if may_recover and survey.abandoned:
        return ()
    return (
        _compose_version(survey),
        *(_service(survey, service) for service in services),
        _config(survey),
        _drift(survey, accept_drift=accept_drift),
        *_writable(survey),
        *_space(survey),
        _unfinished(survey),
    )


def raise_for(findings: Sequence[Finding]) -> None:
    """Raises RefusedError that names every failed check."""
    bad = [finding for finding in findings if not finding.ok]
    if not bad:
        return
    armed = any(finding.name == ARMED for finding in bad)
    raise RefusedError(
        " ".join(finding.detail for finding in bad),
        production="This command touched nothing; the unfinished run's release may be serving."
        if armed
        else UNTOUCHED,
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
    return tuple(dict.fromkeys(found))


def _compose_version(survey: Survey) -> Finding:
    match = re.search(r"(\d+)\.(\d+)", survey.compose_version)
    found = (int(match[1]), int(match[2])) if match else (0, 0)
    wanted = ".".join(map(str, OLDEST_COMPOSE))
    return Finding(
        "compose",
        found >= OLDEST_COMPOSE and "podman" not in survey.compose_version.lower(),
        f"Docker Compose v{wanted} or newer is needed on the host; it says "
        f"{survey.compose_version or 'nothing'}.",
        "Install the docker-compose-plugin package on the host.",
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
    return Finding(
        "compose file",
        not message,
        f"Compose refuses the file as it is on the host: {message}",
        "deployctl compose diagnose names the faults; mend the file on the host first.",
    )


def _drift(survey: Survey, *, accept_drift: bool) -> Finding:
    lines = "; ".join(survey.drift) or _dry_run_error(survey)
    return Finding(
        "drift",
        accept_drift or not lines,
        "The running containers are not what the Compose file says: `docker compose up` of the "
        f"untouched file would not leave them alone ({lines}). Somebody edited the file or an "
        "env file without applying it, or started the container in another way.",
        "Apply or undo that edit first, or say why it may go along: --accept-drift --reason TEXT",
    )


def _dry_run_error(survey: Survey) -> str:
    """A dry run that speaks of no container at all did not do its work."""
    if survey.config_error or "Container" in survey.dry_run:
        return ""
    return f"its dry run failed: {survey.dry_run.strip()[-300:]}"


def _writable(survey: Survey) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            f"write {source.path}",
            source.writable == "yes",
            f"{source.real_path} can't be replaced by {survey.user} with its owner and group "
            f"({source.owner}:{source.group}) and its mode kept."
            if source.writable == "owner"
            else f"No file can be made and renamed in the directory of {source.real_path} by "
            f"{survey.user}.",
            f"Give {survey.user} the file and write access to its directory, or set another "
            "`user:` for this target.",
        )
        for source in survey.files
    )


def _space(survey: Survey) -> tuple[Finding, ...]:
    places = {survey.docker_root: survey.docker_space, survey.state_dir: survey.state_space}
    return tuple(
        Finding(
            f"space {place}",
            space.free_bytes >= MIN_FREE_BYTES
            and (space.free_inodes < 0 or space.free_inodes >= MIN_FREE_INODES),
            f"Too little space at {place}: {space.free_bytes // 1024**2} MiB and "
            f"{space.free_inodes} inodes are free, {MIN_FREE_BYTES // 1024**2} MiB and "
            f"{MIN_FREE_INODES} are needed.",
            "Free some (docker system df shows what Docker holds).",
        )
        for place, space in places.items()
        if space is not None
    )


def _unfinished(survey: Survey) -> Finding:
    runs = survey.abandoned
    told = ", ".join(f"{run.run_id} ({run.state.split(' ')[0]})" for run in runs)
    return Finding(
        ARMED,
        not runs,
        f"An earlier run was neither confirmed nor rolled back: {told}.",
        "deployctl rollback puts back what held before it; deployctl status shows it.",
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
