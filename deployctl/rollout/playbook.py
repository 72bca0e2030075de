"""A playbook: the flow of a rollout as data, refused when it is loaded if it would be unsafe."""

import hashlib
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import ConfigDict, ValidationError

from deployctl.config.faults import Fault, InvalidFileError
from deployctl.config.fields import StepName
from deployctl.config.load import read, unreadable
from deployctl.config.section import Section
from deployctl.config.settings import RolloutSettings
from deployctl.config.tree import Mapping, Node, Scalar, Sequence, parse
from deployctl.config.validate import unknown_key, validate
from deployctl.data import data_path
from deployctl.errors import ConfigError
from deployctl.rollout.safety import Finding, Kind, Stage, findings
from deployctl.rollout.steps import (
    PARAMS,
    STEPS,
    BuildParams,
    GateParams,
    HttpStep,
    Params,
    RunStep,
    ShipParams,
)

NEXT_STEP: Final = (
    "Correct the playbook; leave --playbook out to use the one that deployctl brings."
)

P = TypeVar("P", bound=Params)


@dataclass(frozen=True)
class Playbook:
    """A safe order of stages. `digest` (`sha256:…`) is that of the file's bytes."""

    name: str
    kind: Kind
    stages: tuple[Stage, ...]
    digest: str

    def params(self, kind: type[P]) -> P:
        """The parameters of the stage that takes this kind; all unset where there is none."""
        given = (stage.params for stage in self.stages if isinstance(stage.params, kind))
        return next(given, kind())

    @property
    def armed_steps(self) -> tuple[RunStep | HttpStep, ...]:
        """The user's steps that run while the host is armed."""
        before = takewhile(lambda stage: stage.name != "confirm", self.stages)
        armed = dropwhile(lambda stage: stage.name != "arm", before)
        return tuple(
            stage.params for stage in armed if isinstance(stage.params, RunStep | HttpStep)
        )

    def timing(self, settings: RolloutSettings) -> RolloutSettings:
        """The settings with what the playbook's stages say put over them.

        What neither of the two says stays unset in the answer. Raises ConfigError where they
        contradict each other.
        """
        gate = self.params(GateParams)
        said = {
            "min_healthy": gate.min_healthy,
            "deadline": gate.deadline,
            "build_timeout": self.params(BuildParams).timeout,
            "ship_timeout": self.params(ShipParams).timeout,
        }
        given = {key: value for key, value in said.items() if value is not None}
        try:
            return RolloutSettings(**{**settings.model_dump(exclude_unset=True), **given})
        except ValidationError as error:
            raise ConfigError(
                f"The playbook {self.name} and the settings' `rollout:` together leave the gates "
                "no time: min_healthy must be shorter than the deadline.",
                next_step="Give both in the playbook's gate stage, or both in `rollout:`.",
            ) from error


class Head(Section):
    """The top of the file; the items of `stages` are checked one by one."""

    model_config = ConfigDict(title="deployctl playbook")

    version: Literal[1]
    """The version of the playbook format."""
    name: StepName
    """The playbook's name, shown in the plan."""
    kind: Kind
    """The command that runs it: `deployctl hotfix` or `deployctl rollback`."""
    stages: list[Any]
    """The stages in their order: a stage's name, `{stage: parameters}`, `{run: …}`, `{http: …}`."""


def builtin(name: Kind) -> Playbook:
    """The playbook that deployctl brings for that command."""
    return load_playbook(data_path("playbooks", f"{name}.yml"), name)


def load_playbook(path: Path, kind: Kind | None = None) -> Playbook:
    """Raises ConfigError with every fault; with `kind`, also for a playbook of the other kind."""
    file = str(path)
    data = read(path)
    root, faults = parse(data, file)
    if not isinstance(root, Mapping):
        expected = "expected a mapping with `stages`"
        raise InvalidFileError(unreadable(file, root, faults, expected), next_step=NEXT_STEP)
    if not root.entries.keys() & Head.model_fields.keys():
        # Another kind of file, perhaps one of secrets: nothing of it is shown.
        expected = "no key here is a playbook's; expected a mapping with `stages`"
        raise InvalidFileError([Fault(file, root.mark, (), expected)], next_step=NEXT_STEP)
    head, head_faults = validate(Head, root, file=file, directory=path.absolute().parent)
    nodes = _items(root)
    read_items = [_stage(file, node) for node in nodes]
    faults += head_faults
    faults += [fault for _, found in read_items for fault in found]
    stages = [stage for stage, _ in read_items if stage is not None]
    if head is not None and len(stages) == len(nodes):
        faults += [_fault(file, root, nodes, found) for found in findings(head.kind, stages)]
    if faults or head is None:
        raise InvalidFileError(faults, next_step=NEXT_STEP)
    if kind is not None and head.kind != kind:
        raise ConfigError(
            f"{file} is a playbook for `deployctl {head.kind}`, not for `deployctl {kind}`.",
            next_step=f"Give a playbook with `kind: {kind}`, or leave --playbook out.",
        )
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return Playbook(name=head.name, kind=head.kind, stages=tuple(stages), digest=digest)


def _items(root: Mapping) -> tuple[Node, ...]:
    node = root.entries.get("stages")
    return node.items if isinstance(node, Sequence) else ()


def _stage(file: str, item: Node) -> tuple[Stage | None, list[Fault]]:
    """One item as a stage, or what is wrong with it."""
    if isinstance(item, Mapping) and len(item.entries) == 1:
        [(word, node)] = item.entries.items()
        mark = item.key_marks[word]
    elif isinstance(item, Scalar) and isinstance(item.value, str):
        word, node, mark = item.value, item, item.mark
    else:
        message = "expected a stage's name, or one of {stage: parameters}, {run: …}, {http: …}"
        return None, [Fault(file, item.mark, item.path, message)]
    model = PARAMS.get(word) or STEPS.get(word)
    if model is None:
        message = unknown_key(word, [*PARAMS, *STEPS], "stage")
        return None, [Fault(file, mark, item.path, message)]
    if isinstance(node, Scalar) and (node is item or node.value is None):
        node = Mapping({}, {}, mark, (*item.path, word))
    if not isinstance(node, Mapping):
        return None, [Fault(file, node.mark, node.path, f"expected {word}'s parameters, a mapping")]
    params, faults = validate(model, node, file=file, directory=Path())
    return (None, faults) if params is None else (_named(word, params), faults)


def _named(word: str, params: Params) -> Stage:
    match params:
        case RunStep():
            return Stage(params.name, "run", params)
        case HttpStep():
            return Stage(params.name, "http", params)
        case _:
            return Stage(word, "builtin", params)


def _fault(file: str, root: Mapping, nodes: tuple[Node, ...], finding: Finding) -> Fault:
    node = root.entries["stages"] if finding.index is None else nodes[finding.index]
    return Fault(file, node.mark, node.path, finding.message)
