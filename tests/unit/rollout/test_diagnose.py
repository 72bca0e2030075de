"""What `compose diagnose` says of a target, from what the host has answered."""

from deployctl.rollout.diagnose import faults_of
from deployctl.rollout.diagnosis import diagnosis
from deployctl.ui.diagnosis import diagnosis_text
from tests.unit.engines.support import COMPOSE, FILE, source, survey


def test_a_sound_file_whose_services_run_has_no_fault() -> None:
    assert faults_of(survey(), {}, "") == []


def test_a_service_that_runs_but_is_not_in_the_file_any_more() -> None:
    data = b"services:\n  api:\n    image: techno-os-api:v1\n"
    [fault] = faults_of(survey(files=(source(data),)), {}, "")
    assert "`postgres` is missing" in fault.message
    assert fault.file == FILE


def test_what_the_host_says_of_env_files_stands_at_their_line() -> None:
    data = COMPOSE.replace(b"v1\n", b"v1\n    env_file: .env.prod\n")
    [fault] = faults_of(survey(files=(source(data),)), {".env.prod": "does not exist"}, "")
    assert (fault.line, ".env.prod" in fault.message) == (4, True)


def test_a_variable_that_only_compose_misses_is_placed() -> None:
    data = COMPOSE.replace(b"techno-os-api:v1", b"api:${TAG}")
    said = 'time="2026" level=warning msg="The \\"TAG\\" variable is not set. Defaulting to ..."\n'
    [fault] = faults_of(survey(files=(source(data),)), {}, said * 2)
    assert (fault.line, fault.column) == (3, 12)
    assert "`TAG`" in fault.message


def test_what_only_compose_refuses_is_told_in_its_words() -> None:
    [fault] = faults_of(survey(config_error="yaml: line 2: it is odd\n"), {}, "")
    assert fault.line == 2
    noted = survey(files=(source(COMPOSE.replace(b"\n", b"\r\n")),), config_error="it is odd")
    assert [fault.severity for fault in faults_of(noted, {}, "")] == ["note", "fault"]
    assert "it is odd" in fault.message
    assert "compose repair" in fault.mend


def test_a_setting_that_only_the_hosts_newer_compose_knows_is_none() -> None:
    files = (source(COMPOSE.replace(b"v1\n", b"v1\n    brand_new: 1\n")),)
    assert faults_of(survey(files=files), {}, "") == []
    [fault] = faults_of(survey(files=files, config_error="brand_new is not allowed"), {}, "")
    assert "no setting `brand_new`" in fault.message


def test_what_cannot_be_told_is_no_clean_bill() -> None:
    found = diagnosis("c.yml", [], untold="its dry run failed")
    assert (found.result, found.exit_code) == ("faults", 23)
    assert diagnosis_text(found) == [
        "c.yml: whether it is what runs can't be told: its dry run failed."
    ]


def test_what_runs_and_differs_is_told_with_its_settings() -> None:
    found = diagnosis("c.yml", [], drift=["db: Recreate"], differences=["db: image (a, b)"])
    assert "would not leave db: Recreate alone." in diagnosis_text(found)[0]
    assert diagnosis_text(found)[1] == "c.yml: what differs: db: image (a, b)."


def test_of_several_files_the_one_whose_service_has_lost_its_image_is_named() -> None:
    """The second file may give it; where it doesn't, no single file shows the fault."""
    base, other = b"services:\n  api:\n    init: true\n", b"services:\n  postgres:\n    image: p\n"
    files = (source(other, "/a.yml"), source(base, "/b.yml"))
    [fault] = faults_of(survey(files=files, config_error="api has neither an image"), {}, "")
    assert (fault.file, fault.line) == ("/b.yml", 3)
    assert "`api` has neither `image:` nor `build:` in any of the files" in fault.message
    given = (*files, source(b"services:\n  api:\n    image: a\n", "/c.yml"))
    assert faults_of(survey(files=given), {}, "") == []
