"""One POST, tried again for a short while. Whatever it meets, it ends with a sentence and no error.

It goes as requests goes: through the proxies of the environment (HTTPS_PROXY, NO_PROXY), with the
certificate authorities of REQUESTS_CA_BUNDLE. Not with the logins of ~/.netrc, which would take the
place of ours. No redirect is followed: it would carry the body, and what is secret, elsewhere.
Of the answer only the status and Retry-After are looked at; its body is never read.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue

import requests

import deployctl
from deployctl.config.notify import place_of

TRY_SECONDS = 4.0
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""seconds before each further try, as long as there is time"""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Message:
    """`url` is secret: it is never part of what is told. Headers may be as well."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        return place_of(self.url)


def post(
    message: Message,
    budget: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> str:
    """Why it was not delivered within `budget` seconds; empty if it was. Never raises.

    A receiver may get it twice: where its answer to the first was lost.
    """
    end = clock() + budget
    reason = "there was no time"
    for pause in (0.0, *PAUSES):
        if pause:
            sleep(min(pause, max(0.0, end - clock())))
        left = end - clock()
        if left <= 0:
            break
        reason, wait = _within(message, min(TRY_SECONDS, left))
        if wait is None:
            return reason
        if wait and wait > end - clock():
            return f"{reason}, and asks to wait longer than there is time"
        if wait:
            sleep(wait)
    return reason


def _within(message: Message, seconds: float) -> tuple[str, float | None]:
    """A try beside us, which is left to itself after that time.

    A timeout of requests is for a single read, of which a byte now and then makes many; and nothing
    ends the look-up of a name.
    """
    answer: SimpleQueue[tuple[str, float | None]] = SimpleQueue()
    work = threading.Thread(
        target=lambda: answer.put(_once(message, seconds)), name="post", daemon=True
    )
    work.start()
    try:
        return answer.get(timeout=seconds)
    except Empty:
        return f"no answer within {seconds:.1f} s", 0.0


def _once(message: Message, timeout: float) -> tuple[str, float | None]:
    """The reason, empty for none; and after how many seconds to try again at the soonest, or None
    where that is of no use."""
    try:
        with requests.Session() as session:
            session.headers["User-Agent"] = f"deployctl/{deployctl.__version__}"
            with session.post(
                message.url,
                data=message.body,
                headers=dict(message.headers),
                timeout=timeout,
                allow_redirects=False,
                auth=_as_it_is,
                stream=True,
            ) as answer:
                return _judged(answer)
    except requests.exceptions.SSLError:
        return "its certificate is not accepted, or it speaks no TLS", None
    except requests.exceptions.ProxyError:
        return "the proxy of the environment can't be used", 0.0
    except requests.Timeout:
        return f"no answer within {timeout:.1f} s", 0.0
    except requests.exceptions.ConnectionError:
        return "it can't be reached, or broke the connection off", 0.0
    except Exception as error:  # noqa: BLE001 - whatever it is, who waits is answered
        # Not its words: it may repeat the address.
        return f"the request can't be made ({type(error).__name__})", None


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Any authentication at all keeps requests from looking into ~/.netrc."""
    return request


def _judged(answer: requests.Response) -> tuple[str, float | None]:
    status = answer.status_code
    if 200 <= status < 300:
        return "", None
    if 300 <= status < 400:
        return f"it answered with a redirect ({status}), which is not followed", None
    wait = _asked_to_wait(answer.headers.get("Retry-After", "")) if status in AGAIN else None
    return f"it answered {status}", wait


def _asked_to_wait(header: str) -> float:
    """Seconds, or a date; anything else is no wish."""
    if header.strip().isdecimal() and len(header) < 8:
        return float(header)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        date = parsedate_to_datetime(header)
        # The old form of HTTP has no zone and means UTC; Python would take it for local time.
        known = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, known.timestamp() - time.time())
    return 0.0
