"""The HTTP API of a Prometheus server: asked here, read by pure functions."""

import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from deployctl.config.gates import PrometheusGateSettings, QueryGateSettings
from deployctl.gates.base import CannotObserveError, GateContext, RawAnswer, State
from deployctl.gates.endpoint import shown_body
from deployctl.gates.fetch import (
    Exchange,
    Request,
    fetch,
    identity_headers,
    refused_access,
    verification,
)

LAST_SAMPLES: Final = 2
"""Samples of each series that a range selector gives."""

_NO_NUMBER: Final = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""what reading a number out of JSON of any shape can raise"""

_MAX_BYTES: Final = 32 * 1024 * 1024
_NEVER: Final = "0001-01-01"
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DURATION: Final = re.compile(r"([0-9]{1,12})(ms|[smhdwy])")
_SECONDS: Final = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "y": 31536000.0,
}

_AGENT: Final = (
    "this Prometheus runs in agent mode and can't be queried, so nothing proves that it scraped "
    "the new container: ask the server that it writes to"
)
_NOT_READY: Final[tuple[State, str]] = ("inconclusive", "Prometheus is not ready (status {status})")
_STATUSES: Final[dict[int, tuple[State, str]]] = {
    401: ("error", "Prometheus answers {status}: {access}"),
    403: ("error", "Prometheus answers {status}: {access}"),
    404: ("error", "unsupported: there is no {path} at this address (404)"),
    429: _NOT_READY,
    500: _NOT_READY,
    502: _NOT_READY,
    503: _NOT_READY,
    504: _NOT_READY,
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One active target, as /api/v1/targets tells it."""

    pool: str
    labels: dict[str, str]
    address: str
    url: str
    health: str
    last_error: str
    last_scrape: float | None
    """seconds since the epoch, on Prometheus's clock; None: never scraped"""
    last_scrape_text: str
    interval: float | None
    """seconds; None where the server doesn't tell it"""
    timeout: float | None
    discovered: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.pool} {self.url} {sorted(self.labels.items())}"

    @property
    def name(self) -> str:
        return self.labels.get("instance") or self.url


@dataclass(frozen=True)
class Sample:
    labels: dict[str, str]
    value: float
    at: float


class PrometheusApi:
    """Asks one server within one time limit; keeps the raw answers as evidence.

    Every method raises CannotObserveError when the answer is not what that server would say.
    """

    def __init__(
        self, settings: PrometheusGateSettings | QueryGateSettings, ctx: GateContext
    ) -> None:
        self._settings = settings
        self._ctx = ctx
        self._until = time.monotonic() + settings.timeout
        self._headers = {
            "Accept": "application/json",
            **settings.headers,
            **identity_headers(ctx.env, settings.bearer_env, settings.basic_env),
        }
        self._verify = verification(settings.ca_file, insecure=settings.insecure)
        self.raw: list[RawAnswer] = []

    def targets(self) -> tuple[Target, ...]:
        return read_targets(self._get("/api/v1/targets", {"state": "active"}))

    def dropped(self) -> tuple[Target, ...]:
        """Targets that were discovered and then dropped; of them only the place is known."""
        return read_dropped(self._get("/api/v1/targets", {"state": "dropped"}))

    def time(self) -> float:
        """The server's own clock, in seconds since the epoch."""
        data = self._query("time()")
        try:
            return float(data["result"][1])
        except _NO_NUMBER:
            raise CannotObserveError(
                "error", "Prometheus did not answer time() with a number", raw=tuple(self.raw)
            ) from None

    def instant(self, query: str) -> tuple[Sample, ...]:
        return read_samples(self._query(query))

    def last_samples(self, selector: str, window: float) -> tuple[Sample, ...]:
        """The last raw samples of each series within `window` seconds, with their timestamps.

        A range selector shows when a sample was scraped, as timestamp() would; a plain instant
        query stamps everything with the time of the question.
        """
        return read_samples(self._query(f"{selector}[{max(1, round(window))}s]"))

    def _query(self, query: str) -> Any:
        return self._get("/api/v1/query", {"query": query})

    def _get(self, path: str, parameters: dict[str, str]) -> Any:
        left = max(0.05, self._until - time.monotonic())
        request = Request(
            url=f"{self._settings.url}{path}?{urlencode(parameters)}",
            headers=self._headers,
            verify=self._verify,
            max_bytes=_MAX_BYTES,
            clean=self._ctx.clean,
        )
        exchange = fetch(self._ctx.http(self._settings.via), request, left)
        self.raw.append(exchange.raw)
        return read_answer(exchange, path, refused_access(self._settings), tuple(self.raw))


def read_answer(exchange: Exchange, path: str, access: str, raw: tuple[RawAnswer, ...] = ()) -> Any:
    """The `data` of a successful answer; raises CannotObserveError for anything else.

    `access` says what a refusal for want of credentials means.
    """
    document = _document(exchange)
    verdict = _unreached(exchange) or _refused(exchange, document, path, access)
    if verdict is None:
        return document["data"]
    state, reason = verdict
    status = [str(exchange.status)] if exchange.status is not None else []
    seen = ", ".join([*status, *filter(None, [shown_body(exchange)])])
    raise CannotObserveError(state, reason, observed=seen or "nothing", raw=raw)


def _unreached(exchange: Exchange) -> tuple[State, str] | None:
    if exchange.fault is None:
        return None
    if exchange.fault.kind == "redirect":
        return "error", f"this is not Prometheus's API: {exchange.fault.text}"
    if exchange.fault.kind == "tls":
        return "error", f"Prometheus: {exchange.fault.text}"
    return "inconclusive", f"Prometheus: {exchange.fault.text}"


def _refused(
    exchange: Exchange, document: dict[str, Any], path: str, access: str
) -> tuple[State, str] | None:
    status, message = exchange.status or 0, _text(document.get("error")) or "no reason given"
    if "Prometheus Agent" in message:
        return "error", _AGENT
    if status in _STATUSES:
        state, text = _STATUSES[status]
        return state, text.format(status=status, path=path, access=access)
    if not document:
        page = ", but a web page (a login?)" if _is_page(exchange) else ""
        return "error", f"the answer (status {status}) is not Prometheus's JSON{page}"
    if status != 200 or document.get("status") != "success":
        return "error", f"Prometheus refuses ({status}): {message}"
    if not isinstance(document.get("data"), dict):
        return "error", "the answer has no data: this is not Prometheus's API"
    return None


def _document(exchange: Exchange) -> dict[str, Any]:
    try:
        document = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_page(exchange: Exchange) -> bool:
    return "html" in exchange.media_type or exchange.body.lstrip()[:1] == b"<"


def read_targets(data: Any) -> tuple[Target, ...]:
    """The active targets of a /targets answer's `data`; raises CannotObserveError."""
    active = data.get("activeTargets")
    if not isinstance(active, list):
        raise CannotObserveError("error", "the answer lists no activeTargets")
    return tuple(_target(each) for each in active if isinstance(each, dict))


def read_dropped(data: Any) -> tuple[Target, ...]:
    """The dropped targets of a /targets answer's `data`; none where the server lists none."""
    dropped = data.get("droppedTargets")
    listed = dropped if isinstance(dropped, list) else []
    return tuple(_target(each) for each in listed if isinstance(each, dict))


def _target(raw: dict[str, Any]) -> Target:
    discovered = _labels(raw.get("discoveredLabels"))
    labels = _labels(raw.get("labels"))
    scraped = _text(raw.get("lastScrape"))
    return Target(
        pool=_text(raw.get("scrapePool")) or discovered.get("job") or labels.get("job", ""),
        labels=labels,
        address=discovered.get("__address__", ""),
        url=_text(raw.get("scrapeUrl")),
        health=_text(raw.get("health")).lower() or "unknown",
        last_error=_text(raw.get("lastError")),
        last_scrape=read_time(scraped),
        last_scrape_text=scraped,
        interval=read_duration(raw.get("scrapeInterval")),
        timeout=read_duration(raw.get("scrapeTimeout")),
        discovered=discovered,
    )


def _labels(raw: Any) -> dict[str, str]:
    return {key: _text(value) for key, value in raw.items()} if isinstance(raw, dict) else {}


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""


def read_samples(data: Any) -> tuple[Sample, ...]:
    """Scalars, vectors, matrices (each series' last samples); raises CannotObserveError."""
    try:
        kind, result = data["resultType"], data["result"]
        if kind == "scalar":
            return (Sample({}, float(result[1]), float(result[0])),)
        if kind == "vector":
            return tuple(
                Sample(_labels(each["metric"]), float(each["value"][1]), float(each["value"][0]))
                for each in result
            )
        if kind == "matrix":
            return tuple(
                Sample(_labels(each["metric"]), float(value), float(at))
                for each in result
                for at, value in each["values"][-LAST_SAMPLES:]
            )
    except _NO_NUMBER:
        pass
    else:
        named = kind if isinstance(kind, str) else type(kind).__name__
        raise CannotObserveError("error", f"the query's result is a {named}, not numbers")
    raise CannotObserveError("error", "the query's result can't be read")


def read_time(text: str) -> float | None:
    """RFC 3339 with any number of decimals, in seconds since the epoch; None for never."""
    match = _TIME.fullmatch(text)
    if not match or text.startswith(_NEVER):
        return None
    zone = "+00:00" if match[3] in "Zz" else match[3]
    try:
        whole = datetime.fromisoformat(match[1].upper() + zone).timestamp()
    except (ValueError, OverflowError):
        return None
    return whole + float(match[2] or 0)


def read_duration(value: Any) -> float | None:
    """Prometheus's spelling (`1m30s`) in seconds; None for anything else and for zero."""
    text = value if isinstance(value, str) else ""
    if not re.fullmatch(r"(?:[0-9]{1,12}(?:ms|[smhdwy])){1,9}", text):
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text)) or None


def selector(labels: dict[str, str], *, metrics: tuple[str, ...] = (), extra: str = "") -> str:
    """A PromQL selector of these metrics (any, if none is given) with these labels."""
    matchers = [f'{name}="{_quoted(value)}"' for name, value in sorted(labels.items())]
    if metrics:
        matchers.insert(0, f'__name__=~"{"|".join(metrics)}"')
    return "{" + ",".join(filter(None, [*matchers, extra])) + "}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
