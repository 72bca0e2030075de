"""Settings of every gate: one frozen model a type, told apart by `type`.

A gate named after a known type (`health:`, `metrics:` …) needs no `type:`; see `default_type`.
Durations are written `250ms`, `10s`, `2m`, `1h` or as a number of seconds; they are float seconds
here. Sizes are bytes.
"""

import re
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

MIB = 1024 * 1024

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_ADDRESS = re.compile(r"published(?::(\d{1,5}))?|container:(\d{1,5})")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SERIES = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(
    r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)', re.DOTALL
)

Via = Literal["host", "client"]
Mode = Literal["required", "advisory"]


def _seconds(value: object) -> object:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if not match:
            raise ValueError('a duration is written like "250ms", "10s", "2m" or "1h"')
        return float(match[1]) * _UNITS[match[2]]
    if isinstance(value, bool):
        raise ValueError('a duration is written like "250ms", "10s", "2m" or "1h"')  # noqa: TRY004
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86400, allow_inf_nan=False)]


def _address(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if not match or not all(0 < int(port) < 65536 for port in match.groups() if port):
        raise ValueError(
            'an address is "published", "published:PORT" (the container\'s port) or '
            '"container:PORT"'
        )
    return value


def _path(value: str) -> str:
    if not value.startswith("/") or re.search(r"[\s#\x00-\x1f\x7f]", value):
        raise ValueError('a path starts with "/" and has no spaces and no "#"')
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("a URL starts with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong in a URL: use basic_env or bearer_env")
    if parts.fragment or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("a URL has no fragment and no spaces")
    parts.port  # noqa: B018  (raises ValueError for a port that is no port)
    return value


def _base_url(value: str) -> str:
    if urlsplit(value).query:
        raise ValueError("the address of a Prometheus server has no query string")
    return _url(value).rstrip("/")


def _env_name(value: str) -> str:
    if not _ENV_NAME.fullmatch(value):
        raise ValueError("this is the name of an environment variable, not its value")
    return value


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            raise ValueError(f"the value of header {name} has a control character")
        if name.lower() in {"authorization", "cookie"}:
            raise ValueError(f"{name} is a secret: use bearer_env or basic_env")
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return value


def parse_series(text: str) -> tuple[str, tuple[tuple[str, str, str], ...]]:
    """`http_requests_total{method="GET"}` as its name and (label, operator, value) matchers.

    Raises ValueError for anything that is not such a selector.
    """
    match = _SERIES.fullmatch(text)
    if not match:
        raise ValueError(f'{text!r} is not a series such as name or name{{label="value"}}')
    inside = (match[2] or "").strip()
    matchers = []
    while inside:
        found = _MATCHER.match(inside)
        if not found:
            raise ValueError(f'{text!r}: labels are written as {{label="value"}}')
        value = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], found[3])
        if "~" in found[2]:
            _regex(value)
        matchers.append((found[1], found[2], value))
        inside = inside[found.end() :].strip()
    return match[1], tuple(matchers)


def _series(value: str) -> str:
    parse_series(value)
    return value


Address = Annotated[str, AfterValidator(_address)]
UrlPath = Annotated[str, AfterValidator(_path)]
Url = Annotated[str, AfterValidator(_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
EnvName = Annotated[str, AfterValidator(_env_name)]
Headers = Annotated[dict[str, str], AfterValidator(_headers)]
Regex = Annotated[str, AfterValidator(_regex)]
Series = Annotated[str, AfterValidator(_series)]
HttpStatus = Annotated[int, Field(ge=100, le=599)]


class _Gate(BaseModel):
    """What every gate has."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )

    mode: Mode = Field(
        default="required",
        description="required: anything but pass rolls back. advisory: only reported.",
    )
    service: str | None = Field(
        default=None, description="The service this gate is about; default: the first of services."
    )
    timeout: Seconds = Field(default=5.0, description="Total time for one look.")
    interval: Seconds = Field(default=1.0, description="Time between two looks.")


class _Http(_Gate):
    """How to speak to an HTTP server, and as whom."""

    via: Via = Field(
        default="host",
        description="host: through the SSH connection, as seen from the host. client: directly.",
    )
    headers: Headers = Field(default_factory=dict, description="Sent as given; Host is allowed.")
    bearer_env: EnvName | None = Field(
        default=None, description="Environment variable that holds a bearer token."
    )
    basic_env: EnvName | None = Field(
        default=None, description="Environment variable that holds user:password."
    )
    ca_file: str | None = Field(default=None, description="Certificate authorities to trust (PEM).")
    insecure: bool = Field(
        default=False,
        description="Do not verify the server's certificate. Shown in every verdict.",
    )

    @model_validator(mode="after")
    def _one_identity(self) -> "_Http":
        if self.bearer_env and self.basic_env:
            raise ValueError("give bearer_env or basic_env, not both")
        if self.ca_file and self.insecure:
            raise ValueError("give ca_file or insecure, not both")
        return self


class _Endpoint(_Http):
    """An HTTP endpoint of the service: by where its container listens, or by an absolute URL."""

    address: Address = Field(
        default="published",
        description="published, published:CONTAINER_PORT or container:PORT.",
    )
    scheme: Literal["http", "https"] = "http"
    path: UrlPath = "/"
    url: Url | None = Field(default=None, description="Absolute; instead of address and path.")
    max_bytes: int = Field(default=10 * MIB, gt=0, le=1024 * MIB, description="Largest body read.")

    @model_validator(mode="after")
    def _one_place(self) -> "_Endpoint":
        both = {"address", "scheme", "path"} & self.model_fields_set
        if self.url and both:
            raise ValueError(f"url already says it all: remove {', '.join(sorted(both))}")
        if self.via == "client" and not self.url and self.address.startswith("container:"):
            raise ValueError("a container's own address is reachable via: host only")
        return self


class _Threshold(BaseModel):
    """Bounds of a number; all that are given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    min: float | None = None
    max: float | None = None
    equals: float | None = None

    @property
    def bounds(self) -> tuple[tuple[str, float], ...]:
        pairs = ((">=", self.min), ("<=", self.max), ("==", self.equals))
        return tuple((sign, value) for sign, value in pairs if value is not None)

    @model_validator(mode="after")
    def _possible(self) -> "_Threshold":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is greater than max: nothing could pass")
        return self


class ContainerGateSettings(_Gate):
    """Docker's own view: always on, whether or not it is written down."""

    type: Literal["container"] = "container"
    interval: Seconds = 0.5
    max_restarts: int = Field(
        default=0, ge=0, description="Restarts by Docker that are still accepted."
    )


class HealthGateSettings(_Endpoint):
    """The service's health endpoint."""

    type: Literal["health"] = "health"
    path: UrlPath = "/health"
    interval: Seconds = 0.25
    status: HttpStatus = 200
    json_subset: JsonValue | None = Field(
        default=None,
        alias="json",
        description="The JSON answer must contain this; lists must be equal.",
    )
    contains: str | None = Field(default=None, min_length=1, description="Text in the body.")


class HttpGateSettings(_Endpoint):
    """A request of the user's own."""

    type: Literal["http"] = "http"
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    body: str | None = None
    status: HttpStatus | tuple[HttpStatus, ...] = 200
    json_subset: JsonValue | None = Field(default=None, alias="json")
    contains: str | None = Field(default=None, min_length=1)
    matches: Regex | None = Field(default=None, description="Regular expression found in the body.")
    max_latency: Seconds | None = Field(default=None, description="Slowest answer accepted.")

    @model_validator(mode="after")
    def _some_status(self) -> "HttpGateSettings":
        if self.status == ():
            raise ValueError("status: at least one is expected")
        return self


class MetricsGateSettings(_Endpoint):
    """The service's own exposition, read as Prometheus reads it."""

    type: Literal["metrics"] = "metrics"
    path: UrlPath = "/metrics"
    require: tuple[Series, ...] = Field(
        default=(), description='Series that must be there: name or name{label="value"}.'
    )
    allow_lost: bool | tuple[str, ...] = Field(
        default=False,
        description="Families of before the rollout that may be missing: true for any, or names.",
    )
    fallback: Literal["text", "openmetrics"] | None = Field(
        default=None, description="Format to assume for a blank or unknown content type."
    )


class PrometheusGateSettings(_Http):
    """A Prometheus server's target: proven to be scraped from the new container."""

    type: Literal["prometheus"] = "prometheus"
    url: BaseUrl = Field(description="Where Prometheus is; a path prefix is kept.")
    job: str | None = Field(default=None, min_length=1, description="The target's job.")
    pool: str | None = Field(default=None, min_length=1, description="The scrape pool.")
    instance: str | None = Field(
        default=None, min_length=1, description="Instance label, address or scrape URL."
    )
    expected: int | None = Field(
        default=None, ge=1, description="Targets that must match; default: one a replica."
    )
    revision_label: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$",
        description="Label of any series of the target that holds the commit.",
    )
    scrape_interval: Seconds | None = Field(
        default=None, description="Only for servers that do not tell it (before 2.30)."
    )
    interval: Seconds | None = Field(  # type: ignore[assignment]
        default=None, description="Time between two looks; default: from the scrape interval."
    )

    @model_validator(mode="after")
    def _some_target(self) -> "PrometheusGateSettings":
        if not (self.job or self.pool):
            raise ValueError("job or pool says which target is meant")
        return self


class QueryGateSettings(_Http, _Threshold):
    """An instant PromQL query with a threshold that every series of the answer must hold."""

    type: Literal["query"] = "query"
    url: BaseUrl
    query: str = Field(min_length=1)

    @model_validator(mode="after")
    def _some_bound(self) -> "QueryGateSettings":
        if not self.bounds:
            raise ValueError("min, max or equals is needed to judge the answer")
        return self


class CommandGateSettings(_Gate):
    """A shell command of the user's own, run on the host."""

    type: Literal["command"] = "command"
    run: str = Field(min_length=1)
    exit_code: int = Field(default=0, ge=0, le=255)
    matches: Regex | None = Field(default=None, description="Regular expression found in stdout.")
    number: _Threshold | None = Field(
        default=None, description="stdout is a number within min, max, equals."
    )
    timeout: Seconds = 10.0

    @model_validator(mode="after")
    def _some_bound(self) -> "CommandGateSettings":
        if self.number is not None and not self.number.bounds:
            raise ValueError("number: min, max or equals is expected")
        return self


class TcpGateSettings(_Gate):
    """A service that does not speak HTTP: it accepts a connection and keeps it."""

    type: Literal["tcp"] = "tcp"
    via: Via = "host"
    address: Address | None = Field(
        default=None, description="published, published:CONTAINER_PORT or container:PORT."
    )
    endpoint: str | None = Field(
        default=None,
        pattern=r"^(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}$",
        description="HOST:PORT, instead of address.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> "TcpGateSettings":
        if self.address and self.endpoint:
            raise ValueError("give address or endpoint, not both")
        if self.endpoint and not 0 < int(self.endpoint.rpartition(":")[2]) < 65536:
            raise ValueError("endpoint: a port is a number from 1 to 65535")
        if self.via == "client" and (self.address or "").startswith("container:"):
            raise ValueError("a container's own address is reachable via: host only")
        return self


AnyGateSettings = (
    ContainerGateSettings
    | HealthGateSettings
    | HttpGateSettings
    | MetricsGateSettings
    | PrometheusGateSettings
    | QueryGateSettings
    | CommandGateSettings
    | TcpGateSettings
)
GateSettings = Annotated[AnyGateSettings, Field(discriminator="type")]

GATE_TYPES: tuple[str, ...] = tuple(
    model.model_fields["type"].default for model in get_args(AnyGateSettings)
)


def default_type(name: str) -> str | None:
    """The type of a gate that gives none: its name, when that is a known type."""
    return name if name in GATE_TYPES else None


def with_type(name: str, raw: Any) -> Any:
    """A gate's raw settings with `type` filled in from its name where that is possible."""
    if isinstance(raw, dict) and "type" not in raw and default_type(name):
        return {"type": name, **raw}
    return raw
