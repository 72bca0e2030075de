"""Before anything happens on the host."""

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.errors import RefusedError
from deployctl.evidence.run_directory import RunDirectory
from deployctl.rollout.consent import approve_stage


def test_a_rollout_whose_evidence_can_not_be_kept_is_refused_before_it_is_approved(
    tmp_path: Path,
) -> None:
    evidence = RunDirectory(tmp_path, "lab", "r")
    evidence.error = OSError(errno.ENOSPC, "No space left on device")

    def approve(_: object) -> None:
        raise AssertionError("nobody is asked")

    session = SimpleNamespace(plan=object(), ready=object(), evidence=evidence, approve=approve)
    with pytest.raises(RefusedError, match="No space left on device") as refused:
        approve_stage(cast("Any", session), cast("Any", None))
    assert "--evidence-dir" in refused.value.next_step
