"""What `docker inspect` said of containers, read strictly: it may say anything. Pure."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from deployctl.host.facts import ContainerState, PublishedPort

_METER = re.compile(r"% Total .*|Dload +Upload .*|[\d. kMG]+(?:[-\d]+:[-\d:]+ *){3}[\d. kMG]*")


def _none_is(default: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value is None else value)


Text = Annotated[str, _none_is("")]
Number = Annotated[int, _none_is(0)]
HostPort = Annotated[int, BeforeValidator(lambda value: value or 0), Field(ge=0, le=65535)]
"""empty where Docker has published none yet"""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class _Check(_Part):
    exit_code: Number = Field(0, alias="exitCode")
    output: Text = ""


class _State(_Part):
    status: Text = Field("", alias="Status")
    started_at: Text = Field("", alias="StartedAt")
    exit_code: Number = Field(0, alias="ExitCode")
    oom_killed: Annotated[bool, _none_is(False)] = Field(False, alias="OOMKilled")
    health: Text = Field("", alias="Health")


class _Network(_Part):
    address: Text = Field("", alias="IPAddress")


class _Binding(_Part):
    host_ip: Text = Field("", alias="HostIp")
    host_port: HostPort = Field(0, alias="HostPort")


class _Asked(_Part):
    host_port: Text = Field("", alias="HostPort")
    """a number, a range of them, or empty"""


class _Inspected(_Part):
    """One line of INSPECT and WORDS (programs/docker.sh)."""

    id: str = Field(min_length=1)
    name: Text = ""
    service: Text = ""
    oneoff: Text = ""
    image_id: Text = Field("", alias="imageId")
    image_ref: Text = Field("", alias="imageRef")
    created: Text = ""
    state: Annotated[_State, _none_is({})] = Field(None, validate_default=True)
    restart_count: Number = Field(0, alias="restartCount")
    restart_policy: Text = Field("", alias="restartPolicy")
    config_hash: Text = Field("", alias="configHash")
    network_mode: Text = Field("", alias="networkMode")
    networks: Annotated[dict[str, _Network | None], _none_is({})] = Field(default_factory=dict)
    ports: Annotated[dict[str, tuple[_Binding, ...] | None], _none_is({})] = Field(
        default_factory=dict
    )
    asked: Annotated[dict[str, tuple[_Asked, ...] | None], _none_is({})] = Field(
        default_factory=dict
    )
    error: Text = ""
    health: Annotated[tuple[_Check, ...], _none_is(())] = ()


def parse_containers(lines: str) -> tuple[ContainerState, ...]:
    """Parses the output of `inspect_scrubbed` (programs/docker.sh), one JSON object a line.

    A container of `docker compose run` is none of its service's, and is left out.
    Raises ValueError for what is no container: to take it for one that isn't there would let a
    host that answers nonsense look like one where nothing runs.
    """
    found = [_read(line) for line in lines.split("\n") if line.strip()]
    states = [_container(raw) for raw in found if raw.oneoff != "True"]
    return tuple(sorted(states, key=lambda state: (state.service, state.id)))


def _read(line: str) -> _Inspected:
    try:
        return _Inspected.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "docker inspect"
        raise ValueError(f"{place}: {first['msg']}") from None


def _container(raw: _Inspected) -> ContainerState:
    state = raw.state
    return ContainerState(
        id=raw.id,
        name=raw.name.lstrip("/"),
        service=raw.service,
        image_id=raw.image_id,
        image_ref=raw.image_ref,
        status=state.status,
        started_at=_docker_time(state.started_at),
        created_at=_docker_time(raw.created),
        exit_code=state.exit_code,
        restart_count=raw.restart_count,
        oom_killed=state.oom_killed,
        health=state.health or "none",
        health_log=tuple(
            f"exit {check.exit_code}: {without_meter(check.output)}" for check in raw.health
        ),
        config_hash=raw.config_hash,
        network_mode=raw.network_mode,
        addresses={
            name: network.address if network else "" for name, network in raw.networks.items()
        },
        ports=tuple(_ports(raw)),
        restart_policy=raw.restart_policy or "no",
        error=raw.error,
    )


def _ports(raw: _Inspected) -> list[PublishedPort]:
    return [
        PublishedPort(
            container_port=_port_number(number),
            protocol=protocol or "tcp",
            host_ip=binding.host_ip,
            host_port=binding.host_port,
            fixed=str(binding.host_port) in {each.host_port for each in raw.asked.get(inner) or ()},
        )
        for inner, bindings in raw.ports.items()
        for number, _, protocol in (inner.partition("/"),)
        for binding in bindings or ()
    ]


def _port_number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text):
        raise ValueError("ports: a container's port is no number")
    return int(text)


def without_meter(output: str) -> str:
    """A health check's output without the progress meter of `curl`, the most usual of them."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", output)]
    return "\n".join(line for line in lines if line and not _METER.fullmatch(line))


def _docker_time(text: str) -> datetime | None:
    """RFC 3339 with nanoseconds, as Docker prints it; None for Docker's year 1 (`never`)."""
    if not text or text.startswith("0001-"):
        return None
    head, dot, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}{dot}{rest[:6]}+00:00" if dot else f"{head}+00:00")
