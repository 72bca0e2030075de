"""A compose file on the host that is broken, as the report's was: repaired, or refused."""

import hashlib
from collections.abc import Callable

import pytest

from deployctl.evidence.statement import parse_seal
from deployctl.lab.machine import COMPOSE_FILE
from tests.cases import Case, refuses, works

from .client import Client
from .expect import assert_at_rest, assert_rolled_back, assert_untouched
from .server import STATE, Before, Server

HOTFIX = "d73cfb1"
NO_IMAGES = "/^    image:/d"
SOON = {"min_healthy": "1s", "deadline": "8s"}


def kept_bytes(server: Server) -> list[str]:
    """Digests of what was kept of broken files."""
    lines = server.sh(f"sha256sum {STATE}/runs/*/edit.1.found 2>/dev/null || true").splitlines()
    return [line.split()[0] for line in lines]


@works("Compose files", "a hotfix on a file that has lost its image lines (the report), --repair")
def test_the_file_of_the_report_is_repaired_on_the_way(
    server: Server, before: Before, client: Client
) -> None:
    whole = server.compose_text()
    server.edit_compose(NO_IMAGES)
    broken = server.look().file.split()[0]

    done = client.hotfix(HOTFIX, "--repair")

    assert done.code == 0, done.explained
    assert done.document["result"] == "sealed"
    assert server.compose_text() == whole.replace(
        "techno-os-api:86ad4ff", f"techno-os-api:{HOTFIX}"
    )
    after = server.look()
    assert after.database == before.database
    assert after.file.split()[1:] == before.file.split()[1:], "its owner and mode stay"
    assert after.listing == before.listing
    assert kept_bytes(server) == [broken]
    files = {path.name: data for path, data in client.written()}
    assert hashlib.sha256(files["compose.1.broken.yml"]).hexdigest() == broken
    [file] = parse_seal(files["seal.json"]).predicate["compose"]["files"]
    assert file["broken"] == {"name": "compose.1.broken.yml", "sha256": broken}
    diff = files["compose.diff"].decode()
    assert "+    image: postgres:15-alpine" in diff
    assert "# container techno-os-db" in diff
    assert "# container techno-os-api" in diff
    assert_at_rest(server)
    assert client.status()["drift"] == []
    assert client.rollback().code == 0, "the reconstruction with the old image is what r0 had"
    assert server.compose_text() == whole


@refuses(
    "Compose files",
    "a hotfix on a broken file in CI without --repair",
    23,
    "reconstructs the file",
)
def test_without_repair_in_ci_the_command_is_named(
    server: Server, before: Before, client: Client, refusal: Case
) -> None:
    server.edit_compose(NO_IMAGES)
    broken = server.look()
    done = client.hotfix(HOTFIX)
    assert done.code == refusal.code, done.explained
    assert refusal.sentence in done.document["nextStep"]
    assert "--repair" in done.document["nextStep"]
    assert server.look() == broken
    planned = client.run("plan", "--sha", HOTFIX, "--output", "json")
    assert planned.code == 0, planned.explained
    assert server.look() == broken
    assert kept_bytes(server) == []


@works("Compose files", "a failed hotfix after a repair: back to the reconstruction, old image")
def test_a_failed_hotfix_goes_back_to_the_reconstruction(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    server.edit_compose(NO_IMAGES)
    client = make_client(rollout=SOON)
    done = client.hotfix("broken/metrics-404", "--repair")
    assert_rolled_back(done, 21, "metrics")
    assert "reconstruction" in done.document["production"]
    assert server.look().outcome == before.outcome, "the whole file again, and what it ran"
    assert_at_rest(server)
    assert client.status()["composeError"] == ""


CORRUPTIONS = {
    "a merge that was not finished": (
        r"s/^    image: techno.*/<<<<<<< HEAD\n&\n=======\n    image: techno:x\n>>>>>>> other/"
    ),
    "the header of a service": "/^  api:$/d",
    "the header of the networks": "/^networks:$/d",
    "the end of the file": "/^    command: ..uvicorn/,$d",
    "the top of a service": "/^  api:$/,/^    depends_on:$/d",
}


@works("Compose files", "a hotfix on a file of which a part is lost, from its template")
@pytest.mark.parametrize("script", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_a_lost_part_comes_from_the_template(
    script: str, server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    whole = server.compose_text()
    values = {
        "project": "techno-os", "postgres_interval": "5s", "api_interval": "2s",
        "api_start_period": "4s", "start_interval": "500ms",
    }  # fmt: skip
    client = make_client(compose={"template": "production", "values": values})
    server.edit_compose(script)
    assert server.look().file != before.file
    done = client.run("compose", "repair", "--yes", "--output", "json")
    assert done.code == 0, done.explained
    assert done.document["result"] == "repaired"
    assert server.compose_text().rstrip() == whole.rstrip()
    assert server.look().container == before.container
    assert done.document["kept"].startswith(STATE)
    assert client.status()["drift"] == []


@works("Compose files", "compose repair takes the file that the live release was recorded with")
def test_the_recorded_file_of_the_live_release_is_the_first_choice(
    server: Server, client: Client
) -> None:
    assert client.hotfix(HOTFIX).code == 0
    live = server.look()
    server.sh(f"head -c 300 {COMPOSE_FILE} > /tmp/cut && cat /tmp/cut > {COMPOSE_FILE}")
    done = client.run("compose", "repair", "--repair", "--output", "json")
    assert done.code == 0, done.explained
    assert done.document["source"] == "release r1"
    assert server.look() == live
    again = client.run("compose", "repair", "--yes", "--output", "json")
    assert again.code == 0, again.explained
    assert again.document["result"] == "unchanged"
    named = client.run("compose", "repair", "--from-release", "r0", "--yes", "--output", "json")
    assert named.code == 23, "r0 ran another image: it isn't what runs"
    assert "isn't what runs" in named.stderr + named.stdout
    assert server.look() == live


@refuses(
    "Compose files",
    "a broken file of which more is lost than anything tells",
    23,
    "can't be reconstructed without guessing",
)
def test_what_can_not_be_known_is_refused(
    server: Server, before: Before, client: Client, refusal: Case
) -> None:
    server.sh(f": > {COMPOSE_FILE}")
    empty = server.look()
    for done in (
        client.hotfix(HOTFIX, "--repair"),
        client.run("compose", "repair", "--yes", "--output", "json"),
    ):
        assert done.code == refusal.code, done.explained
        assert refusal.sentence in done.document["reason"]
        assert "--from-release" in done.document["nextStep"]
    assert server.look() == empty
    assert empty.container == before.container


@refuses("Compose files", "compose repair without a terminal and without --yes", 77, "--yes")
def test_a_repair_without_a_terminal_needs_yes(
    server: Server, client: Client, refusal: Case
) -> None:
    server.edit_compose(NO_IMAGES)
    broken = server.look()
    done = client.run("compose", "repair")
    assert done.code == refusal.code, done.explained
    assert refusal.sentence in done.stderr
    assert "# container techno-os-api" in done.stderr, "the difference was shown"
    assert server.look() == broken


def test_a_sound_file_is_left_alone(server: Server, before: Before, client: Client) -> None:
    done = client.run("compose", "repair", "--yes")
    assert done.code == 0, done.explained
    assert_untouched(server, before)
