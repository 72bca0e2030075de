"""Before anything happens on the host."""

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.config.settings import AvailabilitySettings
from deployctl.engines.compose.job import JobEvent
from deployctl.errors import RefusedError
from deployctl.events import Events
from deployctl.evidence.run_directory import RunDirectory
from deployctl.rollout.consent import approve_stage
from deployctl.rollout.holding import hear
from deployctl.rollout.request import Approval


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


def test_who_signed_and_what_is_kept_with_the_evidence(tmp_path: Path) -> None:
    evidence = RunDirectory(tmp_path, "lab", "r")
    events: list[Any] = []
    approval = Approval(
        by="ana, bob", how="signed", signatures=({"principal": "ana"}, {"principal": "bob"}),
        artefacts=(("approvals/plan.json", b"{}"), ("approvals/SHA256-x.json", b"[]")),
    )  # fmt: skip
    session: Any = SimpleNamespace(
        plan=SimpleNamespace(digest="sha256:0", decisions=SimpleNamespace(swap=False)),
        ready=object(),
        evidence=evidence,
        approve=lambda _: approval,
        events=SimpleNamespace(emit=events.append),
        hostlink=SimpleNamespace(require=lambda: None),
        settings=SimpleNamespace(availability=None),
        note=lambda *_: None,
    )
    note: Any = SimpleNamespace(detail="")
    approve_stage(session, note)
    assert note.detail == "signed by ana, bob"
    assert session.approvals == approval.signatures
    assert {name for name, _ in evidence.files()} == {name for name, _ in approval.artefacts}


@pytest.mark.parametrize(
    ("service", "kind", "fields", "heard"),
    [
        ("worker", "container", ("worker", "c1", "sha256:1"), ["mark_switch"]),
        (None, "container", ("api", "c1", "sha256:1"), ["mark_switch"]),
        (None, "container", ("worker", "c1", "sha256:1"), []),
        (None, "state", ("rolled_back by hand",), ["moved"]),
        (None, "state", ("swapped",), []),
    ],
)
def test_the_probe_follows_its_service_to_the_new_container(
    service: str | None, kind: str, fields: tuple[str, ...], heard: list[str]
) -> None:
    calls: list[str] = []
    session: Any = SimpleNamespace(
        events=Events(),
        settings=SimpleNamespace(
            services=("api", "worker"),
            availability=AvailabilitySettings(path="/health", service=service),
        ),
        availability=SimpleNamespace(
            mark_switch=lambda: calls.append("mark_switch"), moved=lambda: calls.append("moved")
        ),
    )
    hear(session, JobEvent(1.0, kind, fields))
    assert calls == heard
    session.availability = None
    hear(session, JobEvent(1.0, kind, fields))
