"""The metrics gate: the service's exposition is whole, and has the series it must have."""

from dataclasses import dataclass
from typing import Final

from deployctl.config.gates import MetricsGateSettings
from deployctl.gates.base import Gate, GateContext, Judgement
from deployctl.gates.endpoint import (
    HttpObservation,
    ask,
    judge_each,
    judge_reached,
    shown_body,
    target,
)
from deployctl.gates.exposition import (
    ACCEPT,
    Exposition,
    ExpositionError,
    Requirement,
    format_of,
    lost,
    read,
)
from deployctl.gates.fetch import Exchange, refused_access

_NAMED: Final = 5  # families named in a reason


@dataclass(frozen=True, kw_only=True)
class MetricsObservation(HttpObservation):
    families_before: frozenset[str]
    """families with samples before the rollout; empty when there was no exposition"""


class MetricsGate(Gate[MetricsObservation]):
    def __init__(self, name: str, settings: MetricsGateSettings, service: str) -> None:
        super().__init__(
            name,
            mode=settings.mode,
            service=service,
            timeout=settings.timeout,
            interval=settings.interval,
        )
        self._settings = settings
        self._requirements = tuple(Requirement.parse(text) for text in settings.require)
        required = ", ".join(settings.require) or "at least one typed series"
        self.threshold = f"GET {target(settings)} exposes {required}"

    def observe(
        self,
        ctx: GateContext,
        previous: MetricsObservation | None = None,
    ) -> MetricsObservation:
        exchanges = ask(
            self._settings,
            self.service,
            ctx,
            headers={
                "Accept": ACCEPT,
                "Accept-Encoding": "gzip",
                "X-Prometheus-Scrape-Timeout-Seconds": f"{self.timeout:g}",
            },
        )
        families = previous.families_before if previous else self._families_before(ctx)
        return MetricsObservation(exchanges=exchanges, families_before=families)

    def judge(self, observation: MetricsObservation) -> Judgement:
        return judge_each(
            observation.exchanges, lambda each: self._judge(each, observation.families_before)
        )

    def _judge(self, exchange: Exchange, before: frozenset[str]) -> Judgement:
        unreached = judge_reached(exchange)
        if unreached:
            return unreached
        if exchange.status in {401, 403}:
            reason = f"status {exchange.status}: {refused_access(self._settings)}"
            return Judgement("error", _seen(exchange), reason)
        if exchange.status != 200:
            reason = f"status {exchange.status}, expected 200"
            return Judgement("fail", _seen(exchange), reason)
        try:
            exposition = self._read(exchange)
        except ExpositionError as error:
            return Judgement("fail", _seen(exchange), str(error))
        observed = f"{exposition.samples} samples in {len(exposition.seen)} families"
        reason = self._fault(exposition, before)
        return Judgement("fail" if reason else "pass", observed, reason)

    def _read(self, exchange: Exchange) -> Exposition:
        form = format_of(exchange.content_type, self._settings.fallback)
        return read(exchange.body, form, self._requirements)

    def _fault(self, exposition: Exposition, before: frozenset[str]) -> str:
        if not exposition.samples:
            return "it has no samples, only comments"
        for text in self._settings.require:
            if text in exposition.not_finite:
                return f"{text} has a value that is not finite"
            if text not in exposition.found:
                return f"{text} is missing"
        if not self._requirements and not exposition.typed:
            return "no series has a TYPE: this is not an exposition of metrics"
        allowed = self._settings.allow_lost
        gone = lost(before, exposition.declared)
        if isinstance(allowed, tuple):
            gone = tuple(name for name in gone if name not in allowed)
        if gone and allowed is not True:
            more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
            return f"families of before the rollout are lost: {', '.join(gone[:_NAMED])}{more}"
        return ""

    def _families_before(self, ctx: GateContext) -> frozenset[str]:
        """What the baseline exposed on its first replica, if that was an exposition at all."""
        before = ctx.baseline.get(self.name)
        if not ctx.proving or not isinstance(before, MetricsObservation) or not before.exchanges:
            return frozenset()
        exchange = before.exchanges[0]
        if exchange.fault or exchange.status != 200:
            return frozenset()
        try:
            form = format_of(exchange.content_type, self._settings.fallback)
            return read(exchange.body, form).seen
        except ExpositionError:
            return frozenset()


def _seen(exchange: Exchange) -> str:
    return f"{exchange.status}, {shown_body(exchange)}".rstrip(", ")
