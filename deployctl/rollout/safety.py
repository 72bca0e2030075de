"""What would make a playbook unsafe. Pure: a list of stages in, findings out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from deployctl.rollout.steps import PARAMS, HttpStep, Params, RunStep

Kind = Literal["hotfix", "rollback"]

ORDER: Final = tuple(PARAMS)
STAGES_OF: Final[dict[Kind, tuple[str, ...]]] = {
    "hotfix": ORDER,
    "rollback": tuple(stage for stage in ORDER if stage not in ("ship", "build")),
}

_WHY: Final = {
    "preflight": "what would fail half-way must be found before anything changes",
    "capture": "what ran before must be known, or nothing can be put back",
    "approve": "nothing may change that nobody approved",
    "ship": "the host can only build what it was sent",
    "build": "only an image that was built can be switched to",
    "backup": "what runs must be kept before it is replaced",
    "arm": "the host must be able to roll back by itself before anything is replaced",
    "swap": "gates, confirmation and seal are about the release that it starts",
    "gate": "a release must prove itself before it may stay",
    "confirm": "what is sealed must have been read back over a fresh connection",
    "seal": "a run without evidence can't be verified",
}


@dataclass(frozen=True)
class Stage:
    """One item of a playbook. `name` is a stage's name, or the one that the user gave a step."""

    name: str
    kind: Literal["builtin", "run", "http"]
    params: Params


@dataclass(frozen=True)
class Finding:
    """`index` is the item that is wrong; None where one is missing."""

    index: int | None
    message: str


def findings(kind: Kind, stages: Sequence[Stage]) -> list[Finding]:
    """Every reason not to run these stages in this order."""
    return [
        *_repeated(stages),
        *_foreign(kind, stages),
        *_missing(kind, stages),
        *_disordered(stages),
        *_after_seal(stages),
        *_unapproved(stages),
        *_without_rollback(stages),
        *_untimely(stages),
    ]


def _repeated(stages: Sequence[Stage]) -> Iterable[Finding]:
    seen: set[str] = set()
    for index, stage in enumerate(stages):
        if stage.kind != "builtin" and stage.name in PARAMS:
            yield Finding(index, f"a step can't be named {stage.name}, as a stage is")
        elif stage.name in seen:
            what = "the stage" if stage.kind == "builtin" else "a step named"
            yield Finding(index, f"{what} {stage.name} stands here twice; expected it once")
        seen.add(stage.name)


def _foreign(kind: Kind, stages: Sequence[Stage]) -> Iterable[Finding]:
    for index, stage in enumerate(stages):
        if stage.kind == "builtin" and stage.name not in STAGES_OF[kind]:
            yield Finding(
                index,
                f"a {kind} has no stage {stage.name}: it goes back to an image that the host has",
            )


def _missing(kind: Kind, stages: Sequence[Stage]) -> Iterable[Finding]:
    present = {stage.name for stage in stages if stage.kind == "builtin"}
    for name in STAGES_OF[kind]:
        if name not in present:
            yield Finding(None, f"the stage {name} is missing: {_WHY[name]}")


def _disordered(stages: Sequence[Stage]) -> Iterable[Finding]:
    latest = ""
    for index, stage in enumerate(stages):
        if stage.kind != "builtin":
            continue
        if latest and ORDER.index(stage.name) < ORDER.index(latest):
            why = f"{stage.name} must stand before {latest}: {_WHY[stage.name]}"
            yield Finding(index, why)
        else:
            latest = stage.name


def _after_seal(stages: Sequence[Stage]) -> Iterable[Finding]:
    at = _position(stages, "seal")
    if at is not None and at != len(stages) - 1:
        yield Finding(at, "seal must be the last: what follows it would be missing from it")


def _unapproved(stages: Sequence[Stage]) -> Iterable[Finding]:
    approve = _position(stages, "approve")
    for index, stage in enumerate(stages[:approve]):
        if _may_change(stage.params):
            yield Finding(
                index,
                f"the step {stage.name} must stand after approve: {_WHY['approve']} "
                "(only http steps with GET or HEAD may come earlier)",
            )


def _may_change(params: Params) -> bool:
    if isinstance(params, HttpStep):
        return params.method not in ("GET", "HEAD")
    return isinstance(params, RunStep)


def _without_rollback(stages: Sequence[Stage]) -> Iterable[Finding]:
    arm, confirm = _position(stages, "arm"), _position(stages, "confirm")
    for index, stage in enumerate(stages):
        if arm is None or not isinstance(stage.params, RunStep):
            continue
        confirmed = confirm is not None and index > confirm
        if index > arm and not confirmed and stage.params.rollback is None:
            yield Finding(
                index,
                f"the step {stage.name} stands after arm and doesn't say what a rollback means "
                "for it; expected `rollback:` with safe, unsafe or the command that undoes it",
            )
        elif index < arm and stage.params.rollback is not None:
            yield Finding(
                index,
                f"the step {stage.name} stands before arm, where no rollback would undo it; "
                "move it after arm, or leave `rollback:` out",
            )


def _untimely(stages: Sequence[Stage]) -> Iterable[Finding]:
    confirm = _position(stages, "confirm")
    for index, stage in enumerate(stages[:confirm]):
        if isinstance(stage.params, RunStep | HttpStep) and stage.params.when != "success":
            yield Finding(
                index,
                f"the step {stage.name} is for the end of a run (`when: {stage.params.when}`); it "
                "must stand after confirm",
            )


def _position(stages: Sequence[Stage], name: str) -> int | None:
    names = (index for index, stage in enumerate(stages) if stage.name == name)
    return next(names, None)
