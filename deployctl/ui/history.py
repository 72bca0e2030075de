"""`deployctl history` as CSV: releases and runs in one table, told apart by `kind`. Pure."""

from typing import Any

from deployctl.result import Document
from deployctl.ui.sheet import csv_text

COLUMNS = (
    "kind", "target", "at", "by", "release", "live", "sha", "subject", "image", "on_host",
    "previous", "run_id", "command", "revision", "result", "reason",
)  # fmt: skip


def history_csv(document: Document) -> str:
    """The releases, then the runs, each newest first."""
    data: dict[str, Any] = document.model_dump(mode="json")
    rows = [
        {"kind": kind, "target": data["target"], **row}
        for kind, name in (("release", "releases"), ("run", "runs"))
        for row in data[name]
    ]
    return csv_text(COLUMNS, rows)
