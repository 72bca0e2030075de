"""The values of the service's environment file never leave the host, nor are they kept on it."""

from collections.abc import Callable

import pytest

from deployctl.lab.machine import COMPOSE_FILE, ENV_FILE

from .client import Client, Ended
from .expect import assert_as_before
from .server import STATE, Before, Server

SOON = {"min_healthy": "1s", "deadline": "8s"}
TALKATIVE = """
import os, sys
print("settings:", dict(os.environ), flush=True)
raise RuntimeError("can't connect to " + os.environ["DATABASE_URL"])
"""


@pytest.fixture
def canaries(server: Server) -> list[str]:
    """Every value of the environment file that is a secret."""
    lines = server.sh(f"grep -E 'PASSWORD|SECRET' {ENV_FILE}").splitlines()
    return [line.partition("=")[2] for line in lines]


def assert_nowhere(canaries: list[str], server: Server, client: Client, *runs: Ended) -> None:
    assert canaries
    for canary in canaries:
        for run in runs:
            assert canary not in run.stdout, "standard output"
            assert canary not in run.stderr, "standard error"
        for path, data in client.written():
            assert canary.encode() not in data, path
        on_host = server.sh(f"grep -rlaF -- {canary} {STATE} || true")
        assert on_host == "", "the state directory on the host"


def test_a_good_run_keeps_no_secret(server: Server, canaries: list[str], client: Client) -> None:
    """Nor is a word or a number that stands in Docker's own answers cut out of them."""
    server.sh(
        f"printf '%s=%s\\n' AUTH_ENABLED true AUTH_PORT 8000 NAME techno-os-api >>{ENV_FILE}; "
        f"docker compose -f {COMPOSE_FILE} up -d --wait api"
    )
    runs = [
        client.hotfix("d73cfb1"), client.run("status"), client.run("history"), client.run("logs"),
        client.rollback(),
    ]  # fmt: skip
    assert [run.code for run in runs] == [0, 0, 0, 0, 0]
    assert_nowhere(canaries, server, client, *runs)


def test_a_release_that_prints_its_secrets_as_it_dies(
    server: Server, before: Before, canaries: list[str], make_client: Callable[..., Client]
) -> None:
    """Its last words are shown and kept as evidence, but for the secrets in them."""
    client = make_client(rollout=SOON)
    sha = client.commit({"app/main.py": TALKATIVE})
    done = client.run("hotfix", "--sha", sha, "--yes")
    assert done.code == 21, done.explained
    assert "can't connect to" in done.stderr
    assert_nowhere(canaries, server, client, done)
    assert_as_before(server, before, client)


def test_the_logs_command_shows_no_secret(
    server: Server, canaries: list[str], client: Client
) -> None:
    source = client.file_at("app/main.py")
    sha = client.commit({"app/main.py": source + "\nprint(dict(os.environ), flush=True)\n"})
    assert client.hotfix(sha).code == 0
    done = client.run("logs", "--lines", "2000")
    assert "DATABASE_URL" in done.stdout
    assert_nowhere(canaries, server, client, done)


def test_a_build_secret_reaches_the_build_and_nothing_else(
    server: Server, make_client: Callable[..., Client]
) -> None:
    client = make_client()
    client.environment["BUILD_TOKEN"] = "t0k3n-of-the-build-5c1e"
    settings = client.config.read_text().replace(
        "source:\n", "source:\n  secrets: {token: {env: BUILD_TOKEN}}\n"
    )
    client.config.write_text(settings)
    dockerfile = client.file_at("Dockerfile") + (
        "\nRUN --mount=type=secret,id=token sha256sum /run/secrets/token | cut -c 1-16\n"
    )
    sha = client.commit({"Dockerfile": dockerfile})
    done = client.hotfix(sha)
    assert done.code == 0, done.explained
    assert_nowhere(["t0k3n-of-the-build-5c1e"], server, client, done)
    history = server.sh("docker history --no-trunc $(docker inspect -f '{{.Image}}' techno-os-api)")
    assert "t0k3n" not in history
