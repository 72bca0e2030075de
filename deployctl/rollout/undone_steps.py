"""What became of a playbook's steps when a run was rolled back, and how that is told."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployctl.rollout.steps import FACT, RunStep
from deployctl.rollout.user_steps import as_text

_NOTED = re.compile(r"undo of ([a-z0-9, -]+) failed; ")


@dataclass
class UndoneSteps:
    """The steps whose undo commands were run, by how those ended."""

    done: list[RunStep] = field(default_factory=list)
    stuck: list[RunStep] = field(default_factory=list)


def noted(reason: str, stuck: Sequence[RunStep]) -> str:
    """The reason that the host keeps of a rollback, with the steps that were not undone."""
    return f"undo of {names(stuck)} failed; {reason}" if stuck else reason


def not_undone(kept: str) -> str:
    """The names of the steps that were not undone, by what the host has kept; empty for none."""
    found = _NOTED.match(kept)
    return found[1] if found else ""


def names(steps: Sequence[RunStep]) -> str:
    return ", ".join(step.name for step in steps)


def by_hand(steps: Sequence[RunStep], facts: Mapping[str, str]) -> str:
    """How a person undoes them: where, and the commands, a line each; `facts` as steps get them."""
    return "\n".join(_by_hand(step, facts) for step in steps)


def _by_hand(step: RunStep, facts: Mapping[str, str]) -> str:
    command = as_text(step.undo) if step.undo is not None else ""
    wanted = sorted({first or second for first, second in FACT.findall(command)} & facts.keys())
    lines = [f"export {name}={shlex.quote(facts[name])}" for name in wanted]
    lines += command.strip().splitlines()
    needs = f", with {', '.join(step.env)} in the environment" if step.env else ""
    where = "on the host" if step.where == "host" else "on the machine that runs deployctl"
    told = "".join(f"\n  {line}" for line in lines)
    return f"Undo what the step {step.name} changed, {where}{needs}:{told}"
