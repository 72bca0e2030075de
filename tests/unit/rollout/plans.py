"""A plan as people have it in a file, for the tests of what is done with it."""

from pathlib import Path
from typing import Any

from deployctl.events import PlanReady
from deployctl.evidence.redact import Redactor
from deployctl.rollout import plan_file
from deployctl.rollout.plan_document import Decisions, Plan
from deployctl.rollout.plan_file import Given, PlanFile
from deployctl.rollout.request import Options

from .test_plan_digest import FACTS, decisions

DIFF = "-    image: api:v1\n+    image: api:d73cfb1\n"


def ready(decided: Decisions | None = None, diff: str = DIFF) -> PlanReady:
    return PlanReady(
        digest=plan(decided).digest,
        plan=plan(decided).model_dump(mode="json", by_alias=True),
        diff=diff,
    )


def plan(decided: Decisions | None = None) -> Plan:
    decided = decided or decisions()
    return Plan(digest=decided.digest, decisions=decided, facts=FACTS)


def plan_of(options: Options | None = None, **changes: Any) -> PlanFile:
    decided = decisions(**changes)
    return plan_file.made(ready(decided), plan(decided), options or Options(), None, Redactor())


def given(folder: Path, **changes: Any) -> Given:
    path = folder / "plan.json"
    plan_file.write(path, plan_of(**changes))
    return plan_file.read(path)
