"""The plan and the documents of status, history, doctor and diagnose as text."""

import copy
from datetime import UTC, datetime

import pytest
from pydantic import Field

from deployctl.result import Document
from deployctl.rollout.attach import AttachDocument
from deployctl.rollout.diagnosis import Diagnosis, Fault
from deployctl.rollout.doctor import DoctorDocument
from deployctl.rollout.history import HistoryDocument
from deployctl.rollout.repair import RepairDocument
from deployctl.rollout.status import StatusDocument
from deployctl.rollout.unlock import UnlockDocument
from deployctl.ui.diagnosis import diagnosis_text
from deployctl.ui.documents import doctor_text, history_text, status_text
from deployctl.ui.labs import Labs
from deployctl.ui.outline import outline
from deployctl.ui.plan import plan_lines

from .story import PLAN


class Check(Document):
    name: str
    state: str
    detail: str
    next: str = ""


class Doctor(Document):
    schema_version: int = 1
    checks: list[Check] = Field(default_factory=list)


class Entry(Document):
    number: str
    image: str | None = None
    duration_ms: int = 0
    notes: list[str] = Field(default_factory=list)


class History(Document):
    schema_version: int = 1
    command: str = "history"
    result: str = "ok"
    exit_code: int = 0
    target: str = "lab"
    releases: list[Entry] = Field(default_factory=list)
    runs: list[Entry] = Field(default_factory=list)


class Status(Document):
    schema_version: int = 1
    command: str = "status"
    result: str = "ok"
    exit_code: int = 0
    sentence: str
    next_step: str
    target: str = "lab"
    live_since: datetime | None = None
    services: list[Entry] = Field(default_factory=list)


@pytest.mark.parametrize(
    "model",
    [
        AttachDocument,
        Diagnosis,
        DoctorDocument,
        HistoryDocument,
        Labs,
        RepairDocument,
        StatusDocument,
        UnlockDocument,
    ],
)
def test_every_document_says_how_it_went_as_that_of_a_failure_does(model: type[Document]) -> None:
    assert {"schema_version", "command", "result", "exit_code"} <= model.model_fields.keys()


def test_a_plan_says_all_that_a_person_must_know_before_execute() -> None:
    text = "\n".join(plan_lines(PLAN))
    for needed in (
        "d73cfb1000000000000000000000000000000000  Add the /metrics endpoint",
        "212 files, 38.0 MB",
        "1 of 2 layers expected from the cache",
        "recreate api; edits /opt/techno-os/app/backend/docker-compose.prod.yml",
        "all must hold for 10 s, within 2 min",
        "health of api: 200, status ok",
        "prometheus of api (advisory): up from it",
        "M app/main.py",
        "ADVISORY: prometheus can't stop this run. Reason: its disk is full, OPS-12",
        "WARNING: The commit is not on any remote.",
        "If a gate does not pass: the file's bytes",
    ):
        assert needed in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("guard", "told"),
    [("cron", "also after a restart (@reboot"), ("none", "but not after a restart of the host")],
)
def test_a_plan_says_what_happens_when_this_client_is_lost(guard: str, told: str) -> None:
    plan = copy.deepcopy(PLAN)
    plan["decisions"]["guard"] = guard
    [line] = [line for line in plan_lines(plan) if line.startswith("If this client is lost")]
    assert told in line


def test_a_plan_that_builds_and_swaps_nothing_says_so() -> None:
    plan = copy.deepcopy(PLAN)
    plan["decisions"] |= {"build": False, "swap": False, "commit": None, "previous": None}
    plan["facts"]["changed"] = None
    text = "\n".join(plan_lines(plan))
    assert "not built again" in text
    assert "live already" in text
    assert "Ships" not in text


def test_many_changed_files_are_counted() -> None:
    plan = copy.deepcopy(PLAN)
    plan["facts"]["changed"] = [{"status": "A", "path": f"f{n}"} for n in range(40)]
    assert "  and 28 more files" in plan_lines(plan)


def test_doctor_tells_each_check_and_what_to_do() -> None:
    found = Doctor(
        checks=[
            Check(name="docker", state="ok", detail="27.3"),
            Check(name="lock", state="fail", detail="held", next="wait\nor ask"),
        ]
    )
    assert doctor_text(found) == [
        "ok       docker: 27.3",
        "fail     lock: held",
        "         next: wait",
        "         next: or ask",
    ]


def test_history_is_a_table_without_empty_columns() -> None:
    found = History(
        releases=[
            Entry(number="r2", image="api:d73cfb1\x1b[31m", duration_ms=48_000),
            Entry(number="r10", duration_ms=900),
        ]
    )
    assert history_text(found) == [
        "Target: lab",
        "",
        "Releases:",
        "  NUMBER  IMAGE        DURATION",
        "  r2      api:d73cfb1  48 s",
        "  r10     -            900 ms",
    ]
    assert history_text(History()) == ["No releases on lab yet."]


def test_status_begins_with_what_it_comes_to() -> None:
    found = Status(
        sentence="r2 serves.",
        next_step="deployctl logs",
        live_since=datetime(2026, 1, 3, 7, 42, 1, 250_000, tzinfo=UTC),
        services=[Entry(number="api", image="sha256:" + "ab" * 32)],
    )
    assert status_text(found) == [
        "r2 serves.",
        "Next: deployctl logs",
        "",
        "Target: lab",
        "Live since: 2026-01-03T07:42:01Z",
        "",
        "Services:",
        "  NUMBER  IMAGE         DURATION",
        "  api     abababababab  0 ms",
    ]


def test_an_outline_names_units_and_leaves_out_what_is_empty() -> None:
    assert outline(
        {
            "runId": "a",
            "downtimeMs": 780,
            "sizeBytes": 38_000_000,
            "empty": None,
            "none": [],
            "armed": False,
            "names": ["a", "b"],
            "services": [{"name": "api", "imageId": "x"}, {"name": "db"}],
            "release": {"sha": "abc"},
            "text": "one\ntwo",
        }
    ) == [
        "Run ID: a",
        "Downtime: 780 ms",
        "Size: 38.0 MB",
        "Armed: no",
        "Names: a, b",
        "Services:",
        "  - Name: api",
        "    Image ID: x",
        "  - Name: db",
        "Release:",
        "  SHA: abc",
        "Text:",
        "  one",
        "  two",
    ]


def test_a_diagnosis_has_the_form_that_editors_jump_to() -> None:
    found = Diagnosis(
        command="compose diagnose",
        file="c.yml",
        result="faults",
        exit_code=23,
        faults=[Fault(line=3, column=5, message="A tab.", mend="Use spaces.")],
    )
    assert diagnosis_text(found) == ["c.yml:3:5: A tab. Use spaces."]


def test_a_diagnosis_of_a_host_names_each_file_and_what_drifted() -> None:
    fault = Fault(line=1, column=1, message="Twice.", file="/b.yml")
    found = Diagnosis(
        command="compose diagnose",
        file="/a.yml, /b.yml",
        result="faults",
        exit_code=23,
        faults=[fault],
        drift=["api: Recreate"],
    )
    twice, drifted = diagnosis_text(found)
    assert twice == "/b.yml:1:1: Twice."
    assert drifted.startswith("/a.yml, /b.yml: what runs is not what it says")
    assert "api: Recreate" in drifted
