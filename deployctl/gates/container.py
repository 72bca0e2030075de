"""The container gate: Docker's own view of the service. Always on."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from deployctl.config.gates import ContainerGateSettings
from deployctl.gates.base import Gate, GateContext, Judgement, Observation, RawAnswer
from deployctl.host.facts import ContainerState

_SHORT: Final = 19  # "sha256:" and twelve digits
_NO_RESTART: Final = ("", "no")


@dataclass(frozen=True, kw_only=True)
class ContainerObservation(Observation):
    containers: tuple[ContainerState, ...]
    expected_image: str | None
    replicas: int | None
    """how many containers must run; None for any number, and while this is a look, not a proof"""
    restarts_before: Mapping[str, int]
    """container ID -> restarts that happened before the rollout"""

    @property
    def raw(self) -> tuple[RawAnswer, ...]:
        """What Docker said of them, as far as it is judged. The host has taken secrets out."""
        if not self.containers:
            return ()
        said = [asdict(each) for each in self.containers]
        body = json.dumps(said, indent=2, sort_keys=True, default=str).encode()
        return (
            RawAnswer(
                source=shlex.join(["docker", "inspect", *(each.name for each in self.containers)]),
                status="exit code 0",
                content_type="application/json",
                body=body,
                kept="what is judged",
                size_bytes=len(body),
                sha256=hashlib.sha256(body).hexdigest(),
                latency=0.0,
            ),
        )

    @property
    def identity(self) -> str:
        return " ".join(
            sorted(f"{each.id}@{each.started_at}+{each.restart_count}" for each in self.containers)
        )


class ContainerGate(Gate[ContainerObservation]):
    def __init__(self, name: str, settings: ContainerGateSettings, service: str) -> None:
        super().__init__(
            name,
            mode=settings.mode,
            service=service,
            timeout=settings.timeout,
            interval=settings.interval,
        )
        self._max_restarts = settings.max_restarts
        restarts = f"at most {self._max_restarts}" if self._max_restarts else "no"
        self.threshold = f"running, not unhealthy, the right image, {restarts} restarts"

    def observe(
        self,
        ctx: GateContext,
        previous: ContainerObservation | None = None,  # noqa: ARG002
    ) -> ContainerObservation:
        before = ctx.baseline.get(self.name)
        known = before.containers if isinstance(before, ContainerObservation) else ()
        return ContainerObservation(
            containers=ctx.containers(self.service),
            expected_image=ctx.expected_images.get(self.service),
            replicas=ctx.replicas.get(self.service) if ctx.proving else None,
            restarts_before={each.id: each.restart_count for each in known},
        )

    def judge(self, observation: ContainerObservation) -> Judgement:
        containers = observation.containers
        if not containers:
            return Judgement(
                "fail", "no container", f"there is no container of service {self.service}"
            )
        verdicts = [self._judge_one(each, observation) for each in containers]
        observed = "; ".join(
            verdict.observed if len(containers) == 1 else f"{each.name}: {verdict.observed}"
            for each, verdict in zip(containers, verdicts, strict=True)
        )
        worst = min(verdicts, key=_severity)
        if worst.state != "pass":
            return Judgement(worst.state, observed, worst.reason, worst.definite)
        expected = observation.replicas
        if expected is not None and len(containers) != expected:
            return Judgement(
                "fail", observed, f"{len(containers)} containers run, expected {expected}"
            )
        return Judgement("pass", observed)

    def _judge_one(self, container: ContainerState, seen: ContainerObservation) -> Judgement:
        restarts = container.restart_count - seen.restarts_before.get(container.id, 0)
        observed = _observed(container, restarts)
        if seen.expected_image is not None and container.image_id != seen.expected_image:
            reason = (
                f"it runs image {container.image_id[:_SHORT]}, "
                f"expected {seen.expected_image[:_SHORT]}"
            )
            return Judgement("fail", observed, reason, definite=True)
        return (
            _judge_ended(container, observed)
            or self._judge_restarts(restarts, container, observed)
            or _judge_health(container, observed)
        )

    def _judge_restarts(
        self, restarts: int, container: ContainerState, observed: str
    ) -> Judgement | None:
        if restarts <= self._max_restarts and container.status != "restarting":
            return None
        if restarts <= self._max_restarts:
            return Judgement("fail", observed, f"it ended with {_exit(container)} and restarts")
        allowed = self._max_restarts or "none"
        reason = f"Docker restarted it {restarts} times, expected {allowed}"
        if restarts == 1:
            reason = f"Docker restarted it once (it ended with {_exit(container)}), expected none"
        return Judgement("fail", observed, reason, definite=True)


def _judge_ended(container: ContainerState, observed: str) -> Judgement | None:
    if container.oom_killed:
        return Judgement("fail", observed, "the kernel killed it: out of memory", definite=True)
    if container.status == "exited":
        stays = container.restart_policy.partition(":")[0] in _NO_RESTART or (
            container.restart_policy.startswith("on-failure") and container.exit_code == 0
        )
        return Judgement("fail", observed, f"it ended with {_exit(container)}", definite=stays)
    if container.status == "created":
        if container.error:
            return Judgement(
                "fail", observed, f"Docker could not start it: {container.error}", definite=True
            )
        return Judgement("inconclusive", observed, "it has not been started yet")
    if container.status in {"running", "restarting"}:
        return None
    return Judgement(
        "fail", observed, f"it is {container.status}", definite=container.status == "dead"
    )


def _judge_health(container: ContainerState, observed: str) -> Judgement:
    if container.health == "unhealthy":
        # Of a check's whole output (curl's progress, say) the last line tells why it failed.
        lines = container.health_log[-1].splitlines() if container.health_log else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        reason = "its healthcheck says unhealthy" + (f": {last}" if last else "")
        return Judgement("fail", observed, reason, definite=True)
    if container.health == "starting":
        return Judgement("inconclusive", observed, "its healthcheck has not passed yet")
    return Judgement("pass", observed)


def _observed(container: ContainerState, restarts: int) -> str:
    parts = [container.status]
    if container.health not in {"", "none"}:
        parts.append(container.health)
    if container.status in {"exited", "dead", "restarting"}:
        parts.append(_exit(container))
    if container.oom_killed:
        parts.append("OOM-killed")
    if restarts:
        parts.append(f"{restarts} restart{'s' if restarts > 1 else ''}")
    parts.append(container.image_id[:_SHORT])
    return ", ".join(parts)


def _exit(container: ContainerState) -> str:
    return f"exit code {container.exit_code}"


def _severity(judgement: Judgement) -> tuple[bool, int]:
    order = ("fail", "error", "inconclusive", "pass")
    return (not judgement.definite, order.index(judgement.state))
