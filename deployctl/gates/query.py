"""The query gate: an instant PromQL query within bounds.

Right after a switch Prometheus still has the old container's samples. They prove nothing: until
`settle` seconds of its own time have passed, the answer is neither good nor bad.
"""

import math
from dataclasses import dataclass
from typing import Final

from deployctl.config.gates import QueryGateSettings
from deployctl.gates.base import Gate, GateContext, Judgement, Need, Observation, RawAnswer
from deployctl.gates.expect import bounds_text, outside
from deployctl.gates.promapi import PrometheusApi, Sample

_SHOWN: Final = 3


@dataclass(frozen=True, kw_only=True)
class QueryObservation(Observation):
    samples: tuple[Sample, ...]
    unsettled: float = 0.0
    """seconds for which samples may still be of the old container"""
    fence: float | None = None
    """Prometheus's time at the first look after the switch; None: this is a look, not a proof"""
    answers: tuple[RawAnswer, ...] = ()

    @property
    def raw(self) -> tuple[RawAnswer, ...]:
        return self.answers


class QueryGate(Gate[QueryObservation]):
    def __init__(self, name: str, settings: QueryGateSettings, service: str) -> None:
        super().__init__(
            name,
            mode=settings.mode,
            service=service,
            timeout=settings.timeout,
            interval=settings.interval,
        )
        self._settings = settings
        insecure = " (certificate not verified)" if settings.insecure else ""
        self.threshold = f"{settings.query} {bounds_text(settings.bounds)}{insecure}"

    def observe(
        self, ctx: GateContext, previous: QueryObservation | None = None
    ) -> QueryObservation:
        api = PrometheusApi(self._settings, ctx)
        fence, unsettled = previous.fence if previous else None, 0.0
        if ctx.proving and (previous is None or previous.unsettled > 0):
            now = api.time()
            fence = now if fence is None else fence
            unsettled = max(0.0, fence + self._settings.settle - now)
        return QueryObservation(
            samples=api.instant(self._settings.query),
            unsettled=unsettled,
            fence=fence,
            answers=tuple(api.raw),
        )

    def judge(self, observation: QueryObservation) -> Judgement:
        verdict = self._judge_samples(observation.samples)
        if observation.unsettled <= 0:
            return verdict
        return Judgement(
            "inconclusive",
            verdict.observed,
            f"for another {observation.unsettled:.0f} s samples may be of the old container",
        )

    def pause(self, observation: QueryObservation | None) -> float:
        return max(self.interval, observation.unsettled if observation else 0.0)

    def need(self, observation: QueryObservation | None) -> Need | None:  # noqa: ARG002
        settle = self._settings.settle
        if not settle:
            return None
        why = "samples that are all of the new container"
        return Need(settle, settle + self.interval + self.timeout, why, notice=0.0)

    def _judge_samples(self, samples: tuple[Sample, ...]) -> Judgement:
        if not samples:
            return Judgement("inconclusive", "no series", "the query returned nothing")
        more = f" and {len(samples) - _SHOWN} more" if len(samples) > _SHOWN else ""
        observed = ", ".join(_text(sample) for sample in samples[:_SHOWN]) + more
        for sample in samples:
            reason = outside(sample.value, self._settings.bounds)
            if reason and not math.isnan(sample.value):
                return Judgement("fail", observed, reason)
        if any(math.isnan(sample.value) for sample in samples):
            return Judgement("inconclusive", observed, "the query returned NaN: there was no data")
        return Judgement("pass", observed)


def _text(sample: Sample) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
    return f"{{{labels}}} {sample.value:g}" if labels else f"{sample.value:g}"
