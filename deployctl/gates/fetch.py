"""One HTTP exchange: bounded in total time and in size, on a connection of its own.

What a server (or its absence) did is an `Exchange`, never an exception. Only what makes the look
itself impossible is raised: the link to the host, or sshd's refusal to forward.
"""

import base64
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_match_hostname import CertificateError

from deployctl.errors import LinkLostError
from deployctl.gates.base import EVIDENCE_BYTES, CannotObserveError, RawAnswer
from deployctl.host.failures import AnswerTimeoutError, ForwardingRefused

USER_AGENT: Final = "deployctl-gate"
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # thresholds say it

_REDIRECTS: Final = 5
_SECRET_LENGTH: Final = 8
"""Shorter ones are words and numbers that any answer may have."""
_LONGEST_SECRET: Final = 4096
_CHUNK: Final = 64 * 1024
_GRACE: Final = 0.25  # for the thread to say by itself that its time is over
_ORDINARY_PORT: Final = {"http": 80, "https": 443}

FaultKind = Literal[
    "refused", "reset", "timeout", "name", "tls", "cut-off", "too-large", "redirect", "failed"
]


@dataclass(frozen=True)
class Fault:
    """Why there is no whole answer."""

    kind: FaultKind
    text: str


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What came back. `fault` set: no whole answer; status and body hold what there was."""

    url: str
    status: int | None = None
    content_type: str = ""
    body: bytes = b""
    latency: float = 0.0
    fault: Fault | None = None
    clean: Callable[[bytes], bytes] = field(default=bytes, repr=False, compare=False)
    """takes secrets out of what is shown and kept"""

    def excerpt(self, count: int) -> bytes:
        """The beginning of the body, cleaned before it is cut: no half of a secret is left."""
        return self.clean(self.body[: count + _LONGEST_SECRET])[:count]

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def raw(self) -> RawAnswer:
        status = str(self.status) if self.status is not None else ""
        return RawAnswer(
            source=self.url,
            status=" ".join(filter(None, (status, self.fault.text if self.fault else ""))),
            content_type=self.content_type,
            body=self.excerpt(EVIDENCE_BYTES),
            kept="all" if len(self.body) <= EVIDENCE_BYTES else "the first 64 KiB",
            size_bytes=len(self.body),
            sha256=hashlib.sha256(self.body).hexdigest(),
            latency=self.latency,
        )


@dataclass(frozen=True, kw_only=True)
class Request:
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    verify: bool | str = True
    """check the server's certificate; a path: against these authorities"""
    max_bytes: int
    final: frozenset[int] = frozenset()
    """redirect statuses that are an answer, not to be followed"""
    clean: Callable[[bytes], bytes] = bytes
    """see `Exchange`"""


def identity_headers(
    env: Mapping[str, str], bearer_env: str | None, basic_env: str | None
) -> dict[str, str]:
    """The Authorization header from the environment; raises CannotObserveError if it is missing."""
    name = bearer_env or basic_env
    if name is None:
        return {}
    value = env.get(name, "")
    if not value:
        raise CannotObserveError(
            "error", f"the environment variable {name} is not set", definite=True
        )
    if bearer_env:
        if not value.isprintable():
            raise CannotObserveError("error", f"{name} does not hold a token", definite=True)
        return {"Authorization": f"Bearer {value.strip()}"}
    if ":" not in value:
        raise CannotObserveError("error", f"{name} does not hold user:password", definite=True)
    return {"Authorization": "Basic " + base64.b64encode(value.encode()).decode()}


class Credentials(Protocol):
    """The settings that say as whom to ask."""

    @property
    def bearer_env(self) -> str | None: ...
    @property
    def basic_env(self) -> str | None: ...


def refused_access(settings: Credentials) -> str:
    """What a 401 or 403 means with these settings; never what the credentials are."""
    if settings.bearer_env:
        return f"it refuses the token in {settings.bearer_env}"
    if settings.basic_env:
        return f"it refuses the user and password in {settings.basic_env}"
    return "it wants credentials (bearer_env or basic_env)"


def verification(ca_file: Path | None, *, insecure: bool) -> bool | str:
    """The `verify` of a request; raises CannotObserveError for a file that is no CA bundle."""
    if ca_file is None:
        return not insecure
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise CannotObserveError(
            "error", f"ca_file {ca_file} can't be used: {error}", definite=True
        ) from error
    return str(ca_file)


def fetch(session: requests.Session, request: Request, seconds: float) -> Exchange:
    """Sends the request; follows redirects to the same server only; closes the session.

    Takes at most `seconds` and a moment, however slowly the server drips its answer.
    """
    started = time.monotonic()
    answer = _bounded(
        lambda: _fetch(session, request, started + seconds, seconds), seconds + _GRACE
    )
    if answer is None:
        late = _late(seconds)
        return Exchange(url=request.url, latency=time.monotonic() - started, fault=late)
    return replace(_without_credentials(answer, request), clean=request.clean)


def _without_credentials(exchange: Exchange, request: Request) -> Exchange:
    """The answer of a server that says whom it refuses, without what it was sent for that."""
    body, content_type = exchange.body, exchange.content_type
    for secret in _credentials(request.headers.get("Authorization", "")):
        body = body.replace(secret.encode(), b"[redacted]")
        content_type = content_type.replace(secret, "[redacted]")
    return replace(exchange, body=body, content_type=content_type)


def _credentials(authorization: str) -> list[str]:
    """What of an Authorization header is secret, the longest form first."""
    scheme, _, given = authorization.partition(" ")
    forms = [given]
    if scheme == "Basic":
        with suppress(ValueError):  # a header of the user's own may be anything
            both = base64.b64decode(given).decode()
            forms += [both, both.partition(":")[2]]
    return [form for form in forms if len(form) >= _SECRET_LENGTH]


_T = TypeVar("_T")


def _bounded(call: Callable[[], _T], seconds: float) -> _T | None:
    """The call's answer, or None when it is not there in time.

    Socket timeouts are per read: only another thread can put a limit on a server that sends a
    byte of its headers every second. That thread is left behind, and ends with its connection.
    """
    answers: list[_T] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            failures.append(error)

    thread = threading.Thread(target=work, name="deployctl-fetch", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    return answers[0] if answers else None


def _fetch(session: requests.Session, request: Request, until: float, allowed: float) -> Exchange:
    """`allowed` is what was asked for, in seconds: what is told when it is over."""
    url, method, body = request.url, request.method, request.body
    session.trust_env = False  # no proxy and no ~/.netrc of this machine
    started = time.monotonic()
    try:
        _ask_for_name(session, url, request.headers)
        for _ in range(_REDIRECTS + 1):
            left = until - time.monotonic()
            if left <= 0:
                break
            with session.request(
                method,
                url,
                headers={"User-Agent": USER_AGENT, **request.headers, "Connection": "close"},
                data=body,
                verify=request.verify,
                timeout=left,
                stream=True,
                allow_redirects=False,
            ) as response:
                latency = time.monotonic() - started
                answer, fault = _read(response, until, request.max_bytes, allowed)
            exchange = Exchange(
                url=url,
                status=response.status_code,
                content_type=response.headers.get("Content-Type", ""),
                body=answer,
                latency=latency,
                fault=fault,
            )
            if not response.is_redirect or response.status_code in request.final:
                return exchange
            target = _same_server(url, response.headers["Location"], request.headers)
            if target is None:
                return _elsewhere(exchange, response.headers["Location"])
            session.close()  # the server may have closed this connection without saying so
            if response.status_code not in {307, 308} and method != "HEAD":
                method, body = "GET", None
            url = target
        else:
            return Exchange(
                url=request.url,
                latency=time.monotonic() - started,
                fault=Fault("redirect", f"more than {_REDIRECTS} redirects"),
            )
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return Exchange(url=url, latency=time.monotonic() - started, fault=fault_of(error, allowed))
    finally:
        session.close()
    return Exchange(url=url, latency=time.monotonic() - started, fault=_late(allowed))


def _ask_for_name(session: requests.Session, url: str, headers: Mapping[str, str]) -> None:
    """TLS asks for the name in the Host header, and checks the certificate against it.

    Certificates are for names, while a service's own address is an IP address.
    """
    named = _host_header(headers)
    adapter = session.get_adapter(url)
    if named and isinstance(adapter, HTTPAdapter):
        name = urlsplit(f"//{named}").hostname
        adapter.poolmanager.connection_pool_kw.update(server_hostname=name, assert_hostname=name)


def _read(
    response: requests.Response, until: float, max_bytes: int, allowed: float
) -> tuple[bytes, Fault | None]:
    body = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > max_bytes:
                text = f"the answer is larger than {max_bytes} bytes"
                return bytes(body[:max_bytes]), Fault("too-large", text)
            if time.monotonic() > until:
                return bytes(body), _late(allowed)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        return bytes(body), fault_of(error, allowed, reading=True)
    return bytes(body), None


def _same_server(url: str, location: str, headers: Mapping[str, str]) -> str | None:
    """The URL to ask next, or None when the redirect leaves this server."""
    here, there = urlsplit(url), urlsplit(urljoin(url, location))
    host = _host_header(headers)
    names = {_authority(here.scheme, here.netloc)}
    if host:
        names.add(_authority(here.scheme, host))
    try:
        same = there.scheme == here.scheme and _authority(there.scheme, there.netloc) in names
    except ValueError:
        return None
    return urlunsplit((here.scheme, here.netloc, there.path, there.query, "")) if same else None


def _host_header(headers: Mapping[str, str]) -> str | None:
    return next((value for name, value in headers.items() if name.lower() == "host"), None)


def _authority(scheme: str, netloc: str) -> tuple[str | None, int | None]:
    parts = urlsplit(f"{scheme}://{netloc}")
    return parts.hostname, parts.port or _ORDINARY_PORT.get(scheme)


def _elsewhere(exchange: Exchange, location: str) -> Exchange:
    parts = urlsplit(urljoin(exchange.url, location))
    place = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return replace(exchange, fault=Fault("redirect", f"it redirects to another server, {place}"))


def _late(seconds: float) -> Fault:
    return Fault("timeout", f"no whole answer within {seconds:g} s")


def fault_of(error: BaseException, seconds: float, *, reading: bool = False) -> Fault:
    """What an exception of the HTTP stack says about the server.

    Raises the LinkLostError, AnswerTimeoutError or ForwardingRefused inside it: those say nothing
    about the server.
    """
    chain = tuple(_chain(error))
    for each in chain:
        if isinstance(each, LinkLostError | AnswerTimeoutError | ForwardingRefused):
            raise each
    tls = [each for each in chain if isinstance(each, ssl.SSLError | CertificateError)]
    if tls:
        # The innermost: what is around it says the same with more words.
        text = getattr(tls[-1], "verify_message", "") or _brief(tls[-1])
        return Fault("tls", f"TLS failed: {text}")
    for kind, types, text in _KINDS:
        found = next((each for each in chain if isinstance(each, types)), None)
        if found is not None and not (reading and kind == "reset"):
            return Fault(kind, text.format(seconds=seconds))
    if reading:
        return Fault("cut-off", "the answer was cut off")
    return Fault("failed", f"the request failed: {_brief(chain[-1])}")


_KINDS: Final[tuple[tuple[FaultKind, tuple[type[BaseException], ...], str], ...]] = (
    ("refused", (ConnectionRefusedError,), "connection refused"),
    (
        "name",
        (urllib3.exceptions.NameResolutionError, socket.gaierror),
        "the name does not resolve",
    ),
    (
        "cut-off",
        (urllib3.exceptions.IncompleteRead, requests.exceptions.ContentDecodingError),
        "the answer was cut off",
    ),
    (
        "timeout",
        (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError),
        "no whole answer within {seconds:g} s",
    ),
    (
        "reset",
        (ConnectionResetError, ConnectionAbortedError, BrokenPipeError),
        "the connection was closed without an answer",
    ),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything that it wraps, outermost first."""
    todo, seen = [error], set[int]()
    while todo:
        each = todo.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        todo += [found for found in inner if isinstance(found, BaseException)]


def _brief(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
