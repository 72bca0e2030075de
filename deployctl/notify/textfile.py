"""Metrics of the last run in Prometheus' text format, for node_exporter's textfile collector. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/. A file is of one project and target;
several lie beside each other, so names, types and help texts never vary.
"""

import hashlib
import re
from collections.abc import Mapping

from deployctl.notify.story import Where, end_of, ended_at, happened, serving, switched_at
from deployctl.result import Result

_PREFIX = "deployctl_last_rollout"


def is_told(result: Result) -> bool:
    """Not of a run that had not begun: what stands there of the release in place is still so."""
    known = serving(result) is not None or happened(result) != "nothing"
    return known and end_of(result) != "refused"


def file_name(result: Result, where: Where) -> str:
    """`deployctl-shop-production.prom`: node_exporter reads what ends so.

    With a `-` in one of the two (`shop-a` and `b`, `shop` and `a-b`), or what no file should be
    named by, a digest of both tells it from others.
    """
    names = (where.project, result.target or "")
    told = "-".join(filter(None, names))
    if not all(re.fullmatch("[A-Za-z0-9._]{1,64}", name) for name in names):
        digest = hashlib.sha256("\0".join(names).encode(errors="surrogatepass")).hexdigest()
        told = re.sub("[^A-Za-z0-9._-]", "-", told)[:128] + f"-{digest[:12]}"
    return f"deployctl-{told}.prom"


def metrics(result: Result, where: Where) -> str:
    """All of the file. What was not measured, or is not known, has no series."""
    place = {"project": where.project, "target": result.target or ""}
    lines = [
        *_gauge(f"{_PREFIX}_timestamp_seconds", "When the last run ended.", place,
                ended_at(result).timestamp()),
        *_gauge(f"{_PREFIX}_success", "Whether the last run ended with what was asked for.", place,
                end_of(result) == "success"),
        *_gauge(f"{_PREFIX}_exit_code", "The exit code of the last run.", place, result.exit_code),
        *_gauge(f"{_PREFIX}_duration_seconds", "How long the last run took.", place,
                result.duration_ms / 1000),
        *_gauge(f"{_PREFIX}_rollback", "Whether the last run was put back after its switch.", place,
                end_of(result) == "rollback"),
        *_gauge(f"{_PREFIX}_info", "What the last run was, and how it ended.",
                {**place, "command": result.command, "result": result.result,
                 "run_id": result.run_id or ""}, 1),
    ]  # fmt: skip
    seen = result.availability
    if seen is not None and seen.downtime_ms is not None and switched_at(result) is not None:
        lines += _gauge(f"{_PREFIX}_outage_seconds",
                        "How long nobody was served in the last run, as far as it was measured.",
                        place, seen.downtime_ms / 1000)  # fmt: skip
        lines += _gauge(f"{_PREFIX}_still_down",
                        "Whether nobody was served when the measurement of the last run ended.",
                        place, seen.still_down)  # fmt: skip
        lines += _gauge(f"{_PREFIX}_outage_unmeasured_seconds",
                        "How long of the last run nothing was measured.", place,
                        seen.unknown_ms / 1000)  # fmt: skip
        lines += _gauge(f"{_PREFIX}_outage_resolution_seconds",
                        "To within what the outage was measured.", place,
                        seen.resolution_ms / 1000)  # fmt: skip
    if (release := serving(result)) is not None:
        about = {
            "release": release.number or "", "sha": release.sha or "", "image": release.image or "",
        }  # fmt: skip
        lines += _gauge("deployctl_release_info", "The release in place after the last run.",
                        {**place, **about}, 1)  # fmt: skip
    return "\n".join([*lines, ""])


def _gauge(name: str, about: str, labels: Mapping[str, str], value: float) -> list[str]:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return [
        f"# HELP {name} {about}",
        f"# TYPE {name} gauge",
        f"{name}{{{shown}}} {_number(value)}",
    ]


def _escaped(text: str) -> str:
    text = text.encode(errors="replace").decode()  # the format is UTF-8
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 3))
