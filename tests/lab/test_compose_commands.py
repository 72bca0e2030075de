"""`deployctl compose diagnose` on a host."""

from deployctl.lab.machine import COMPOSE_FILE
from tests.cases import Case, refuses, works

from .client import Client
from .server import Before, Server


@works("Compose files", "diagnose on a host: a sound file has no fault")
def test_a_sound_file_has_no_fault(client: Client) -> None:
    done = client.run("compose", "diagnose", "--output", "json")
    assert done.code == 0, done.explained
    assert done.document["faults"] == []
    assert done.document["file"] == COMPOSE_FILE


@refuses(
    "Compose files",
    "diagnose names every fault with its line",
    23,
    "has neither `image:` nor `build:`",
)
def test_a_broken_file_is_diagnosed_on_the_host(
    server: Server, before: Before, client: Client, refusal: Case
) -> None:
    server.edit_compose(
        "/^    image:/d; s/techno-network$/techno-net/; s/DB_USER:-techno_user/DB_PERSON/;"
        " s|/opt/techno-os/env/.env.prod|/opt/techno-os/env/gone.env|"
    )
    done = client.run("compose", "diagnose", "--output", "json")
    assert done.code == refusal.code, done.explained
    told = [f"{fault['line']}: {fault['message']}" for fault in done.document["faults"]]
    assert sum(refusal.sentence in line for line in told) == 2
    assert any("gone.env of the service `api` does not exist" in line for line in told)
    assert any("network `techno-net`, which is not defined" in line for line in told)
    assert all(fault["mend"] and fault["file"] == COMPOSE_FILE for fault in done.document["faults"])
    assert server.look().container == before.container
    text = client.run("compose", "diagnose")
    assert f"{COMPOSE_FILE}:7:5: " in text.stdout


@refuses(
    "Compose files",
    "diagnose names a variable that is not set on the host",
    23,
    "is not set on the host, and has no default",
)
def test_a_variable_that_is_not_set_on_the_host(
    server: Server, client: Client, refusal: Case
) -> None:
    server.edit_compose("s/DB_USER:-techno_user/DB_PERSON/")
    done = client.run("compose", "diagnose", "--output", "json")
    assert done.code == refusal.code, done.explained
    [fault] = done.document["faults"]
    assert refusal.sentence in fault["message"]
    assert fault["line"] == 14
    assert done.document["drift"]
