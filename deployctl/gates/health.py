"""The health gate and the user's own `http` gate: status, JSON, text."""

import json
from collections.abc import Iterator

from pydantic import JsonValue

from deployctl.config.gates import HealthGateSettings, HttpGateSettings
from deployctl.gates.base import Gate, GateContext, Judgement
from deployctl.gates.endpoint import (
    HttpObservation,
    ask,
    compact,
    judge_each,
    judge_reached,
    shown_body,
    target,
)
from deployctl.gates.expect import missing
from deployctl.gates.fetch import Exchange, refused_access
from deployctl.gates.matching import matches


class HttpGate(Gate[HttpObservation]):
    """`health` and `http` differ in defaults only."""

    def __init__(
        self, name: str, settings: HealthGateSettings | HttpGateSettings, service: str
    ) -> None:
        super().__init__(
            name,
            mode=settings.mode,
            service=service,
            timeout=settings.timeout,
            interval=settings.interval,
        )
        self._settings = settings
        self._method = "GET"
        self._body: bytes | None = None
        self._matches: str | None = None
        self._max_latency: float | None = None
        if isinstance(settings, HttpGateSettings):
            self._method = settings.method
            self._body = None if settings.body is None else settings.body.encode()
            self._matches = settings.matches
            self._max_latency = settings.max_latency
        expected = settings.status
        self._statuses = frozenset(expected if isinstance(expected, tuple) else (expected,))
        self.threshold = ", ".join(self._thresholds())

    def observe(
        self,
        ctx: GateContext,
        previous: HttpObservation | None = None,  # noqa: ARG002
    ) -> HttpObservation:
        exchanges = ask(
            self._settings,
            self.service,
            ctx,
            method=self._method,
            body=self._body,
            final=self._statuses,
        )
        return HttpObservation(exchanges=exchanges)

    def judge(self, observation: HttpObservation) -> Judgement:
        return judge_each(observation.exchanges, self._judge)

    def _judge(self, exchange: Exchange) -> Judgement:
        unreached = judge_reached(exchange)
        if unreached:
            return unreached
        observed = ", ".join(filter(None, (str(exchange.status), shown_body(exchange))))
        reason = next(self._faults(exchange), "")
        return Judgement("fail" if reason else "pass", observed, reason)

    def _faults(self, exchange: Exchange) -> Iterator[str]:
        settings = self._settings
        if exchange.status not in self._statuses:
            hint = f": {refused_access(settings)}" if exchange.status in {401, 403} else ""
            yield f"status {exchange.status}, expected {self._status_text()}{hint}"
        if settings.json_subset is not None:
            yield from _json_faults(settings.json_subset, exchange)
        if settings.contains is not None and settings.contains not in exchange.text:
            yield f"the answer does not contain {compact(settings.contains)}"
        if self._matches is not None and not matches(self._matches, exchange.text):
            yield f"the answer does not match /{self._matches}/"
        if self._max_latency is not None and exchange.latency > self._max_latency:
            yield f"answered in {exchange.latency:.3g} s, expected {self._max_latency:g} s or less"

    def _status_text(self) -> str:
        return " or ".join(str(status) for status in sorted(self._statuses))

    def _thresholds(self) -> list[str]:
        settings = self._settings
        parts = [f"{self._method} {target(settings)} answers {self._status_text()}"]
        if settings.json_subset is not None:
            parts.append(f"JSON with {compact(settings.json_subset)}")
        if settings.contains is not None:
            parts.append(f"contains {compact(settings.contains)}")
        if self._matches is not None:
            parts.append(f"matches /{self._matches}/")
        if self._max_latency is not None:
            parts.append(f"within {self._max_latency:g} s")
        return parts


def _json_faults(expected: JsonValue, exchange: Exchange) -> Iterator[str]:
    try:
        answer = json.loads(exchange.body)
    except (ValueError, RecursionError):
        yield f"the answer is not JSON (content type {exchange.content_type or 'not given'})"
        return
    difference = missing(expected, answer)
    if difference:
        yield _cleaned_difference(expected, exchange) or difference


def _cleaned_difference(expected: JsonValue, exchange: Exchange) -> str:
    """A value that it quotes is cut: what is secret has gone before."""
    try:
        return missing(expected, json.loads(exchange.excerpt(len(exchange.body))))
    except (ValueError, RecursionError):
        return "the answer is not the one that is expected"
