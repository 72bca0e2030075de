"""The tcp gate: a connection is accepted, and kept."""

import time
from dataclasses import dataclass
from typing import Final, Literal

from deployctl.config.gates import TcpGateSettings
from deployctl.errors import LinkLostError
from deployctl.gates.address import Place, places
from deployctl.gates.base import Gate, GateContext, Judgement, Observation
from deployctl.host.failures import AnswerTimeoutError, ForwardingRefused

Reached = Literal["open", "refused", "closed", "timeout", "unreachable"]

_KEPT: Final = 0.3
"""Seconds for which a silent connection must stay open. Docker's proxy accepts connections for a
published port whether or not anything listens in the container, then closes them."""

_REASONS: Final = {
    "refused": "the connection was refused",
    "closed": "the connection was accepted and closed at once: nothing listens behind it",
    "unreachable": "the address can't be reached",
}


@dataclass(frozen=True)
class Knock:
    place: Place
    reached: Reached
    latency: float


@dataclass(frozen=True, kw_only=True)
class TcpObservation(Observation):
    knocks: tuple[Knock, ...]


class TcpGate(Gate[TcpObservation]):
    def __init__(self, name: str, settings: TcpGateSettings, service: str) -> None:
        super().__init__(
            name,
            mode=settings.mode,
            service=service,
            timeout=settings.timeout,
            interval=settings.interval,
        )
        self._settings = settings
        self.threshold = f"{settings.endpoint or settings.address or 'published'} keeps connections"

    def observe(
        self,
        ctx: GateContext,
        previous: TcpObservation | None = None,  # noqa: ARG002
    ) -> TcpObservation:
        return TcpObservation(knocks=tuple(self._knock(ctx, each) for each in self._places(ctx)))

    def judge(self, observation: TcpObservation) -> Judgement:
        closed = [knock for knock in observation.knocks if knock.reached != "open"]
        if closed:
            first = closed[0]
            reason = _REASONS.get(first.reached, f"no connection within {self.timeout:g} s")
            return Judgement("fail", f"{first.place.netloc} {first.reached}", reason)
        if not observation.knocks:
            return Judgement("inconclusive", "nothing", "there was nothing to connect to")
        where = ", ".join(knock.place.netloc for knock in observation.knocks)
        return Judgement("pass", f"{where} open")

    def _places(self, ctx: GateContext) -> tuple[Place, ...]:
        if self._settings.endpoint:
            host, _, port = self._settings.endpoint.rpartition(":")
            return (Place(host.strip("[]"), int(port)),)
        return places(
            self._settings.address or "published",
            self.service,
            ctx.containers(self.service),
            via=self._settings.via,
            client_host=ctx.client_host,
        )

    def _knock(self, ctx: GateContext, place: Place) -> Knock:
        started = time.monotonic()
        reached: Reached
        try:
            connection = ctx.dial(self._settings.via, place.host, place.port, self.timeout)
            try:
                latency = time.monotonic() - started
                connection.settimeout(_KEPT)
                reached = "open" if connection.recv(1) else "closed"
            except TimeoutError:
                reached = "open"
            finally:
                connection.close()
            return Knock(place, reached, latency)
        except (LinkLostError, AnswerTimeoutError, ForwardingRefused):
            raise
        except TimeoutError:
            reached = "timeout"
        except ConnectionRefusedError:
            reached = "refused"
        except ConnectionError:
            reached = "closed"
        except OSError:
            reached = "unreachable"
        return Knock(place, reached, time.monotonic() - started)
