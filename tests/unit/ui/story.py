"""A run as the renderers see it, for their tests and for a look at them by eye.

`python tests/unit/ui/story.py [sealed|rolled-back] [text|json|ndjson] [SPEED]` plays one.
"""

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from deployctl.events import (
    Approved,
    AvailabilityTick,
    Event,
    Events,
    GateAttempt,
    LogLine,
    Note,
    PlanReady,
    Progress,
    RollbackEnded,
    RollbackStarted,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Switched,
)
from deployctl.result import (
    Availability,
    GateResult,
    Release,
    Result,
    Rollback,
    SealRef,
    Untouched,
)
from deployctl.ui.choose import choose

BEGAN = datetime(2026, 1, 3, 7, 32, tzinfo=UTC)
DIGEST = "sha256:" + "3f2a" * 16
HOSTILE = "\x1b[2J\x1b]0;owned\x07::set-output name=x::y\r100 %"
LONG = (
    "200 text/html; charset=utf-8, 5213 bytes that begin with <!doctype html><html><head>"
    "<title>Techno OS</title></head><body>, no metric of the expected ones among them"
)
NEEDS = "200, Prometheus text format, python_gc_objects_collected_total present"

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
            "sha": "d73cfb1" + "0" * 33,
            "short": "d73cfb1",
            "subject": "Add the /metrics endpoint\x1b[31m",
            "sourceDigest": DIGEST,
            "buildDigest": DIGEST,
        },
        "image": "techno-os-api:d73cfb1",
        "release": "r1",
        "previous": {
            "number": "r0",
            "sha": None,
            "image": "techno-os-api:latest",
            "imageId": DIGEST,
        },
        "services": [
            {
                "name": "api",
                "containerIds": ["c1"],
                "imageId": DIGEST,
                "imageRef": "techno-os-api:latest",
                "configHashes": ["h"],
                "scale": 1,
                "state": "running",
            }
        ],
        "files": [
            {
                "path": "/opt/techno-os/app/backend/docker-compose.prod.yml",
                "beforeSha256": "a" * 64,
                "afterSha256": "b" * 64,
            }
        ],
        "gates": [
            {"name": "health", "service": "api", "mode": "required", "threshold": "200, status ok"},
            {"name": "metrics", "service": "api", "mode": "required", "threshold": NEEDS},
            {"name": "prometheus", "service": "api", "mode": "advisory", "threshold": "up from it"},
        ],
        "minHealthyMs": 10_000,
        "deadlineMs": 120_000,
        "swap": True,
        "build": True,
        "advisory": {"prometheus": "its disk is full, OPS-12"},
        "acceptDrift": None,
        "repair": None,
    },
    "facts": {
        "changed": [
            {"status": "M", "path": "app/main.py"},
            {"status": "M", "path": "requirements.txt"},
        ],
        "files": 212,
        "archiveBytes": 38_000_000,
        "layers": [
            {"instruction": "FROM python", "cached": True},
            {"instruction": "COPY .", "cached": False},
        ],
        "before": ["health: pass", "metrics: fail, 404"],
        "rollback": "the file's bytes, techno-os-api:latest and its container come back.",
        "compared": [],
        "warnings": ["The commit is not on any remote."],
    },
}
DIFF = """--- docker-compose.prod.yml
+++ docker-compose.prod.yml
@@ -17,7 +17,7 @@
   api:
-    image: techno-os-api:latest
+    image: techno-os-api:d73cfb1
     container_name: techno-os-api
"""


def result(ending: str) -> Result:
    good = ending == "sealed"
    return Result(
        command="hotfix",
        result="sealed" if good else "rolled-back",
        exit_code=0 if good else 21,
        reason="Every gate held for 10 s."
        if good
        else f"gate metrics (api): answers HTML [saw {LONG}, wanted {NEEDS}]",
        production="techno-os-api:d73cfb1 serves."
        if good
        else "Release r0 (techno-os-api:latest) serves again, as before the run.",
        next_step="deployctl status --target production"
        if good
        else "deployctl logs --target production --service api --lines 200",
        run_id="20260103T073200-ab12",
        target="production",
        started_at=BEGAN,
        duration_ms=48_312,
        release=Release(
            number="r1", sha="d73cfb1" + "0" * 33, image="techno-os-api:d73cfb1", image_id=DIGEST
        ),
        previous=Release(number="r0", image="techno-os-api:latest", image_id=DIGEST),
        gates=[
            gate("health", "before", "pass", "200, status ok"),
            gate("metrics", "before", "fail", "404"),
            gate("health", "after", "pass", "200, status ok"),
            gate("metrics", "after", "pass" if good else "fail", NEEDS if good else LONG, NEEDS),
            *([] if good else [gate("health", "rollback", "pass", "200, status ok")]),
        ],
        untouched=[Untouched(service="postgres", container_id="c2", same=True)],
        shipped_bytes=38_000_000,
        plan_digest=DIGEST,
        availability=Availability(
            probes=1204, failures=31, unknown=0, downtime_ms=780, resolution_ms=25
        ),
        rollback=Rollback()
        if good
        else Rollback(performed=True, state="proven", duration_ms=3120, reason="gate metrics"),
        seal=SealRef(
            path="/home/ana/.local/state/deployctl/evidence/production/x/seal.json", digest=DIGEST
        ),
    )


def gate(name: str, when: Any, state: Any, observed: str, threshold: str = "200") -> GateResult:
    return GateResult(
        name=name,
        service="api",
        when=when,
        state=state,
        observed=observed,
        threshold=threshold,
        attempts=14,
        reason="" if state == "pass" else "answers HTML",
    )


def story(ending: str) -> Iterator[tuple[float, Event]]:
    """Events with the seconds between them."""
    clock = BEGAN

    def at(seconds: float) -> datetime:
        nonlocal clock
        clock += timedelta(seconds=seconds)
        return clock

    yield 0, RunStarted(
        at=at(0), run_id="20260103T073200-ab12", command="hotfix", target="production",
        host="deploy@vps.example.com:22", operator="ana",
    )  # fmt: skip
    yield 0.1, StageStarted(at=at(0.1), stage="preflight", title="Check the commit and the host")
    yield 0.9, StageEnded(at=at(0.9), stage="preflight", state="passed", duration_ms=900)
    yield 0, StageStarted(at=at(0), stage="capture", title="Record what runs now")
    yield 0.1, GateAttempt(
        at=at(0.1), gate="metrics", when="before", attempt=1, state="fail", observed="404",
        threshold=NEEDS, reason="the endpoint is not there",
    )  # fmt: skip
    yield 0.5, StageEnded(at=at(0.5), stage="capture", state="passed", duration_ms=600)
    yield 0, PlanReady(at=at(0), digest=DIGEST, plan=PLAN, diff=DIFF)
    yield 0, Approved(at=at(0), by="ana", how="typed", digest=DIGEST)
    yield 0, StageStarted(at=at(0), stage="ship", title="Ship the source")
    for percent in range(0, 101, 4):
        yield (
            0.05,
            Progress(
                at=at(0.05), stage="ship", done_bytes=380_000 * percent, total_bytes=38_000_000
            ),
        )
    yield 0, StageEnded(at=at(0), stage="ship", state="passed", duration_ms=1250, detail="38.0 MB")
    yield 0, StageStarted(at=at(0), stage="build", title="Build the image on the host")
    for step in range(1, 13):
        yield 0.1, LogLine(at=at(0.1), source="build", text=f"#{step} RUN pip install part-{step}")
    yield 0.1, LogLine(at=at(0.1), source="build", text=HOSTILE)
    yield 0.1, StageEnded(at=at(0.1), stage="build", state="passed", duration_ms=1400)
    yield 0, StageStarted(at=at(0), stage="swap", title="Swap the container")
    yield 0.8, Switched(at=at(0.8), service="api", container_id="c" * 64, image_id=DIGEST)
    yield 0, StageEnded(at=at(0), stage="swap", state="passed", duration_ms=800)
    yield 0, StageStarted(at=at(0), stage="gate", title="Prove the new container")
    for attempt in range(1, 15):
        yield 0.05, GateAttempt(
            at=at(0.05), gate="health", when="after", attempt=attempt,
            state="pass" if attempt > 3 else "fail",
            observed="200, status ok" if attempt > 3 else "connection refused",
            threshold="200, status ok", reason="" if attempt > 3 else "nobody listens",
        )  # fmt: skip
        bad = ending != "sealed"
        yield 0.05, GateAttempt(
            at=at(0.05), gate="metrics", when="after", attempt=attempt,
            state="fail" if bad else "pass", observed=LONG if bad else NEEDS, threshold=NEEDS,
            reason="answers HTML" if bad else "",
        )  # fmt: skip
        yield 0.05, AvailabilityTick(at=at(0.05), probes=60 * attempt, failures=31, downtime_ms=780)
    if ending == "sealed":
        yield 0, StageEnded(at=at(0), stage="gate", state="passed", duration_ms=10_000)
    else:
        yield 0, StageEnded(at=at(0), stage="gate", state="failed", duration_ms=10_000)
        for line in ("INFO:     Started server process [1]", "GET /metrics 200 text/html\x1b[5m"):
            yield 0, LogLine(at=at(0), source="container", text=line)
        yield 0, RollbackStarted(at=at(0), reason="gate metrics: answers HTML")
        yield 0, StageStarted(at=at(0), stage="rollback", title="Put back what held before")
        yield 1, StageEnded(at=at(1), stage="rollback", state="passed", duration_ms=3120)
        yield 0, RollbackEnded(at=at(0), state="proven", duration_ms=3120)
    yield 0, Note(at=at(0), level="warning", text="The host's clock is 41 s behind.")
    document = result(ending).model_dump(mode="json", by_alias=True)
    yield 0, RunEnded(at=at(0), result=document)


def main(ending: str = "sealed", output: Any = "text", speed: str = "1") -> None:
    events = Events()
    renderers = choose(output, stdout=sys.stdout, stderr=sys.stderr, env=os.environ)
    for renderer in renderers:
        events.subscribe(renderer)
    for pause, event in story(ending):
        time.sleep(pause / float(speed))
        events.emit(event)
    for renderer in renderers:
        renderer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
