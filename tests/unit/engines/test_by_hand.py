"""The commands for a person where deployctl could not put things back."""

from dataclasses import replace

from deployctl.engines.compose.by_hand import put_back_commands
from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job import JobService

from .support import COMPOSE, FILE, OLD, survey

API = JobService("api", 2, ("c1", "c2"), OLD, "techno-os-api:v1", ("h1",), "running")
EDIT = Edit(FILE, FILE, COMPOSE, b"", "techno-os-api:v1", "techno-os-api:d73cfb1")


def test_files_then_images_then_services() -> None:
    copy, tag, up = put_back_commands(survey(), (API,), (EDIT,), "/state/runs/r")
    assert copy == f"cp -p /state/runs/r/edit.1.before {FILE}"
    assert tag == f"docker tag {OLD} techno-os-api:v1"
    assert up == (
        f"docker compose -p techno-os -f {FILE} up -d --no-deps --no-build --pull never"
        " --scale=api=2 api"
    )


def test_whatever_a_path_holds_is_quoted_for_the_shell() -> None:
    edit = replace(EDIT, path="/opt/my app/$(touch x).yml")
    copy = put_back_commands(survey(), (API,), (edit,), "/state/it's")[0]
    assert copy == """cp -p '/state/it'"'"'s/edit.1.before' '/opt/my app/$(touch x).yml'"""


def test_what_was_stopped_stays_stopped_and_what_was_absent_goes() -> None:
    stopped = replace(API, name="worker", held="stopped")
    absent = replace(API, name="cron", held="absent", image_id="", image_ref="", scale=0)
    commands = put_back_commands(survey(), (stopped, absent), (), "/r")
    assert commands[1].endswith("up --no-start --no-deps --no-build --pull never worker")
    assert commands[2].endswith("rm -sf cron")


def test_a_reference_that_names_the_image_itself_is_not_tagged() -> None:
    for reference in (f"api@{OLD}", OLD, ""):
        service = replace(API, image_ref=reference)
        commands = put_back_commands(survey(), (service,), (), "/r")
        assert not [line for line in commands if " tag " in line]
