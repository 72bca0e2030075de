"""The user's own command on the host: exit code, text, number."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deployctl.config.gates import CommandGateSettings
from deployctl.errors import UnreachableError
from deployctl.gates.base import (
    EVIDENCE_BYTES,
    CommandOutcome,
    Gate,
    GateContext,
    Judgement,
    Observation,
    RawAnswer,
)
from deployctl.gates.endpoint import shown
from deployctl.gates.expect import bounds_text, outside
from deployctl.gates.matching import matches


@dataclass(frozen=True, kw_only=True)
class CommandObservation(Observation):
    outcome: CommandOutcome | None
    """None: it did not end in time"""
    latency: float
    command: str
    clean: Callable[[bytes], bytes] = field(default=bytes, repr=False, compare=False)
    """takes secrets out of what is shown and kept"""

    @property
    def raw(self) -> tuple[RawAnswer, ...]:
        if self.outcome is None:
            return ()
        streams = (self.outcome.stdout, self.outcome.stderr)
        output = b"".join(streams)
        # The host sends no more than the end of each.
        cut = any(len(stream) >= EVIDENCE_BYTES for stream in streams)
        return (
            RawAnswer(
                source=self.command,
                status=f"exit code {self.outcome.exit_code}",
                content_type="text/plain",
                body=self.clean(output),
                kept="the last 64 KiB of each stream" if cut else "all",
                size_bytes=len(output),
                sha256=hashlib.sha256(output).hexdigest(),
                latency=self.latency,
            ),
        )


class CommandGate(Gate[CommandObservation]):
    def __init__(self, name: str, settings: CommandGateSettings, service: str) -> None:
        super().__init__(
            name,
            mode=settings.mode,
            service=service,
            timeout=settings.timeout,
            interval=settings.interval,
        )
        self._settings = settings
        parts = [f"exit code {settings.exit_code}"]
        if settings.matches is not None:
            parts.append(f"prints /{settings.matches}/")
        if settings.number is not None:
            parts.append(f"prints a number {bounds_text(settings.number.bounds)}")
        self.threshold = ", ".join(parts)

    def observe(
        self,
        ctx: GateContext,
        previous: CommandObservation | None = None,  # noqa: ARG002
    ) -> CommandObservation:
        started = time.monotonic()
        outcome: CommandOutcome | None = None
        try:
            outcome = ctx.run(self._settings.run, self.timeout)
        except UnreachableError:
            raise  # it did not even begin
        except TimeoutError:
            pass  # judged: no outcome in time
        return CommandObservation(
            outcome=outcome,
            latency=time.monotonic() - started,
            command=self._settings.run,
            clean=ctx.clean,
        )

    def judge(self, observation: CommandObservation) -> Judgement:
        outcome = observation.outcome
        if outcome is None:
            return Judgement("fail", "still running", f"it did not end within {self.timeout:g} s")
        clean = observation.clean
        printed = shown(clean(outcome.stdout)) or shown(clean(outcome.stderr))
        observed = ", ".join(filter(None, (f"exit code {outcome.exit_code}", printed)))
        reason = self._fault(outcome)
        return Judgement("fail" if reason else "pass", observed, reason)

    def _fault(self, outcome: CommandOutcome) -> str:
        settings = self._settings
        if outcome.exit_code != settings.exit_code:
            return f"exit code {outcome.exit_code}, expected {settings.exit_code}"
        text = outcome.stdout.decode("utf-8", "replace")
        if settings.matches is not None and not matches(settings.matches, text):
            return f"what it printed does not match /{settings.matches}/"
        if settings.number is None:
            return ""
        try:
            number = float(text.strip())
        except ValueError:
            return "what it printed is not a number"
        return outside(number, settings.number.bounds)
