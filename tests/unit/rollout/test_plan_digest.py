"""The plan's digest covers decisions and identities, and nothing that was only observed."""

from typing import Any

import pytest

from deployctl.rollout.plan_document import (
    ChangedFile,
    Decisions,
    Plan,
    PlanFacts,
    PlannedCommit,
    PlannedFile,
    PlannedGate,
    PlannedService,
)

COMMIT = PlannedCommit(
    sha="d73cfb1" + "0" * 33, short="d73cfb1", subject="Expose /metrics",
    source_digest="sha256:s", build_digest="sha256:b",
)  # fmt: skip
SERVICE = PlannedService(
    name="api", container_ids=("c1",), image_id="sha256:i", image_ref="api:v1",
    config_hashes=("h1",), scale=1, state="running",
)  # fmt: skip
FILE = PlannedFile(path="/c.yml", before_sha256="1", after_sha256="2")
GATE = PlannedGate(name="health", service="api", mode="required", threshold="200")
FACTS = PlanFacts(
    changed=(ChangedFile(status="M", path="app/main.py"),), files=8, archive_bytes=2410, layers=(),
    before=("health: pass",), rollback="A failed gate brings back r0.", warnings=(),
)  # fmt: skip


def decisions(**changes: Any) -> Decisions:
    values: dict[str, Any] = {
        "command": "hotfix", "target": "lab", "project": "techno-os", "strategy": "recreate",
        "playbook": "hotfix", "playbook_digest": "sha256:p", "commit": COMMIT,
        "image": "api:d73cfb1", "release": "r1", "previous": None, "services": (SERVICE,),
        "files": (FILE,), "gates": (GATE,), "min_healthy_ms": 10000, "deadline_ms": 120000,
        "swap": True, "build": True,
    }  # fmt: skip
    return Decisions(**{**values, **changes})


def test_the_same_decisions_have_the_same_digest() -> None:
    assert decisions().digest == decisions().digest
    assert decisions().digest.startswith("sha256:")


@pytest.mark.parametrize(
    "change",
    [
        {"command": "rollback"},
        {"target": "prod"},
        {"project": "other"},
        {"playbook_digest": "sha256:q"},
        {"commit": COMMIT.model_copy(update={"sha": "e" * 40})},
        {"commit": COMMIT.model_copy(update={"source_digest": "sha256:t"})},
        {"commit": COMMIT.model_copy(update={"build_digest": "sha256:c"})},
        {"image": "api:other"},
        {"release": "r2"},
        {"services": (SERVICE.model_copy(update={"container_ids": ("c2",)}),)},
        {"services": (SERVICE.model_copy(update={"image_id": "sha256:j"}),)},
        {"services": (SERVICE.model_copy(update={"config_hashes": ("h2",)}),)},
        {"services": (SERVICE.model_copy(update={"scale": 2}),)},
        {"files": (FILE.model_copy(update={"before_sha256": "9"}),)},
        {"files": (FILE.model_copy(update={"after_sha256": "9"}),)},
        {"gates": (GATE.model_copy(update={"threshold": "204"}),)},
        {"gates": (GATE.model_copy(update={"mode": "advisory"}),)},
        {"gates": ()},
        {"min_healthy_ms": 0},
        {"deadline_ms": 1},
        {"swap": False},
        {"advisory": {"health": "because"}},
        {"accept_drift": "because"},
        {"guard": "cron"},
    ],
    ids=str,
)
def test_whatever_is_decided_changes_it(change: dict[str, Any]) -> None:
    assert decisions(**change).digest != decisions().digest


def test_what_was_only_observed_does_not() -> None:
    """Free space, timings and what gates say now are in the plan, beside its decisions."""
    made = decisions()
    first = Plan(digest=made.digest, decisions=made, facts=FACTS)
    later = FACTS.model_copy(update={"before": ("health: fail",), "warnings": ("low on space",)})
    second = Plan(digest=made.digest, decisions=made, facts=later)
    assert first.decisions.digest == second.decisions.digest == first.digest
    assert first.model_dump() != second.model_dump()


def test_the_image_id_that_is_not_known_yet_is_no_part_of_it() -> None:
    assert "image_id" not in Decisions.model_fields
    assert "image_id" not in PlannedCommit.model_fields
