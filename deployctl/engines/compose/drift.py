"""In which settings a service's container is not what its Compose file says, field by field.

`ask` talks to the host; the comparison is pure. Values of environment and command never come here:
the host tells digests of them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployctl.host.connection import Answer, Host, ProgramFailed
from deployctl.host.failures import understood

TIMEOUT = 30.0
OTHER = "a setting that deployctl doesn't compare, such as a label"
HEALTH = {
    "interval": "Interval", "timeout": "Timeout", "retries": "Retries",
    "start period": "StartPeriod", "start interval": "StartInterval",
}  # fmt: skip
UNITS = {"h": 3600e9, "m": 60e9, "s": 1e9, "ms": 1e6, "us": 1e3, "µs": 1e3, "ns": 1}
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Fields:
    """A service's settings in a form that file and container have in common.

    Digests stand for the values of `environment` and for the words of the commands. `networks` is
    None where the service shares another container's.
    """

    image: str
    image_id: str
    """of the image that `image` names now, or of the one that runs"""
    environment: Mapping[str, str]
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    ports: frozenset[str]
    mounts: frozenset[str]
    networks: frozenset[str] | None
    plain: Mapping[str, str]
    """restart policy, memory limit, user, working directory"""
    health: Mapping[str, str]
    """of the health check; its command as digests"""


def ask(
    host: Host,
    docker: Sequence[str],
    compose_words: Sequence[str],
    project: str,
    services: Sequence[str],
) -> tuple[str, ...]:
    """A line a service that differs. Empty where the host can't tell: this explains, no more."""
    params = {
        "DOCKER": "\n".join(docker),
        "COMPOSE_WORDS": "\n".join(compose_words),
        "PROJECT": project,
        "SERVICES": "\n".join(services),
    }
    try:
        answer = host.run("fields", params, timeout=TIMEOUT)
        with understood("fields"):
            return told(answer)
    except (ProgramFailed, TimeoutError):
        return ()


def told(answer: Answer) -> tuple[str, ...]:
    columns = ([data.decode("utf-8", "replace") for data in answer.all(name)]
               for name in ("service", "file", "container", "image"))  # fmt: skip
    found = {}
    for service, file, container, image in zip(*columns, strict=True):
        own = tree(image)
        found[service] = differences(
            of_file(tree(file), service, own), of_container(tree(container))
        )
    known = [service for service, differing in found.items() if differing]
    other = follows(known) if known else OTHER
    return tuple(f"{service}: {'; '.join(lines) or other}" for service, lines in found.items())


def follows(services: Sequence[str]) -> str:
    names = ", ".join(services)
    return f"nothing that deployctl compares (Compose makes anew what depends on {names})"


def tree(rows: str) -> dict[str, Any]:
    """Lines of names and a JSON value, tabs between, as nested mappings; a list is one as well."""
    root: dict[str, Any] = {}
    for row in rows.split("\n"):
        *names, text = row.split("\t")
        if not names:
            continue
        try:
            value = json.loads(text)
        except ValueError:
            continue
        node = root
        for name in names[:-1]:
            inner = node.get(name)
            node = node.setdefault(name, {}) if isinstance(inner, dict) or inner is None else {}
        node[names[-1]] = value
    return root


def of_file(rendered: Tree, service: str, image: Tree) -> Fields:
    """What Compose makes of the file, on top of what the image brings."""
    own = _at(rendered, "services", service)
    brought = _at(image, "Config")
    entrypoint, command = _words(own.get("entrypoint")), _words(own.get("command"))
    limits = _at(own, "deploy", "resources", "limits")
    return Fields(
        image=str(own.get("image") or ""),
        image_id=str(image.get("Id") or ""),
        environment={**_texts(brought.get("Env")), **_texts(own.get("environment"))},
        # Whoever sets the entrypoint loses the image's command.
        command=command or (() if entrypoint else _words(brought.get("Cmd"))),
        entrypoint=entrypoint or _words(brought.get("Entrypoint")),
        ports=frozenset(
            _port(port.get("host_ip"), port.get("published"), port.get("target"),
                  port.get("protocol"))
            for port in _items(own.get("ports"))
        ),
        mounts=frozenset(_mounts_of_file(rendered, own)),
        networks=_networks_of_file(rendered, own),
        plain=_plain(
            own.get("restart"), own.get("mem_limit") or limits.get("memory"),
            own.get("user") or brought.get("User"),
            own.get("working_dir") or brought.get("WorkingDir"),
        ),
        health=_health(_in_engine_words(_at(own, "healthcheck")), _at(brought, "Healthcheck")),
    )  # fmt: skip


def of_container(inspected: Tree) -> Fields:
    config, host = _at(inspected, "Config"), _at(inspected, "HostConfig")
    policy = _at(host, "RestartPolicy")
    most = policy.get("MaximumRetryCount")
    restart = f"{policy.get('Name')}:{most}" if most else policy.get("Name")
    shared = str(host.get("NetworkMode") or "").startswith("container:")
    return Fields(
        image=str(config.get("Image") or ""),
        image_id=str(inspected.get("Image") or ""),
        environment=_texts(config.get("Env")),
        command=_words(config.get("Cmd")),
        entrypoint=_words(config.get("Entrypoint")),
        ports=frozenset(
            _port(binding.get("HostIp"), binding.get("HostPort"), *_split(inner))
            for inner, bindings in _at(host, "PortBindings").items()
            for binding in _items(bindings)
        ),
        mounts=frozenset(
            _mount(
                mount.get("Type"), mount.get("Name") or mount.get("Source"),
                mount.get("Destination"), writable=mount.get("RW") is not False,
            )
            for mount in _items(inspected.get("Mounts"))
            if mount.get("Type") in {"volume", "bind"}
        ),
        networks=None if shared else frozenset(_at(inspected, "NetworkSettings", "Networks")),
        plain=_plain(restart, host.get("Memory"), config.get("User"), config.get("WorkingDir")),
        health=_health(_at(config, "Healthcheck"), {}),
    )  # fmt: skip


def differences(file: Fields, live: Fields) -> tuple[str, ...]:
    """What differs, for people; names of variables, and no value of one."""
    return tuple(_differences(file, live))


def _differences(file: Fields, live: Fields) -> Iterator[str]:
    if file.image != live.image:
        yield f"image ({file.image or 'none'} in the file, {live.image} in the container)"
    elif file.image_id and file.image_id != live.image_id:
        yield f"image ({file.image} is another one now than the one that runs)"
    # What an image brings is only known of one that is on the host.
    if file.image_id or not file.image:
        yield from _with_image(file, live)
    if not any("-" in port.partition("->")[0] for port in file.ports):  # a range: any of it
        yield from _sets("ports", file.ports, live.ports)
    yield from _sets("mounts", file.mounts, _expected(live.mounts, file.mounts))
    if file.networks is not None and live.networks is not None:
        yield from _sets("networks", file.networks, live.networks)


def _with_image(file: Fields, live: Fields) -> Iterator[str]:
    environment = list(_environment(file.environment, live.environment))
    if environment:
        yield f"environment ({', '.join(environment)})"
    if file.command != live.command:
        yield "command"
    if file.entrypoint != live.entrypoint:
        yield "entrypoint"
    for name, wanted in file.plain.items():
        if wanted != live.plain[name]:
            yield _both(name, wanted, live.plain[name])
    health = [
        name if name == "test" else _both(name, wanted, live.health[name])
        for name, wanted in file.health.items()
        if wanted != live.health[name]
    ]
    if health:
        yield f"health check: {', '.join(health)}"


def _both(name: str, file: str, live: str) -> str:
    return f"{name} ({file or 'none'} in the file, {live or 'none'} in the container)"


def _environment(file: Mapping[str, str], live: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*file, *live}):
        if name not in live:
            yield f"{name} only in the file"
        elif name not in file:
            yield f"{name} only in the container"
        elif file[name] != live[name]:
            yield f"{name} has another value"


def _sets(name: str, file: frozenset[str], live: frozenset[str]) -> Iterator[str]:
    only = [f"{each} only in the file" for each in sorted(file - live)]
    only += [f"{each} only in the container" for each in sorted(live - file)]
    if only:
        yield f"{name} ({', '.join(only)})"


def _expected(live: frozenset[str], file: frozenset[str]) -> frozenset[str]:
    """Without what the file need not name: volumes of the image, and secrets."""
    return frozenset(
        mount
        for mount in live
        if mount in file or not (mount.startswith("a volume at ") or " at /run/secrets/" in mount)
    )


def _mounts_of_file(rendered: Tree, own: Tree) -> Iterator[str]:
    for volume in _items(own.get("volumes")):
        source = str(volume.get("source") or "")
        if volume.get("type") == "volume":
            source = str(_at(rendered, "volumes", source).get("name") or source)
        if volume.get("type") in {"volume", "bind"}:
            writable = volume.get("read_only") is not True
            yield _mount(volume["type"], source, volume.get("target"), writable=writable)


def _networks_of_file(rendered: Tree, own: Tree) -> frozenset[str] | None:
    mode = str(own.get("network_mode") or "")
    if mode:
        return frozenset({mode}) if mode in {"host", "none"} else None
    return frozenset(
        str(_at(rendered, "networks", name).get("name") or name) for name in _at(own, "networks")
    )


def _plain(restart: Any, memory: Any, user: Any, directory: Any) -> dict[str, str]:
    return {
        "restart policy": str(restart or "no"),
        "memory limit": str(memory or "") if str(memory) != "0" else "",
        "user": str(user or ""),
        "working directory": str(directory or ""),
    }


def _health(own: Tree, brought: Tree) -> dict[str, str]:
    """As the engine has it: what isn't set is the image's; without a test there is none."""
    test = _words(own.get("Test")) or _words(brought.get("Test"))
    if not test or test[0] == "NONE" or own.get("disable") is True:
        return {"test": "", **dict.fromkeys(HEALTH, "")}
    found = {name: str(own.get(key) or brought.get(key) or "") for name, key in HEALTH.items()}
    return {"test": "\0".join(test), **found}


def _in_engine_words(own: Tree) -> dict[str, Any]:
    """A rendered health check; a time of it as nanoseconds."""
    times = ("interval", "timeout", "start_period", "start_interval")
    found = {HEALTH[name.replace("_", " ")]: _nanoseconds(own.get(name)) for name in times}
    named = {"Test": own.get("test"), "Retries": own.get("retries")}
    return {**found, **named, "disable": own.get("disable")}


def _nanoseconds(text: Any) -> int:
    """Of `1m30s`, as Compose renders a time."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)", str(text or ""))
    return sum(round(float(number) * UNITS[unit]) for number, unit in parts)


def _mount(kind: Any, source: Any, target: Any, *, writable: bool) -> str:
    named = str(source or "")
    told = "a volume" if kind == "volume" and (not named or _ANONYMOUS.fullmatch(named)) else named
    return f"{told} at {target}{'' if writable else ', read-only'}"


def _port(address: Any, published: Any, target: Any, protocol: Any) -> str:
    port = "" if str(published or "0") == "0" else str(published)
    place = "" if address in (None, "0.0.0.0") else f"{address}:"  # noqa: S104 - as Docker writes it
    return f"{place}{port}->{target}/{protocol or 'tcp'}"


def _split(inner: str) -> tuple[str, str]:
    number, _, protocol = inner.partition("/")
    return number, protocol


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        return tuple(str(value[place]) for place in sorted(value, key=int))
    return ()


def _items(value: Any) -> list[Tree]:
    if not isinstance(value, Mapping):
        return []
    return [item for item in value.values() if isinstance(item, Mapping)]


def _texts(value: Any) -> dict[str, str]:
    """An unset variable of the file is None, and not in the container."""
    if not isinstance(value, Mapping):
        return {}
    return {str(name): str(text) for name, text in value.items() if text is not None}


def _at(node: Tree, *names: str) -> Tree:
    for name in names:
        inner = node.get(name)
        node = inner if isinstance(inner, Mapping) else {}
    return node
