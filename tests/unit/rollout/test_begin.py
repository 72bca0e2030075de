"""From its beginning, nobody gets a run's secrets."""

import io
import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from deployctl.config.settings import Settings
from deployctl.events import Events, Note
from deployctl.evidence.redact import MARK
from deployctl.rollout.begin import begin
from deployctl.rollout.playbook import builtin
from deployctl.rollout.request import Options
from deployctl.ui.machine import Ndjson
from deployctl.ui.plain import LogFile, Plain

TOKEN = "t0ken-of-the-gate"


def test_terminal_log_file_and_machines_see_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_TOKEN", TOKEN)
    settings = Settings.model_validate(
        {
            "target": "lab", "host": {"host": "h"}, "services": ["api"],
            "gates": {"health": {"type": "health", "bearer_env": "HEALTH_TOKEN"}},
        }
    )  # fmt: skip
    events, lines, objects = Events(), io.StringIO(), io.StringIO()
    log = LogFile(tmp_path / "log")
    for reader in (Plain(lines), Ndjson(objects), log):
        events.subscribe(reader)
    reaching: Future[Any] = Future()
    session = begin(
        "hotfix", settings, "HEAD", Options(evidence_dir=tmp_path), builtin("hotfix"), events,
        lambda _: None, reaching,  # type: ignore[arg-type, return-value]
    )  # fmt: skip
    session.events.emit(Note(level="warning", text=f"it answers {TOKEN}"))
    log.close()
    for seen in (lines.getvalue(), objects.getvalue(), (tmp_path / "log").read_text()):
        assert TOKEN not in seen
        assert MARK in seen
    assert json.loads(objects.getvalue())["text"] == f"it answers {MARK}"
    session.scratch.cleanup()
