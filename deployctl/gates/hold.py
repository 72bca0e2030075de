"""When a release is proven, when it has failed, and when the next look is due. Pure.

A release is proven when every required gate has passed without a break for the minimum healthy
time: from the moment at which the last of them first passed, until looks that *began* after that
time was over. A failure of any gate, or a restart of the service, starts the clock again.

A minimum healthy time of 0 asks for one moment at which all hold: the latest look of each must
have passed, and have begun after the last break, be that another gate's.

All times are seconds on one monotonic clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from deployctl.gates.base import Judgement

GIVE_UP_AFTER: Final = 3.0
"""Seconds of unbroken failure after which a gate that had passed has failed for good."""

_GIVE_UP_LOOKS: Final = 3

EndKind = Literal["proven", "definite", "relapse", "deadline", "cancelled"]


@dataclass(frozen=True)
class End:
    """Why a hold is over, and the gate that ended it, where one did."""

    kind: EndKind
    gate: str | None = None


@dataclass
class Track:
    """What is known about one gate so far."""

    required: bool
    attempts: int = 0
    judgement: Judgement | None = None
    started: float = 0.0
    ended: float = 0.0
    pass_since: float | None = None
    passed_once: bool = False
    relapse: Judgement | None = None
    """the last failure after a pass"""
    failures: int = 0
    failing_since: float = 0.0
    patience: float = 0.0
    identity: str = ""


class Hold:
    """`required`: gate -> whether it must pass. `deadline` and `began` are absolute times."""

    def __init__(
        self,
        required: Mapping[str, bool],
        *,
        began: float,
        deadline: float,
        min_healthy: float,
        give_up_after: float = GIVE_UP_AFTER,
    ) -> None:
        self.tracks = {name: Track(required=needed) for name, needed in required.items()}
        self._began = began
        self._deadline = deadline
        self._min_healthy = min_healthy
        self._give_up_after = give_up_after
        self._reset_at = began
        self._broken_at = began
        """when a required gate last did not pass, or the service was restarted"""

    def record(
        self,
        name: str,
        judgement: Judgement,
        *,
        started: float,
        ended: float,
        identity: str = "",
        patience: float = 0.0,
    ) -> None:
        """One look's outcome. `patience`: seconds of failure this gate may need to notice a repair.

        `identity` changes when the service was replaced or restarted.
        """
        if identity:
            known = self.tracks[name].identity
            if known and known != identity:
                self._reset(ended)
            self.tracks[name].identity = identity
        track = self.tracks[name]
        track.attempts += 1
        track.judgement, track.started, track.ended = judgement, started, ended
        track.patience = patience
        if judgement.state == "pass":
            self._passed(track)
        else:
            self._did_not_pass(track, judgement)

    def _reset(self, at: float) -> None:
        self._reset_at = at
        self._broken_at = max(self._broken_at, at)
        for track in self.tracks.values():
            track.pass_since = None

    def _passed(self, track: Track) -> None:
        track.passed_once = True
        track.failures = 0
        if track.pass_since is None and track.started >= self._reset_at:
            track.pass_since = track.ended

    def _did_not_pass(self, track: Track, judgement: Judgement) -> None:
        track.pass_since = None
        if track.required:
            self._broken_at = max(self._broken_at, track.ended)
        if judgement.state != "fail":
            track.failures = 0
            return
        if not track.failures:
            track.failing_since = track.ended
        track.failures += 1
        if track.passed_once:
            track.relapse = judgement

    def end(self, now: float, *, cancelled: bool = False) -> End | None:
        """None while it is worth going on."""
        required = {name: track for name, track in self.tracks.items() if track.required}
        if self._proven():
            return End("proven")
        for name, track in required.items():
            if track.judgement and track.judgement.definite and track.judgement.state != "pass":
                return End("definite", name)
        for name, track in required.items():
            if self._relapsed(track):
                return End("relapse", name)
        if cancelled:
            return End("cancelled")
        return End("deadline") if now >= self._deadline else None

    def _relapsed(self, track: Track) -> bool:
        patience = max(self._give_up_after, track.patience)
        return (
            track.passed_once
            and track.failures >= _GIVE_UP_LOOKS
            and track.ended - track.failing_since >= patience
        )

    def _proof_from(self) -> float | None:
        """Looks that begin then are the proof; None while some required gate doesn't pass."""
        required = [track for track in self.tracks.values() if track.required]
        since = [track.pass_since for track in required if track.pass_since is not None]
        if not required or len(since) < len(required):
            return None
        if self._min_healthy <= 0:
            return self._broken_at
        return max(since) + self._min_healthy

    def _proven(self) -> bool:
        over = self._proof_from()
        if over is None:
            return False
        return all(track.started >= over for track in self.tracks.values() if track.required)

    def due(self, name: str, pause: float) -> float:
        """When this gate should look again: after its pause, or when its look is the proof."""
        track = self.tracks[name]
        usual = track.ended + pause
        over = self._proof_from()
        if over is None or not track.required or track.started >= over:
            return usual
        return min(usual, max(track.ended, over))

    def verdicts(self, end: End, needs: Mapping[str, float]) -> dict[str, Judgement]:
        """The last word on every gate. Nothing is a pass that was not proven.

        `needs`: gate -> how many seconds its proof may take, where that is known.
        """
        verdicts = {
            name: self._with_need(self._verdict(name, track, end), needs.get(name))
            for name, track in self.tracks.items()
        }
        required = [name for name, track in self.tracks.items() if track.required]
        all_pass = all(verdicts[name].state == "pass" for name in required)
        if end.kind != "proven" and required and all_pass:
            latest = max(required, key=lambda name: self.tracks[name].pass_since or 0.0)
            verdicts[latest] = self._not_proven(self.tracks[latest], verdicts[latest], end)
        return verdicts

    def _verdict(self, name: str, track: Track, end: End) -> Judgement:
        judgement = track.judgement
        if judgement is None:
            waited = self._deadline - self._began
            return Judgement("inconclusive", "nothing", f"no answer yet, of {waited:g} s at most")
        if end.kind == "relapse" and end.gate == name:
            took = track.ended - track.failing_since
            how = f"it passed before, then failed {track.failures} times in {took:.1f} s"
            return replace(judgement, reason=f"{judgement.reason} ({how})")
        unproven = end.kind in {"deadline", "cancelled"} and track.required
        if unproven and judgement.state == "pass" and not self._held(track):
            return self._not_proven(track, judgement, end)
        return judgement

    def _held(self, track: Track) -> bool:
        return track.pass_since is not None and self._ran(track) >= self._min_healthy

    def _ran(self, track: Track) -> float:
        return track.ended - (track.ended if track.pass_since is None else track.pass_since)

    def _not_proven(self, track: Track, judgement: Judgement, end: End) -> Judgement:
        when = "it was interrupted" if end.kind == "cancelled" else "the deadline came"
        text = f"it held for {self._ran(track):.1f} s of {self._min_healthy:g} s when {when}"
        if track.relapse and end.kind == "deadline":
            return replace(
                judgement, state="fail", reason=f"{text}; before: {track.relapse.reason}"
            )
        return replace(judgement, state="inconclusive", reason=text)

    def _with_need(self, judgement: Judgement, need: float | None) -> Judgement:
        allowed = self._deadline - self._began
        if judgement.state == "pass" or need is None or need <= allowed:
            return judgement
        hint = f"a proof takes about {need:.0f} s, the deadline is {allowed:g} s"
        return replace(judgement, reason=f"{judgement.reason}; {hint}".lstrip("; "))
