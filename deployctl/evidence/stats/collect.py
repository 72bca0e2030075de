"""From directories of evidence to the document of `deployctl stats`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from deployctl.evidence.stats.figures import SkippedSeal, StatsDocument, stats
from deployctl.evidence.stats.runs import read_runs


def collect(
    directories: Sequence[Path], since: datetime, until: datetime, target: str | None
) -> StatsDocument:
    runs, unread = read_runs(directories)
    return StatsDocument(
        since=since,
        until=until,
        services=stats(runs, since, until, target),
        skipped=tuple(SkippedSeal(path=str(each.path), reason=each.reason) for each in unread),
    )
