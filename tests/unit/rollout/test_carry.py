"""Whoever tells of a run tells the same of it."""

import itertools
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployctl.config.settings import Settings
from deployctl.errors import ExitCode
from deployctl.events import Events
from deployctl.evidence.statement import read_seal
from deployctl.rollout import recorder
from deployctl.rollout.begin import begin
from deployctl.rollout.outcome import Outcome
from deployctl.rollout.playbook import builtin
from deployctl.rollout.request import Options
from deployctl.rollout.run import carry


def test_the_terminal_and_the_seal_know_one_duration_however_long_sealing_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(ticking)))
    monkeypatch.setattr(recorder, "time", clock)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = Settings.model_validate(
        {"target": "lab", "host": {"host": "h"}, "services": ["api"]}
    )
    reaching: Future[Any] = Future()
    session = begin(
        "hotfix", settings, "HEAD", Options(evidence_dir=tmp_path), builtin("hotfix"), Events(),
        lambda _: None, reaching,  # type: ignore[arg-type, return-value]
    )  # fmt: skip
    told = carry(session, lambda _: Outcome(ExitCode.REFUSED, "No.", "Nothing was touched."))
    assert told.seal is not None
    sealed = read_seal(Path(told.seal.path)).predicate["result"]
    assert told.duration_ms == sealed["durationMs"] > 0
