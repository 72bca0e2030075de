"""`deployctl edge plan` on a host: it only shows, and Compose takes what it shows."""

import json
import shlex

from deployctl.composefile.edge import EdgeSpec, install, turn
from deployctl.config.edge import EdgeSettings
from deployctl.lab.machine import COMPOSE_DIR
from tests.lab.client import Client
from tests.lab.server import Before, Server

SPEC = EdgeSpec("haproxy:2.8.10", f"{COMPOSE_DIR}/edge/api", EdgeSettings().subnet)


def compose(server: Server, data: bytes, *words: str) -> str:
    """What Compose says of such a file in the place of the production one."""
    script = f"cd {COMPOSE_DIR} && printf %s {shlex.quote(data.decode())} | docker compose -f -"
    return server.sh(f"{script} {' '.join(words)}", user="deploy")


def test_it_shows_what_an_edge_would_change_and_changes_nothing(
    server: Server, before: Before, client: Client
) -> None:
    done = client.run("edge", "plan", "--output", "json")
    assert done.code == 0, done.explained
    shown = json.loads(done.stdout)
    assert shown["result"] == "possible"
    assert "+  api-green:" in shown["diff"]
    assert "server api-green 172.30.77.12:8000 backup" in shown["configuration"]
    assert server.look() == before


def test_compose_takes_the_file_with_one_colour_live_at_a_time(server: Server) -> None:
    found = install(server.compose_text().encode(), "api", SPEC)
    for data, live in ((found, "api-blue"), (turn(found, "api", "green"), "api-green")):
        assert set(compose(server, data, "config", "--services").split()) == {
            "postgres", "api-edge", live,
        }  # fmt: skip
    every = json.loads(compose(server, found, "--profile api-idle config --format json"))[
        "services"
    ]
    assert every["api-blue"]["healthcheck"] == every["api-green"]["healthcheck"]
    assert every["api-blue"]["depends_on"] == every["api-green"]["depends_on"]
    assert "ports" not in every["api-green"]
    assert every["api-edge"]["ports"][0]["published"] == "8000"


def test_a_service_that_cannot_have_one_is_told_why(client: Client) -> None:
    client.set("edge", {"service": "postgres"})
    done = client.run("edge", "plan")
    assert done.code == 23
    assert "`postgres` publishes no port" in done.stdout
    assert "Nothing was changed" in done.stdout
