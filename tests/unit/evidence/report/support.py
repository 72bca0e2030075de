"""Small runs with all that a report can show, made as the tool makes them: no copies of real ones.

`python tests/unit/evidence/report/support.py DIRECTORY` writes one of each, to look at by eye.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deployctl.events import (
    Approved,
    Event,
    Note,
    RollbackEnded,
    RollbackStarted,
    StageEnded,
    StageStarted,
    Switched,
)
from deployctl.evidence.event_json import event_document
from deployctl.evidence.report.story import Story, read_story
from deployctl.evidence.report.views import write_views
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import seal
from deployctl.result import (
    Availability,
    GateResult,
    Release,
    Result,
    Rollback,
    ServiceResult,
    StageResult,
    Untouched,
)

BEGAN = datetime(2026, 1, 3, 7, 32, tzinfo=UTC)
SHA = "d73cfb1" + "0" * 33
DIGEST = "sha256:" + "3f2a" * 16
OLD_IMAGE, NEW_IMAGE = "sha256:" + "aa" * 32, "sha256:" + "bb" * 32
NEEDS = {
    "container": "running, not unhealthy, the right image, no restarts",
    "health": 'GET /health answers 200, JSON with {"status": "ok"}',
    "metrics": "GET /metrics exposes python_gc_objects_collected_total",
}
STAGES = (
    ("preflight", 0.0, 0.9), ("capture", 0.9, 0.3), ("approve", 1.2, 0.1), ("ship", 1.3, 0.2),
    ("build", 1.5, 2.0), ("backup", 3.5, 0.0), ("arm", 3.5, 0.2), ("swap", 3.7, 2.0),
)  # fmt: skip
PLAN: dict[str, Any] = {
    "digest": DIGEST,
    "decisions": {
        "command": "hotfix",
        "target": "production",
        "project": "techno-os",
        "strategy": "recreate",
        "playbook": "hotfix",
        "playbookDigest": DIGEST,
        "commit": {
            "sha": SHA,
            "short": "d73cfb1",
            "subject": "Expose /metrics",
            "sourceDigest": DIGEST,
            "buildDigest": DIGEST,
        },
        "image": "techno-os-api:d73cfb1",
        "release": "r1",
        "files": [
            {
                "path": "/opt/app/docker-compose.yml",
                "beforeSha256": "a" * 64,
                "afterSha256": "b" * 64,
            }
        ],
        "gates": [],
        "swap": True,
        "build": True,
        "advisory": {"metrics": "its disk is full"},
        "acceptDrift": None,
        "repair": None,
        "guard": "root-unit",
    },
    "facts": {
        "changed": [{"status": "M", "path": "app/main.py"}],
        "files": 8,
        "archiveBytes": 2521,
        "layers": [{"instruction": "FROM python", "cached": True}],
        "warnings": ["api has no restart policy."],
    },
}
DIFF = "--- a/docker-compose.yml\n+++ b/docker-compose.yml\n@@ -1 +1 @@\n-  image: a\n+  image: b\n"


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def gate(name: str, when: Any, state: Any = "pass", **values: Any) -> GateResult:
    reason = "" if state == "pass" else "status 404, expected 200"
    told = {
        "service": "api",
        "observed": "200, as it should" if state == "pass" else "404",
        "threshold": NEEDS.get(name, "200"),
        "attempts": 1 if when == "before" else 23,
        "reason": reason,
    }
    return GateResult(name=name, when=when, state=state, **{**told, **values})


def stages(*more: tuple[str, float, float, str]) -> list[StageResult]:
    rows = [*((name, began, took, "passed") for name, began, took in STAGES), *more]
    return [
        StageResult(
            name=name,
            state=state,  # type: ignore[arg-type]
            started_at=at(began),
            duration_ms=round(took * 1000),
        )
        for name, began, took, state in rows
    ]


def result(ending: str = "sealed", **values: Any) -> Result:
    """`sealed`, `rolled-back` or `refused`."""
    told: dict[str, Any] = {
        "command": "hotfix",
        "run_id": f"20260103T073200Z-hotfix-{ending[:6]}",
        "target": "production",
        "started_at": BEGAN,
    }
    if ending == "refused":
        told |= {
            "result": "refused",
            "exit_code": 23,
            "reason": "There is no commit 0000000.",
            "production": "Production was not touched.",
            "next_step": "Check the name.",
            "duration_ms": 50,
            "stages": [StageResult(name="preflight", state="failed", started_at=at(0.0),
                                   duration_ms=40)],
        }  # fmt: skip
        return Result(**{**told, **values})
    good = ending == "sealed"
    told |= {
        "result": ending,
        "exit_code": 0 if good else 21,
        "reason": "r1 is live and every gate holds." if good else "metrics: status 404",
        "production": "r1 serves." if good else "r0 serves again.",
        "duration_ms": 20_000,
        "stages": stages(("gate", 5.7, 14.0, "passed"))
        if good
        else stages(("gate", 5.7, 6.0, "failed"), ("rollback", 11.7, 8.0, "passed")),
        "release": Release(number="r1", sha=SHA, image="techno-os-api:d73cfb1", image_id=NEW_IMAGE,
                           source_digest=DIGEST),
        "previous": Release(number="r0", image="techno-os-api:old", image_id=OLD_IMAGE),
        "services": [ServiceResult(name="api", container_id="c" * 64, image_id=NEW_IMAGE)],
        "gates": [
            gate("container", "before"),
            gate("health", "before"),
            gate("metrics", "before", "fail"),
            gate("container", "after"),
            gate("health", "after"),
            gate("metrics", "after", "pass" if good else "fail"),
            *([] if good else [gate("container", "rollback"), gate("health", "rollback")]),
        ],
        "untouched": [Untouched(service="postgres", container_id="p" * 64, same=True)],
        "shipped_bytes": 2521,
        "plan_digest": DIGEST,
        "availability": Availability(
            probes=720, failures=80, unknown=0, downtime_ms=2000, resolution_ms=27
        ),
        "rollback": Rollback()
        if good
        else Rollback(performed=True, state="proven", duration_ms=1800, reason="metrics"),
    }  # fmt: skip
    return Result(**{**told, **values})


def events(ending: str) -> list[Event]:
    if ending == "refused":
        return []
    told: list[Event] = [
        Approved(at=at(1.2), by="ana", how="typed", digest=DIGEST),
        StageStarted(at=at(1.3), stage="ship", title="Ship the source"),
        StageEnded(at=at(3.7), stage="arm", state="passed", duration_ms=200),
        StageStarted(at=at(3.7), stage="swap", title="Swap the container"),
        Switched(at=at(5.6), service="api", container_id="c" * 64, image_id=NEW_IMAGE),
        Note(at=at(6.0), level="warning", text="The host's clock is 41 s behind."),
    ]
    if ending == "rolled-back":
        told += [
            RollbackStarted(at=at(11.7), reason="metrics"),
            RollbackEnded(at=at(13.5), state="proven", duration_ms=1800),
        ]
    return told


def rows(probes: int = 720, failing: Iterable[int] = range(110, 190)) -> list[list[Any]]:
    """A probe each 25 ms, from 1.25 s after the start of the run on."""
    down = set(failing)
    return [
        [25 * number, 0.4, "refused"] if number in down else [25 * number, 2.0 + number % 7, "ok"]
        for number in range(probes)
    ]


def series(samples: list[list[Any]] | None = None, **values: Any) -> str:
    told = {"startedAt": at(1.25).isoformat(), "switchedMs": 4350, "dropped": 0}
    return json.dumps({**told, "rows": rows() if samples is None else samples, **values})


def make(
    base: Path,
    ending: str = "sealed",
    *,
    plan: Mapping[str, Any] = PLAN,
    answer: str = '{"status":"ok"}',
    asked: str = "http://127.0.0.1:8000/health",
    availability: str | None = "",
    told: Iterable[Event] | None = None,
    journal: str | None = None,
    ci_reviews: Mapping[str, Any] | None = None,
    host: str = "deploy@vps.example.com:22",
    **values: Any,
) -> Path:
    """The directory of a sealed run; `values` go into its result."""
    outcome = result(ending, **values)
    directory = RunDirectory(base, outcome.target or "none", outcome.run_id or "run")
    kept = events(ending) if told is None else told
    lines = (json.dumps(directory.people.hidden(event_document(event))) for event in kept)
    written = "".join(f"{line}\n" for line in lines) if journal is None else journal
    directory.write_text("events.ndjson", written)
    if ending != "refused":
        directory.write_json("plan.json", plan)
        directory.write_text("compose.diff", DIFF)
        if availability is not None:
            directory.write_text("availability.json", availability or series())
        for when in ("before", "after"):
            directory.write_text(f"gates/health.{when}.1.txt", answer)
            about = {"asked": asked, "status": "200", "contentType": "application/json",
                     "kept": "all", "sizeBytes": len(answer), "latencyMs": 4}  # fmt: skip
            directory.write_json(f"gates/health.{when}.1.json", about)
    context: dict[str, Any] = {
        "asked": "hotfix --sha d73cfb1", "operator": "ana", "host": host, "dockerVersion": "26.1.5",
        "ciReviews": ci_reviews,
    }  # fmt: skip
    if ending != "refused":
        context["approvedBy"] = "ana"
    seal(directory, outcome, plan if ending != "refused" else {}, context)
    return directory.path


def story(base: Path, ending: str = "sealed", **values: Any) -> Story:
    return read_story(make(base, ending, **values))


if __name__ == "__main__":
    for each in ("sealed", "rolled-back", "refused"):
        print(write_views(make(Path(sys.argv[1]), each), "pt-BR" if sys.argv[2:] else "en"))
