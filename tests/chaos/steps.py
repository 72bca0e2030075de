"""The steps at which a run can be broken: its stages here, and what its job writes down there.

They come from the code, so that a new step is broken without anybody remembering it.
"""

import re
from dataclasses import dataclass
from typing import Literal

from deployctl.host.programs import program_text
from deployctl.rollout.playbook import builtin

_STEP = re.compile(r'^\s*step "?([a-z][a-z-]*[a-z])(?=[" \n$])', re.MULTILINE)
_STATE = re.compile(r"\bwrite_state ([a-z_]+)")
JourneyName = Literal["hotfix", "failing-hotfix", "rollback"]
"""a hotfix that is good; one whose gates fail; a rollback that was asked for"""
WITHIN = ("start-service", "restore-service")
"""steps that take so long that they are broken in their middle as well"""


@dataclass(frozen=True)
class Step:
    journey: JourneyName
    side: Literal["client", "host"]
    name: str
    """of a stage, or of a step of the host's job"""
    within: bool = False
    """a moment after it has begun"""

    @property
    def over(self) -> bool:
        """The host's part of the run has ended: what happens there from now on is not the run's."""
        return self.side == "client" and self.name == "seal"

    def __str__(self) -> str:
        place = f"{self.journey} {self.side} {self.name}"
        return f"{place} (within)" if self.within else place


def host_steps() -> frozenset[str]:
    """Whatever job.sh can write down."""
    text = program_text("job")
    states = {f"state-{word}" for word in _STATE.findall(text)}
    return frozenset(set(_STEP.findall(text)) - {"state"} | states)


# What each journey comes to on the host, where it goes as it should. A step of the code's that
# stands nowhere here, or one here that the code doesn't have, fails test_steps.py.
_FORWARD = (
    "guard", "state-prepared", "keep-files", "reserve", "ask-compose", "pin-images",
    "state-armed", "replace-file", "start-service", "state-swapped",
)  # fmt: skip
_CONFIRMED = ("record-release", "record-live", "state-confirmed", "clean-up")
_BACK = (
    "state-rolling_back", "keep-evidence", "wait-for-docker", "restore-file", "restore-service",
    "forget-release", "state-rolled_back", "clean-up",
)  # fmt: skip
ON_HOST: dict[JourneyName, tuple[str, ...]] = {
    "hotfix": (*_FORWARD, *_CONFIRMED),
    "failing-hotfix": _BACK,  # up to its gates it is a hotfix like the other
    "rollback": (*_FORWARD, *_CONFIRMED),
}
ONLY_AFTER_A_FAULT = frozenset(
    {"wake-container", "state-released", "state-rollback_failed", "state-kept"}
)
"""written down only where something went wrong before"""


def steps() -> tuple[Step, ...]:
    found: list[Step] = []
    for journey, on_host in ON_HOST.items():
        if journey != "failing-hotfix":
            stages = builtin("rollback" if journey == "rollback" else "hotfix").stages
            found += [Step(journey, "client", stage.name) for stage in stages]
        for name in on_host:
            found.append(Step(journey, "host", name))
            if name in WITHIN:
                found.append(Step(journey, "host", name, within=True))
    return tuple(found)
