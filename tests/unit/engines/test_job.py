"""The tables and lines in which client and host's job speak to each other."""

import subprocess
from dataclasses import replace

import pytest

from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job import (
    GAVE_UP,
    JobService,
    JobSpec,
    describe_holder,
    edits_table,
    ended_by,
    one_line,
    services_table,
    settings_text,
)
from deployctl.engines.compose.job_line import parse_event
from deployctl.engines.compose.survey import read_about
from deployctl.host.programs import program_text

from .support import OLD

SERVICE = JobService(
    name="api", scale=1, container_ids=("c2", "c1"), image_id=OLD, image_ref="api:v1",
    config_hashes=("h1",), held="running",
)  # fmt: skip
EDIT = Edit(path="/a.yml", named="/a.yml", before=b"1", after=b"2", old_literal="", image="api:v2")


def test_a_service_is_one_line_of_eight_columns() -> None:
    [line] = services_table((SERVICE,), lambda name: f"pin/{name}").split("\n")
    assert line.split("\t") == ["api", "1", "c1,c2", OLD, "api:v1", "pin/api", "h1", "running"]


def test_a_service_that_never_ran_has_no_empty_column() -> None:
    """The host's shell would read two tabs in a row as one."""
    absent = replace(
        SERVICE, container_ids=(), image_id="", image_ref="", config_hashes=(), held="absent"
    )
    line = services_table((absent,), lambda _: "pin")
    assert line.split("\t") == ["api", "1", "-", "-", "-", "-", "-", "absent"]


def test_edits_are_numbered_and_have_no_empty_column() -> None:
    lines = edits_table(
        (EDIT, replace(EDIT, path="/b.yml", named="/link.yml", old_literal="api:v1"))
    ).split("\n")
    first, second = (line.split("\t") for line in lines)
    assert first[0] == "1"
    assert second[0] == "2"
    assert first[3:7] == ["-", "api:v2", "/a.yml", "/a.yml"]
    assert first[7] == first[1], "what lies there is what a rollback goes back to"
    assert second[3:7] == ["api:v1", "api:v2", "/link.yml", "/b.yml"]


def test_settings_reach_the_shell_as_they_are() -> None:
    awkward = 'it\'s "$HOME"; `rm` \\ and\tmore'
    spec = JobSpec(
        run_id="r", state_dir=awkward, state_group="", docker=("sudo", "-n", "docker"),
        compose_words=("-f", "/my app/c.yml"), up_words=(), project="p", services=("api",),
        live_after="r1", lock_wait=5, budget=10.9, about={},
    )  # fmt: skip
    script = settings_text(spec) + '\nprintf \'%s|%s|%s\' "$STATE_DIR" "$COMPOSE_WORDS" "$BUDGET"'
    said = subprocess.run(["sh", "-uc", script], capture_output=True, text=True, check=True).stdout
    state_dir, words, budget = said.split("|")
    assert state_dir == awkward
    assert words == "-f\n/my app/c.yml"
    assert int(budget) > 10


@pytest.mark.parametrize(
    ("line", "uptime", "kind", "fields"),
    [
        ("12.34\tstate\tarmed", 12.34, "state", ("armed",)),
        ("12.34\tend", 12.34, "end", ()),
        ("1\trefused\tchanged\ta\tb", 1.0, "refused", ("changed", "a", "b")),
        ("not a time\tend", 0.0, "end", ()),
        ("", 0.0, "", ()),
    ],
)
def test_a_line_of_the_jobs_log(
    line: str, uptime: float, kind: str, fields: tuple[str, ...]
) -> None:
    event = parse_event(line)
    assert (event.uptime, event.kind, event.fields) == (uptime, kind, fields)


def test_the_text_of_an_event() -> None:
    assert parse_event("1\tfailed\tup\tapi: no").text == "up: api: no"


@pytest.mark.parametrize("text", ["", "not json", "[]", "null", '"text"', "3"])
def test_a_holder_that_cannot_be_read(text: str) -> None:
    assert read_about(text) == {}
    assert "not recorded" in describe_holder({})


def test_who_holds_the_lock() -> None:
    about = '{"command": "hotfix", "revision": "d73cfb1", "by": "ann", "at": "07:32", "runId": "x"}'
    assert describe_holder(read_about(about)) == "hotfix d73cfb1 by ann since 07:32, run x"


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"command": "rollback", "release": "r1", "by": "ann"}, "rollback to r1 by ann"),
        ({"command": "rollback", "revision": "r0", "by": "ann"}, "rollback to r0 by ann"),
        ({"command": "rollback", "revision": "", "by": "ann"}, "rollback by ann"),
    ],
)
def test_a_rollback_that_holds_it_tells_where_it_goes(about: dict[str, str], says: str) -> None:
    assert describe_holder(about).startswith(f"{says} since")


@pytest.mark.parametrize(
    ("state", "by"),
    [
        ("rolled_back ended by Ann B", "Ann B"),
        ("rollback_failed ended by ann", "ann"),
        ("rolled_back health: 500", ""),
        ("rolled_back the step was ended by ann", ""),
        ("confirmed", ""),
        ("", ""),
    ],
)
def test_who_ended_a_run_from_another_command(state: str, by: str) -> None:
    assert ended_by(state) == by


def test_a_reason_fits_one_line() -> None:
    assert one_line("a\n b\t\x00\x1b[1mc") == "a b [1mc"
    assert len(one_line("x" * 1000)) == 300


def test_a_job_that_gives_its_client_up_says_so_in_the_words_that_are_looked_for() -> None:
    assert f'leave "{GAVE_UP.removeprefix("released ")}"' in program_text("job")
