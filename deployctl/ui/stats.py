"""`deployctl stats` as text and as CSV. Pure: works on the document."""

from collections.abc import Iterator

from deployctl.evidence.stats.figures import Figure, ServiceStats, StatsDocument
from deployctl.ui.sheet import csv_text
from deployctl.ui.text import clean, duration

NAMES = {
    "deploymentFrequency": "Deployment frequency",
    "changeLeadTime": "Change lead time",
    "changeFailureRate": "Change failure rate",
    "failedDeploymentRecoveryTime": "Failed deployment recovery time",
    "deploymentReworkRate": "Deployment rework rate",
    "outagePerSwitchMedian": "Outage per switch, median",
    "outagePerSwitchP90": "Outage per switch, 90th percentile",
    "rollbackTimeMedian": "Rollback time, median",
    "rollbackTimeP90": "Rollback time, 90th percentile",
}
COLUMNS = (
    "target", "project", "since", "until", "figure", "value", "unit", "lower_bound", "sample",
    "hits", "note", "counts", "leaves_out",
)  # fmt: skip
_UNVERIFIED = "The seals were read, not verified: deployctl verify SEAL does that."
_DAY_MS = 24 * 3600 * 1000


def stats_text(document: StatsDocument) -> list[str]:
    """A block a service; under each figure what it counts and what it leaves out."""
    lines: list[str] = []
    for service in document.services:
        lines += [*_service(service), ""]
    if not document.services:
        lines += [f"No evidence of runs since {document.since:%Y-%m-%d} here.", ""]
    for seal in document.skipped:
        lines.append(f"Not counted: {clean(seal.path)}: {clean(seal.reason)}")
    return [*lines, _UNVERIFIED]


def stats_csv(document: StatsDocument) -> str:
    """A line a figure and service; where there is no value, the column is empty."""
    rows = [
        {
            "target": service.target,
            "project": service.project,
            "since": service.since.isoformat(),
            "until": service.until.isoformat(),
            "figure": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "lower_bound": figure.lower_bound,
            "sample": figure.sample,
            "hits": figure.hits,
            "note": figure.note,
            "counts": figure.counts,
            "leaves_out": figure.leaves_out,
        }
        for service in document.services
        for figure in service.figures
    ]
    return csv_text(COLUMNS, rows)


def _service(service: ServiceStats) -> Iterator[str]:
    project = f", project {clean(service.project)}" if service.project else ""
    yield f"{clean(service.target)}{project}"
    ends = ", ".join(f"{end.runs} {clean(end.result)}" for end in service.ends)
    runs = "1 run" if service.runs == 1 else f"{service.runs} runs"
    yield f"  {runs} from {service.since:%Y-%m-%d} to {service.until:%Y-%m-%d}: {ends}"
    for figure in service.figures:
        yield f"  {NAMES.get(figure.name, figure.name)}: {_value(figure)}"
        yield f"      counts {figure.counts}"
        yield f"      leaves out {figure.leaves_out}"


def _value(figure: Figure) -> str:
    if figure.value is None:
        return f"not enough data ({figure.note})"
    match figure.unit:
        case "ms":
            shown = _length(figure.value)
        case "ratio":
            shown = f"{figure.value:.0%}"
        case _:
            shown = f"{_seldom(figure.value)} {figure.unit}"
    bound = "at least " if figure.lower_bound else ""
    of = f"{figure.hits} of {figure.sample}" if figure.hits is not None else f"{figure.sample}"
    note = f"; {figure.note}" if figure.note else ""
    return f"{bound}{shown} (of {of}{note})" if figure.hits is None else f"{bound}{shown} ({of})"


def _seldom(value: float) -> str:
    """`1.5`, `0.023`: what is seldom is not never."""
    return f"{value:.1f}" if value >= 0.1 else f"{value:.2g}"


def _length(milliseconds: float) -> str:
    if milliseconds >= 2 * _DAY_MS:
        return f"{milliseconds / _DAY_MS:.1f} days"
    return duration(milliseconds)
