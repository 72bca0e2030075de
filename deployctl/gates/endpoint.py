"""What the gates that ask the service's own HTTP endpoint share."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from deployctl.config.gates import HealthGateSettings, HttpGateSettings, MetricsGateSettings
from deployctl.gates.address import places
from deployctl.gates.base import GateContext, Judgement, Observation, RawAnswer
from deployctl.gates.fetch import Exchange, Request, fetch, identity_headers, verification

EndpointSettings = HealthGateSettings | HttpGateSettings | MetricsGateSettings
_SHOWN = 120


@dataclass(frozen=True, kw_only=True)
class HttpObservation(Observation):
    """One exchange for each replica, or one in all for an absolute URL."""

    exchanges: tuple[Exchange, ...]

    @property
    def raw(self) -> tuple[RawAnswer, ...]:
        return tuple(exchange.raw for exchange in self.exchanges)


def urls(settings: EndpointSettings, service: str, ctx: GateContext) -> tuple[str, ...]:
    """Where to ask, read afresh: a container's address changes with the switch."""
    if settings.url:
        return (settings.url,)
    found = places(
        settings.address,
        service,
        ctx.containers(service),
        via=settings.via,
        client_host=ctx.client_host,
    )
    return tuple(f"{settings.scheme}://{place.netloc}{settings.path}" for place in found)


def ask(
    settings: EndpointSettings,
    service: str,
    ctx: GateContext,
    *,
    headers: dict[str, str] | None = None,
    method: str = "GET",
    body: bytes | None = None,
    final: frozenset[int] = frozenset(),
) -> tuple[Exchange, ...]:
    """Asks every replica, one after the other."""
    verify = verification(settings.ca_file, insecure=settings.insecure)
    identity = identity_headers(ctx.env, settings.bearer_env, settings.basic_env)
    return tuple(
        fetch(
            ctx.http(settings.via),
            Request(
                url=url,
                method=method,
                headers={**(headers or {}), **settings.headers, **identity},
                body=body,
                verify=verify,
                max_bytes=settings.max_bytes,
                final=final,
                clean=ctx.clean,
            ),
            settings.timeout,
        )
        for url in urls(settings, service, ctx)
    )


def target(settings: EndpointSettings) -> str:
    """How a threshold names the endpoint."""
    where = settings.url or settings.path
    return f"{where} (certificate not verified)" if settings.insecure else where


def judge_each(
    exchanges: tuple[Exchange, ...], judge: Callable[[Exchange], Judgement]
) -> Judgement:
    """Every replica must pass; the first that does not decides."""
    if not exchanges:
        return Judgement("inconclusive", "nothing", "there was nothing to ask")
    judgements = [judge(exchange) for exchange in exchanges]
    if len(judgements) == 1:
        return judgements[0]
    bad = [index for index, each in enumerate(judgements) if each.state != "pass"]
    total = len(judgements)
    if not bad:
        return Judgement("pass", f"{total} of {total} replicas: {judgements[0].observed}")
    first = judgements[bad[0]]
    return Judgement(
        first.state,
        f"{total - len(bad)} of {total} replicas pass; {exchanges[bad[0]].url}: {first.observed}",
        first.reason,
        first.definite,
    )


def judge_reached(exchange: Exchange) -> Judgement | None:
    """None when there is a whole answer."""
    if exchange.fault is None:
        return None
    seen = f"{exchange.status}, {exchange.fault.text}" if exchange.status else exchange.fault.text
    return Judgement("fail", seen, f"{exchange.url}: {exchange.fault.text}")


def shown_body(exchange: Exchange) -> str:
    return shown(exchange.excerpt(4 * _SHOWN))


def shown(body: bytes) -> str:
    """The start of a body, on one line, for people."""
    text = " ".join(body[: 4 * _SHOWN].decode("utf-8", "replace").split())
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
