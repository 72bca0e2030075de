"""How long the gates get, by what their proofs need. Pure."""

from collections.abc import Mapping, Sequence

from deployctl.config.settings import RolloutSettings
from deployctl.gates.base import AnyGate, Need, Observation
from deployctl.gates.runner import Unobserved


def needs_of(gates: Sequence[AnyGate], seen: Mapping[str, Observation]) -> dict[str, Need]:
    """Gate -> what its proof needs, for the required gates of which a look has told it."""
    required = {gate.name: gate for gate in gates if gate.mode == "required"}
    found = {
        name: required[name].need(observation)
        for name, observation in seen.items()
        if name in required and not isinstance(observation, Unobserved)
    }
    return {name: need for name, need in found.items() if need is not None}


def with_room(times: RolloutSettings, needs: Mapping[str, Need]) -> RolloutSettings:
    """The times, with a deadline that leaves room for every proof unless somebody has set one."""
    if "deadline" in times.model_fields_set:
        return times
    ample = max((need.ample for need in needs.values()), default=0.0)
    return times.model_copy(update={"deadline": max(times.deadline, ample + times.min_healthy)})


def too_short(times: RolloutSettings, needs: Mapping[str, Need]) -> str:
    """Why no release could be proven within the deadline; empty where one could."""
    for name, need in needs.items():
        if need.least + times.min_healthy > times.deadline:
            return (
                f"the deadline of {times.deadline:g} s is too short for {name}: {need.why} take "
                f"{need.least:g} s, and all gates must then hold for {times.min_healthy:g} s"
            )
    return ""
