"""Settings of every gate: one frozen model a type, told apart by `type`.

A gate named after a known type (`health:`, `metrics:` …) needs no `type:`; see `default_type`.
Durations are float seconds, sizes are bytes.
"""

import re
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, model_validator

from deployctl.config.durations import Duration, PositiveDuration
from deployctl.config.fields import (
    EnvName,
    HttpPath,
    LabelName,
    LocalPath,
    ServiceName,
    without_nul,
)
from deployctl.config.section import Section

MIB = 1024 * 1024

_ADDRESS = re.compile(r"published(?::(\d{1,5}))?|container:(\d{1,5})")
_HOST_PORT = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SERIES = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(
    r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)', re.DOTALL
)

Via = Literal["host", "client"]
Mode = Literal["required", "advisory"]


def _address(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if not match or not all(0 < int(port) < 65536 for port in match.groups() if port):
        raise ValueError(
            'expected "published", "published:PORT" (the container\'s port) or "container:PORT"'
        )
    return value


def web_url(value: str) -> str:
    """An absolute address for HTTP. ValueError, which doesn't repeat it."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:  # its words repeat the address, with whatever secret stands in it
        raise ValueError("expected a URL whose host and port can be read") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected a URL that begins with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected a URL without credentials: use basic_env or bearer_env")
    if parts.fragment or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("expected a URL without a fragment and without spaces")
    return value


def _base_url(value: str) -> str:
    address = web_url(value)
    if urlsplit(address).query:
        raise ValueError("expected the server's address, without a query string")
    return address.rstrip("/")


def _endpoint(value: str) -> str:
    match = _HOST_PORT.fullmatch(value)
    if not match or not 0 < int(match[1]) < 65536:
        raise ValueError("expected HOST:PORT, such as db.internal:5432 or [::1]:5432")
    return value


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("expected header names of letters, digits and -")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            raise ValueError(f"expected values without control characters, in {name}")
        if name.lower() in {"authorization", "cookie"}:
            raise ValueError(f"{name} is a secret: use bearer_env or basic_env instead")
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        # Not its own words: they may repeat a part of the pattern.
        where = "" if error.pos is None else f"; character {error.pos + 1} of this one is wrong"
        raise ValueError(f"expected a regular expression{where}") from error
    except (RecursionError, OverflowError) as error:
        raise ValueError(f"expected a regular expression ({error})") from error
    return value


def parse_series(text: str) -> tuple[str, tuple[tuple[str, str, str], ...]]:
    """`http_requests_total{method="GET"}` as its name and (label, operator, value) matchers.

    Raises ValueError for anything that is not such a selector.
    """
    match = _SERIES.fullmatch(text)
    if not match:
        raise ValueError('expected a series: name or name{label="value"}')
    inside = (match[2] or "").strip()
    matchers = []
    while inside:
        found = _MATCHER.match(inside)
        if not found:
            raise ValueError('expected labels written as {label="value"}')
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
Url = Annotated[str, AfterValidator(web_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Headers = Annotated[dict[str, str], AfterValidator(_headers)]
Regex = Annotated[str, AfterValidator(_regex)]
Series = Annotated[str, AfterValidator(_series)]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
HttpStatus = Annotated[int, Field(ge=100, le=599)]


class _Gate(Section):
    """What every gate has."""

    mode: Mode = "required"
    """required: anything but pass rolls back. advisory: only reported."""
    service: ServiceName | None = None
    """The service that this gate is about; default: the first of `services`."""
    timeout: PositiveDuration = 5.0
    """Total time for one look."""
    interval: PositiveDuration = 1.0
    """Time between two looks."""


class _Http(_Gate):
    """How to speak to an HTTP server, and as whom."""

    via: Via = "host"
    """host: through the SSH connection, as the host sees it. client: from this machine."""
    headers: Headers = Field(default_factory=dict)
    """Sent as given. With `Host`, TLS asks for that name and checks the certificate against it.

    Secrets go into bearer_env or basic_env.
    """
    bearer_env: EnvName | None = None
    """The environment variable that holds a bearer token."""
    basic_env: EnvName | None = None
    """The environment variable that holds `user:password`."""
    ca_file: LocalPath | None = None
    """Certificate authorities to trust (PEM), on this machine."""
    insecure: bool = False
    """Don't verify the server's certificate; every verdict then says so."""

    @model_validator(mode="after")
    def _one_identity(self) -> "_Http":
        if self.bearer_env and self.basic_env:
            raise ValueError("expected bearer_env or basic_env, not both")
        if self.ca_file and self.insecure:
            raise ValueError("expected ca_file or insecure, not both")
        return self


class _Endpoint(_Http):
    """An HTTP endpoint of the service: by where its container listens, or by an absolute URL."""

    address: Address = "published"
    """`published`, `published:CONTAINER_PORT` or `container:PORT`."""
    scheme: Literal["http", "https"] = "http"
    path: HttpPath = "/"
    url: Url | None = None
    """An absolute URL, instead of address, scheme and path."""
    max_bytes: int = Field(default=10 * MIB, gt=0, le=1024 * MIB)
    """The largest body that is read."""

    @model_validator(mode="after")
    def _one_place(self) -> "_Endpoint":
        both = {"address", "scheme", "path"} & self.model_fields_set
        if self.url and both:
            raise ValueError(f"url already says it all: remove {', '.join(sorted(both))}")
        if self.via == "client" and not self.url and self.address.startswith("container:"):
            raise ValueError("a container's own address can only be reached with via: host")
        return self


class Bounds(Section):
    """Bounds of a number; all that are given must hold."""

    min: FiniteFloat | None = None
    max: FiniteFloat | None = None
    equals: FiniteFloat | None = None

    @property
    def bounds(self) -> tuple[tuple[str, float], ...]:
        """(sign, value) pairs: `>=`, `<=`, `==`."""
        pairs = ((">=", self.min), ("<=", self.max), ("==", self.equals))
        return tuple((sign, value) for sign, value in pairs if value is not None)

    @model_validator(mode="after")
    def _possible(self) -> "Bounds":
        if not self.bounds:
            raise ValueError("expected min, max or equals")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is greater than max: nothing could pass")
        return self


class ContainerGateSettings(_Gate):
    """Docker's own view; always on, whether or not it is written down."""

    type: Literal["container"] = "container"
    interval: PositiveDuration = 0.5
    max_restarts: int = Field(default=0, ge=0)
    """Restarts by Docker that are still accepted."""


class HealthGateSettings(_Endpoint):
    """The service's health endpoint."""

    type: Literal["health"] = "health"
    path: HttpPath = "/health"
    interval: PositiveDuration = 0.25
    status: HttpStatus = 200
    json_subset: JsonValue | None = Field(default=None, alias="json")
    """The JSON answer must contain this; objects may have more keys, lists must be equal."""
    contains: str | None = Field(default=None, min_length=1)
    """Text that must be in the body."""


class HttpGateSettings(_Endpoint):
    """A request of the user's own."""

    type: Literal["http"] = "http"
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """It is sent again and again until the gate has held: choose one that changes nothing."""
    body: str | None = None
    status: HttpStatus | Annotated[tuple[HttpStatus, ...], Field(min_length=1)] = 200
    json_subset: JsonValue | None = Field(default=None, alias="json")
    contains: str | None = Field(default=None, min_length=1)
    matches: Regex | None = None
    """A regular expression that must be found in the body."""
    max_latency: PositiveDuration | None = None
    """The slowest answer accepted."""


class MetricsGateSettings(_Endpoint):
    """The service's own exposition, read as Prometheus reads it."""

    type: Literal["metrics"] = "metrics"
    path: HttpPath = "/metrics"
    require: tuple[Series, ...] = ()
    """Series that must be there with a finite value: `name` or `name{label="value"}`."""
    allow_lost: bool | tuple[str, ...] = False
    """Families seen before the rollout that may be missing after it: true for any, or names."""
    fallback: Literal["text", "openmetrics"] | None = None
    """The format to assume where the content type is blank or unknown; else that is a failure."""


class PrometheusGateSettings(_Http):
    """A Prometheus server's target, proven to be scraped from the new container."""

    type: Literal["prometheus"] = "prometheus"
    url: BaseUrl
    """Where Prometheus is; a path prefix is kept."""
    job: str | None = Field(default=None, min_length=1)
    pool: str | None = Field(default=None, min_length=1)
    """The scrape pool, where it differs from the job."""
    instance: str | None = Field(default=None, min_length=1)
    """The target's instance label, address or scrape URL."""
    expected: int | None = Field(default=None, ge=1)
    """How many targets must match; default: as many as the service has replicas."""
    revision_label: LabelName | None = None
    """The label, on any series of the target, that holds the commit."""
    scrape_interval: PositiveDuration | None = None
    """Only for servers that don't tell it (Prometheus before 2.30, VictoriaMetrics)."""
    interval: PositiveDuration | None = None  # type: ignore[assignment]
    """Time between two looks; default: from the target's scrape interval."""

    @model_validator(mode="after")
    def _some_target(self) -> "PrometheusGateSettings":
        if not (self.job or self.pool):
            raise ValueError("expected job or pool, to say which target is meant")
        return self


class QueryGateSettings(_Http, Bounds):
    """An instant PromQL query; every series of the answer must be within the bounds."""

    type: Literal["query"] = "query"
    url: BaseUrl
    query: str = Field(min_length=1)
    settle: Duration = 30.0
    """After the switch, until every sample that the query reads is of the new container: a scrape
    interval, and the query's own window."""


class CommandGateSettings(_Gate):
    """A shell command of the user's own, run on the host."""

    type: Literal["command"] = "command"
    run: Annotated[str, AfterValidator(without_nul)] = Field(min_length=1)
    exit_code: int = Field(default=0, ge=0, le=255)
    matches: Regex | None = None
    """A regular expression that must be found in what it prints."""
    number: Bounds | None = None
    """What it prints is one number, within these bounds."""
    timeout: PositiveDuration = 10.0


class TcpGateSettings(_Gate):
    """A service that doesn't speak HTTP: it accepts a connection and keeps it open."""

    type: Literal["tcp"] = "tcp"
    via: Via = "host"
    address: Address | None = None
    """`published` (the default), `published:CONTAINER_PORT` or `container:PORT`."""
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    """HOST:PORT, instead of address."""

    @model_validator(mode="after")
    def _one_place(self) -> "TcpGateSettings":
        if self.address and self.endpoint:
            raise ValueError("expected address or endpoint, not both")
        if self.via == "client" and (self.address or "").startswith("container:"):
            raise ValueError("a container's own address can only be reached with via: host")
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
