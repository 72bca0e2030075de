"""Each event as the lines that a person reads; without time, colour or state. Pure."""

from functools import singledispatch

from deployctl.events import (
    Approved,
    AvailabilityTick,
    Event,
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
from deployctl.ui.plan import plan_lines
from deployctl.ui.text import clean, clean_lines, duration, short_id, size
from deployctl.ui.verdict import verdict_lines


@singledispatch
def wording(event: Event) -> list[str]:
    """Lines of text, foreign text made harmless; none where an event has nothing to say."""
    raise TypeError(f"no words for {type(event).__name__}")


@wording.register
def _(event: RunStarted) -> list[str]:
    run = f", run {clean(event.run_id)}" if event.run_id else ""
    where = f"{clean(event.target)} ({clean(event.host)})"
    return [f"{clean(event.command)} on {where} by {clean(event.operator)}{run}"]


@wording.register
def _(event: StageStarted) -> list[str]:
    title = clean(event.title)
    return [f"stage {clean(event.stage)}: {title or 'started'}"]


@wording.register
def _(event: StageEnded) -> list[str]:
    detail = f": {clean(event.detail)}" if event.detail else ""
    took = f" in {duration(event.duration_ms)}" if event.state != "skipped" else ""
    return [f"stage {clean(event.stage)}: {event.state}{took}{detail}"]


@wording.register
def _(event: Progress) -> list[str]:
    total = max(event.total_bytes, 1)
    percent = f"{100 * event.done_bytes // total} %"
    return [
        f"{clean(event.stage)}: {size(event.done_bytes)} of {size(event.total_bytes)} ({percent})"
    ]


@wording.register
def _(event: LogLine) -> list[str]:
    return [f"{clean(event.source)} | {clean(event.text)}"]


@wording.register
def _(event: Note) -> list[str]:
    first, *rest = clean_lines(event.text)
    mark = "" if event.level == "info" else f"{event.level}: "
    return [f"{mark}{first}", *(f"  {line}" for line in rest)]


@wording.register
def _(event: PlanReady) -> list[str]:
    lines = [f"plan {event.digest}", *(f"  {line}" for line in plan_lines(event.plan))]
    if event.diff:
        lines += ["  Compose file:", *(f"    {line}" for line in clean_lines(event.diff))]
    return lines


@wording.register
def _(event: Approved) -> list[str]:
    return [f"approved by {clean(event.by)} ({clean(event.how)})"]


@wording.register
def _(event: GateAttempt) -> list[str]:
    line = (
        f"gate {clean(event.gate)} ({event.when}): {event.state}:"
        f" saw {clean(event.observed) or 'nothing'}; needs {clean(event.threshold)}"
    )
    attempt = f" [attempt {event.attempt}]" if event.attempt > 1 else ""
    reason = f". {clean(event.reason)}" if event.reason and event.state != "pass" else ""
    return [f"{line}{reason}{attempt}"]


@wording.register
def _(event: Switched) -> list[str]:
    now = f"container {short_id(event.container_id)} of image {short_id(event.image_id)}"
    return [f"switched: {clean(event.service)} is {now}; from here on a failure rolls back"]


@wording.register
def _(event: AvailabilityTick) -> list[str]:
    failed = f"{event.failures} of {event.probes} probes failed"
    if event.unknown:
        failed += f", {event.unknown} could not be sent"
    return [f"availability: {failed}, outage {duration(event.downtime_ms)}"]


@wording.register
def _(event: RollbackStarted) -> list[str]:
    return [f"ROLLING BACK: {clean(event.reason)}"]


@wording.register
def _(event: RollbackEnded) -> list[str]:
    detail = f": {clean(event.detail)}" if event.detail else ""
    return [f"rollback {event.state} in {duration(event.duration_ms)}{detail}"]


@wording.register
def _(event: RunEnded) -> list[str]:
    return verdict_lines(event.result)
