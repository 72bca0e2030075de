"""The query gate: an instant PromQL query within bounds."""

import math
from dataclasses import dataclass
from typing import Final

from deployctl.config.gates import QueryGateSettings
from deployctl.gates.base import Gate, GateContext, Judgement, Observation, RawAnswer
from deployctl.gates.expect import bounds_text, outside
from deployctl.gates.promapi import PrometheusApi, Sample

_SHOWN: Final = 3


@dataclass(frozen=True, kw_only=True)
class QueryObservation(Observation):
    samples: tuple[Sample, ...]
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
        self,
        ctx: GateContext,
        previous: QueryObservation | None = None,  # noqa: ARG002
    ) -> QueryObservation:
        api = PrometheusApi(self._settings, ctx)
        samples = api.instant(self._settings.query)
        return QueryObservation(samples=samples, answers=tuple(api.raw))

    def judge(self, observation: QueryObservation) -> Judgement:
        samples = observation.samples
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
