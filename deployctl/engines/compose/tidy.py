"""Retention on the host: asks what is there, and has removed what may go.

What may go is decided by engines/retention.py. The host looks once more before each removal, under
the lock, and lets alone what has found a use meanwhile.
"""

from dataclasses import dataclass

from pydantic import BaseModel

from deployctl.engines.compose.survey import Survey
from deployctl.engines.retention import Holder, Inventory, Made, RunLeft, Spare, Tag
from deployctl.host.connection import Answer, Host
from deployctl.host.failures import understood

LOOK_TIMEOUT = 60.0
TIDY_TIMEOUT = 300.0
NO_REFERENCE = "<none>:<none>"


@dataclass(frozen=True)
class Tidied:
    freed_bytes: int
    failures: tuple[str, ...]
    """what Docker or the disk would not let go, a line each"""


def take(host: Host, survey: Survey) -> Inventory:
    """Raises ProgramFailed, also for an answer that can't be understood."""
    answer = host.run(
        "inventory",
        {"DOCKER": "\n".join(survey.docker), "STATE_DIR": survey.state_dir},
        timeout=LOOK_TIMEOUT,
    )
    with understood("inventory"):
        return parse(answer, survey.project, survey.state_dir)


def parse(answer: Answer, project: str, state_dir: str) -> Inventory:
    """Raises ValueError or LookupError for an answer that is none."""
    return Inventory(
        tags=tuple(_tag(*row) for row in _rows(answer, "tags", 2)),
        holders=tuple(_holder(line, project, state_dir) for line in _lines(answer, "holders")),
        runs=tuple(
            RunLeft(run_id, state, int(ended), release)
            for run_id, state, ended, release in _rows(answer, "runs", 4)
        ),
        made=tuple(
            Made(run_id, image, reference)
            for run_id, image, reference, _ in _rows(answer, "made", 4)
        ),
        elsewhere=frozenset(_lines(answer, "elsewhere")),
    )


def carry_out(host: Host, survey: Survey, spare: Spare, live: str, order: "Order") -> Tidied:
    """Has it removed. `live` is the release in whose favour it goes.

    Raises ProgramFailed: of kind `busy`, where another rollout has begun since.
    """
    answer = host.run(
        "tidy",
        {
            "DOCKER": "\n".join(survey.docker),
            "STATE_DIR": survey.state_dir,
            "STATE_GROUP": order.state_group,
            "ROOT": survey.docker_root,
            "RUN_ID": order.run_id,
            "LIVE": live,
            "KEEPERS": "\n".join(spare.keepers),
            "TAGS": "\n".join(_line(tag, spare) for tag in spare.tags),
            "IMAGES": "\n".join(spare.images),
            "RUNS": "\n".join(spare.runs),
            "RECORDS": "\n".join(spare.records),
            "CACHE": "" if order.cache_bytes is None else str(order.cache_bytes),
        },
        timeout=TIDY_TIMEOUT,
    )
    with understood("tidy"):
        freed = answer.text("freed")
        return Tidied(
            freed_bytes=int(freed) if freed.isdecimal() else 0,
            failures=tuple(_lines(answer, "failed")),
        )


@dataclass(frozen=True)
class Order:
    """In whose name it is tidied, and how much of the build cache may stay (None: all)."""

    run_id: str
    state_group: str
    cache_bytes: int | None


class _Container(BaseModel):
    """A line of `holders` (programs/inventory.sh)."""

    id: str
    image: str
    pin: str | None = ""
    status: str | None = ""
    keeps: str | None = ""
    state: str | None = ""


def _holder(line: str, project: str, state_dir: str) -> Holder:
    """One that has run, or that another project keeps an image by, is no keeper of ours."""
    found = _Container.model_validate_json(line)
    ours = (
        (found.keeps or "").startswith(f"{project}/")
        and found.state == state_dir
        and found.status == "created"
    )
    return Holder(found.id, found.image, (found.pin or "") if ours else "")


def _tag(image_id: str, reference: str) -> Tag:
    return Tag(image_id, "" if reference == NO_REFERENCE else reference)


def _rows(answer: Answer, name: str, width: int) -> list[list[str]]:
    rows = [line.split("\t") for line in _lines(answer, name)]
    if any(len(row) != width for row in rows):
        raise ValueError(f"a line of {name} has another form")
    return rows


def _lines(answer: Answer, name: str) -> list[str]:
    return [line for line in answer.text(name).split("\n") if line]


def _line(tag: Tag, spare: Spare) -> str:
    whose = " another's" if tag.image_id in spare.others else ""
    return f"{tag.image_id} {tag.reference}{whose}"
