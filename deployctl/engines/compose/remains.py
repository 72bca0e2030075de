"""What a host knows of a Compose file that is broken: its containers, and the files of before.

`take` talks to the host; the rest is pure.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployctl.composefile.reconstruct import Running
from deployctl.engines.compose.survey import Survey
from deployctl.host.connection import Answer, Host
from deployctl.host.failures import understood

TIMEOUT = 60.0
HIDDEN = re.compile(r"\[[A-Za-z_][A-Za-z0-9_]*\]")
DEFAULT_SHM = 64 * 1024**2
UNITS = ((3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"))

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """A file as it was live with a release."""

    release: str
    path: str
    data: bytes


@dataclass(frozen=True)
class Remains:
    running: tuple[Running, ...]
    recorded: tuple[Recorded, ...]
    """oldest first"""


def take(host: Host, survey: Survey, public: Sequence[str]) -> Remains:
    """Raises ProgramFailed, also for an answer that can't be understood."""
    answer = host.run(
        "remains",
        {
            "DOCKER": "\n".join(survey.docker),
            "PROJECT": survey.project,
            "PUBLIC": "\n".join(public),
            "STATE_DIR": survey.state_dir,
        },
        timeout=TIMEOUT,
    )
    with understood("remains"):
        return parse(answer, survey.project)


def parse(answer: Answer, project: str) -> Remains:
    """Raises ValueError for an answer that is none."""
    try:
        return _parse(answer, project)
    except (AttributeError, TypeError) as error:
        raise ValueError("a container's description has another form") from error


def _parse(answer: Answer, project: str) -> Remains:
    images = {str(image.get("id")): image for image in _lines(answer.text("images", ""))}
    heads = (head.decode().partition("\t") for head in answer.all("recorded"))
    return Remains(
        running(_lines(answer.text("containers", "")), images, project),
        tuple(
            Recorded(release, path, data)
            for (release, _, path), data in zip(heads, answer.all("recorded-bytes"), strict=True)
        ),
    )


def running(
    containers: Sequence[Raw], images: Mapping[str, Raw], project: str
) -> tuple[Running, ...]:
    """One a service, by the first of its containers."""
    services: dict[str, list[Raw]] = {}
    for container in sorted(containers, key=lambda raw: str(raw.get("name"))):
        service = str(container.get("service") or "")
        if service and container.get("oneoff") != "True":
            services.setdefault(service, []).append(container)
    return tuple(
        _running(service, found, images.get(str(found[0].get("imageId")), {}), project)
        for service, found in sorted(services.items())
    )


def _running(service: str, found: Sequence[Raw], image: Raw, project: str) -> Running:
    first = found[0]
    settings = {
        key: value
        for key, value in _settings(first, image, service, project).items()
        if value not in (None, "", [], {}, False)
    }
    reference = str(first.get("image") or "")
    own = set(image.get("env") or [])
    return Running(
        service=service,
        container=str(first.get("name", "")).lstrip("/"),
        image="" if reference.startswith("sha256:") else reference,
        count=len(found),
        settings=settings,
        environment=tuple(sorted(set(first.get("env") or []) - own)),
        secret=frozenset(k for k, v in settings.items() if HIDDEN.search(json.dumps(v))),
        built="com.docker.compose.service" in (image.get("labels") or {}),
    )


def _settings(raw: Raw, image: Raw, service: str, project: str) -> dict[str, Any]:
    """In Compose's words, in the order in which people write them."""
    host: Raw = raw.get("host") or {}
    labels: Raw = raw.get("labels") or {}
    shm = int(host.get("ShmSize") or 0)
    return {
        "container_name": _own_name(raw, service, project),
        "hostname": None
        if str(raw.get("id", "")).startswith(str(raw.get("hostname") or "-"))
        or host.get("NetworkMode") == "host"
        else raw.get("hostname"),
        "entrypoint": _other(raw, image, "entrypoint"),
        "command": _other(raw, image, "cmd"),
        "user": _other(raw, image, "user"),
        "working_dir": _other(raw, image, "workdir"),
        "depends_on": _depends_on(str(raw.get("dependsOn") or "")),
        "ports": _ports(raw.get("published") or {}),
        "volumes": _volumes(raw, project),
        "network_mode": host.get("NetworkMode")
        if host.get("NetworkMode") in {"host", "none"}
        else None,
        "networks": _networks(raw, project),
        "healthcheck": _health(_other(raw, image, "health")),
        "restart": _restart(host.get("RestartPolicy") or {}),
        "labels": {
            key: value
            for key, value in labels.items()
            if not key.startswith("com.docker.compose.")
            and (image.get("labels") or {}).get(key) != value
        },
        "mem_limit": str(host["Memory"]) if host.get("Memory") else None,
        "cpus": (host.get("NanoCpus") or 0) / 1e9,
        "shm_size": str(shm) if shm not in (0, DEFAULT_SHM) else None,
        "privileged": host.get("Privileged"),
        "read_only": host.get("ReadonlyRootfs"),
        "init": host.get("Init"),
        "tty": raw.get("tty"),
        "stdin_open": raw.get("stdin"),
        "cap_add": host.get("CapAdd"),
        "cap_drop": host.get("CapDrop"),
        "security_opt": host.get("SecurityOpt"),
        "extra_hosts": host.get("ExtraHosts"),
        "dns": host.get("Dns"),
    }


def _own_name(raw: Raw, service: str, project: str) -> str | None:
    name = str(raw.get("name", "")).lstrip("/")
    usual = rf"(?:[0-9a-f]{{12}}_)?{re.escape(project)}[-_]{re.escape(service)}[-_]\d+"
    return None if re.fullmatch(usual, name) else name


def _other(raw: Raw, image: Raw, key: str) -> Any:
    """What the container has and its image did not give it."""
    return raw.get(key) if raw.get(key) != image.get(key) else None


def _depends_on(label: str) -> dict[str, Any]:
    """It says `postgres:service_healthy:false`, with commas between several."""
    found = {}
    for entry in label.split(","):
        name, _, rest = entry.partition(":")
        condition, _, restart = rest.partition(":")
        if name and condition:
            found[name] = {
                "condition": condition, **({"restart": True} if restart == "true" else {}),
            }  # fmt: skip
    return found


def _ports(published: Raw) -> list[str]:
    found = []
    for inner, bindings in published.items():
        number, _, protocol = str(inner).partition("/")
        end = "" if protocol in ("", "tcp") else f"/{protocol}"
        for binding in bindings or []:
            address, port = str(binding.get("HostIp") or ""), str(binding.get("HostPort") or "")
            shown = f"[{address}]" if ":" in address else address
            found.append(":".join(part for part in (shown, port, number) if part) + end)
    return found


def _volumes(raw: Raw, project: str) -> list[str]:
    found = []
    for mount in raw.get("mounts") or []:
        name = str(mount.get("Name") or "")
        if mount.get("Type") == "volume":
            if re.fullmatch(r"[0-9a-f]{64}", name):
                continue  # the image's own
            source = name.removeprefix(f"{project}_")
        elif mount.get("Type") == "bind":
            source = str(mount.get("Source"))
        else:
            continue
        end = "" if mount.get("RW", True) else ":ro"
        found.append(f"{source}:{mount.get('Destination')}{end}")
    return found


def _networks(raw: Raw, project: str) -> list[str]:
    names = [str(name) for name in raw.get("networks") or {}]
    if set(names) <= {f"{project}_default", "host", "none"}:
        return []
    return [name.removeprefix(f"{project}_") for name in names]


def _health(raw: Raw | None) -> dict[str, Any]:
    if not raw:
        return {}
    times = {
        "interval": "Interval", "timeout": "Timeout", "start_period": "StartPeriod",
        "start_interval": "StartInterval",
    }  # fmt: skip
    found: dict[str, Any] = {"test": raw["Test"]} if raw.get("Test") else {}
    found |= {key: duration(int(raw[name])) for key, name in times.items() if raw.get(name)}
    return found | ({"retries": raw["Retries"]} if raw.get("Retries") else {})


def duration(nanoseconds: int) -> str:
    """`1m30s`, as Compose writes it."""
    text = ""
    for size, unit in UNITS:
        count, nanoseconds = divmod(nanoseconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _restart(policy: Raw) -> str | None:
    name, most = str(policy.get("Name") or "no"), int(policy.get("MaximumRetryCount") or 0)
    if name == "no":
        return None
    return f"{name}:{most}" if name == "on-failure" and most else name


def _lines(text: str) -> list[dict[str, Any]]:
    """ValueError for a line that describes nothing: what it told of must not look gone."""
    found = [json.loads(line) for line in text.split("\n") if line.strip()]
    if not all(isinstance(value, dict) for value in found):
        raise ValueError("a description is no object")
    return found
