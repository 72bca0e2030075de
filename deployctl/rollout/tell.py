"""Tells others how a run ended (`notify:`), after it is sealed and beside what is left to do.

It begins once the seal is written and takes at most `BUDGET` seconds of the run's end, however many
are told: what is not delivered by then is given up. What fails is a warning, and changes nothing of
how the run ended. A plan tells nobody. Who presses Ctrl-C while a run is brought to its end wants
to go: then nothing is sent, and what is under way is not waited for.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path

from deployctl.config.gates import web_url
from deployctl.config.notify import (
    AnyNoticeSettings,
    CDEventsSettings,
    GrafanaSettings,
    TextfileSettings,
    WebhookSettings,
    place_of,
)
from deployctl.errors import DeployctlError
from deployctl.evidence.clean_events import cleaned
from deployctl.host.connection import ProgramFailed
from deployctl.notify import messages, textfile
from deployctl.notify.story import Where, end_of, happened
from deployctl.result import Result
from deployctl.rollout.aside import aside
from deployctl.rollout.session import Session

BUDGET = 10.0
"""seconds that all telling together may add to a run's end"""
_STEP = 0.1


class CannotTell(Exception):  # noqa: N818 - a reason, which becomes a warning
    """Why somebody can't be told."""


@dataclass(frozen=True)
class _Telling:
    whom: str
    answer: "Future[str]"
    """why it failed; empty if it didn't"""


class Telling:
    """What is under way."""

    def __init__(self, session: Session, under_way: Sequence[_Telling]) -> None:
        self._session = session
        self._under_way = under_way
        self._end = time.monotonic() + BUDGET

    def finish(self) -> None:
        """Waits for it, within the budget; what failed is told. Never raises."""
        for each in self._under_way:
            reason = self._reason(each.answer)
            if reason:
                self._session.note(
                    "warning",
                    f"{each.whom} was not told how the run ended: {reason}. How it ended is not "
                    "changed by that.",
                )

    def _reason(self, answer: "Future[str]") -> str:
        while not self._session.hurried.is_set():
            left = self._end - time.monotonic()
            try:
                return answer.result(max(0.0, min(_STEP, left)))
            except FutureTimeoutError:
                if left <= 0:
                    return f"it took longer than {BUDGET:.0f} s"
            except Exception as error:  # noqa: BLE001 - whatever it is, the run has ended
                return _told(error)
        return "you asked to end" if not answer.done() else ""


def begin(session: Session, result: Result) -> Telling:
    """Starts telling all who want to know of such an end. Never raises."""
    under_way: list[_Telling] = []
    if session.dry or not session.settings.notify:
        return Telling(session, under_way)
    if session.hurried.is_set():
        session.note("info", "Nobody is told how the run ended, as you asked to end.")
        return Telling(session, under_way)
    try:
        clean = Result.model_validate(
            cleaned(session.evidence.redactor, result.model_dump(mode="json", by_alias=True))
        )
        where = where_of(session)
        for settings in session.settings.notify:
            for whom, call in _calls(session, settings, clean, where):
                under_way.append(_Telling(whom, aside(call)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has ended
        session.note("warning", f"Nobody more was told how the run ended: {_told(error)}.")
    return Telling(session, under_way)


def where_of(session: Session) -> Where:
    settings = session.settings
    return Where(
        project=session.survey.project if session.survey else settings.project or "",
        environment=settings.environment or settings.target,
        services=settings.services,
    )


def _calls(
    session: Session, settings: AnyNoticeSettings, result: Result, where: Where
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Whom to tell, and how: a call that answers why it failed, or raises it."""
    match settings:
        case WebhookSettings() if end_of(result) in settings.on:
            yield _whom("The webhook", settings), lambda: _hook(settings, result, where)
        case CDEventsSettings() if happened(result) not in {"nothing", "unknown"}:
            whom = _whom("The receiver of CDEvents", settings)
            yield whom, lambda: _cdevents(settings, result, where)
        case GrafanaSettings():
            body = messages.grafana(result, where, settings.tags)
            if body is not None:
                yield f"Grafana at {place_of(settings.url)}", lambda: _grafana(settings, body)
        case TextfileSettings() if session.link is not None and textfile.is_told(result):
            yield (
                f"node_exporter's directory {settings.directory}",
                lambda: _textfile(session, settings, result, where),
            )
        case _:
            pass


def _hook(settings: WebhookSettings, result: Result, where: Where) -> str:
    make = messages.slack if settings.format == "slack" else messages.generic
    body = make(result, where)
    headers = {"Content-Type": "application/json", **messages.delivery_headers(result)}
    if settings.secret_env is not None:
        secret = _variable(settings.secret_env).encode(errors="surrogateescape")
        headers[messages.SIGNATURE_HEADER] = messages.signature(body, secret)
    return _post(_address(settings), body, headers, BUDGET)


def _cdevents(settings: CDEventsSettings, result: Result, where: Where) -> str:
    from deployctl.notify import cdevents  # noqa: PLC0415 - few want them

    events = list(cdevents.events(result, where))
    if settings.file is not None:
        return _append(settings.file, b"".join(event.line for event in events))
    address, began = _address(settings), time.monotonic()
    for event in events:
        left = BUDGET - (time.monotonic() - began)
        failed = _post(address, event.line, event.headers, left)
        if failed:
            return failed
    return ""


def _grafana(settings: GrafanaSettings, body: bytes) -> str:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {_variable(settings.token_env)}",
    }
    return _post(f"{settings.url}/api/annotations", body, headers, BUDGET)


def _textfile(session: Session, settings: TextfileSettings, result: Result, where: Where) -> str:
    session.hostlink.host.run(
        "textfile",
        {
            "DIRECTORY": settings.directory,
            "NAME": textfile.file_name(result, where),
            "TEXT": textfile.metrics(result, where),
        },
        timeout=BUDGET,
    )
    return ""


def _post(url: str, body: bytes, headers: Mapping[str, str], budget: float) -> str:
    from deployctl.notify.post import Message, post  # noqa: PLC0415 - most runs send nothing

    return post(Message(url, body, headers), budget)


def _append(path: Path, lines: bytes) -> str:
    """In one write, so that the lines of two runs don't mix; a pipe without a reader is no file."""
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o666)
        try:
            if os.write(descriptor, lines) != len(lines):
                return "the disk is full"
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _whom(what: str, settings: WebhookSettings | CDEventsSettings) -> str:
    """As it may be shown."""
    if settings.url_env is not None:
        return f"{what} of {settings.url_env}"
    if settings.url is not None:
        return f"{what} at {place_of(settings.url.get_secret_value())}"
    return what


def _address(settings: WebhookSettings | CDEventsSettings) -> str:
    if settings.url is not None:
        return settings.url.get_secret_value()
    name = settings.url_env or ""
    try:
        return web_url(_variable(name).strip())
    except ValueError as error:
        raise CannotTell(f"what the variable {name} holds is no address: {error}") from None


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value.strip():
        raise CannotTell(f"the environment variable {name} is not set")
    return value.strip()


def _told(error: BaseException) -> str:
    match error:
        case DeployctlError():
            told = error.what
        case ProgramFailed():
            told = error.message
        case _:
            told = str(error)
    return (told or type(error).__name__).rstrip(".")
