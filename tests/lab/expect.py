"""What must hold after a command, said once for all tests."""

import re
from typing import Any

from .client import Client, Ended, eventually
from .server import Before, Server

HEALTHY = (200, '{"status":"ok"}')


def assert_as_before(
    server: Server, before: Before, client: Client, *, release: str | None = None
) -> None:
    """The earlier release serves, its file has its old bytes, and nothing else was touched.

    `release` is the number that `status` must give to what runs; None: not one of deployctl's.
    """
    assert server.look().outcome == before.outcome
    assert server.get("/health") == HEALTHY
    assert_at_rest(server)
    assert_status(server, client, release)


def assert_untouched(server: Server, before: Before) -> None:
    """Not even the API's container was replaced."""
    assert server.look() == before
    assert server.get("/health") == HEALTHY
    assert_at_rest(server)


def assert_at_rest(server: Server) -> None:
    """No run goes on, and the next one would get the lock."""
    eventually("the host's job ends", lambda: not server.jobs(), 20)
    assert server.lock_gets_free()


def assert_status(server: Server, client: Client, release: str | None) -> dict[str, Any]:
    """`deployctl status` tells the truth about a host at rest."""
    status = client.status()
    [api] = [service for service in status["services"] if service["service"] == "api"]
    assert api["imageId"] == server.look().image
    assert api["status"] == "running"
    assert status["release"] == release
    assert status["drift"] == []
    assert status["unfinished"] == []
    assert status["lock"] is None
    assert status["composeError"] == ""
    return status


def assert_rolled_back(done: Ended, code: int, *reasons: str) -> None:
    """The run ended with that code, proved its rollback, and its reason names the cause."""
    assert done.code == code, done.explained
    document = done.document
    assert document["result"] == {21: "rolled-back", 24: "inconclusive", 130: "interrupted"}[code]
    assert document["rollback"]["performed"] is True
    assert document["rollback"]["state"] == "proven"
    for reason in reasons:
        assert reason in document["reason"], done.explained
    assert all(gate["state"] == "pass" for gate in document["gates"] if gate["when"] == "rollback")
    assert document["seal"] is not None


def assert_refused(done: Ended, code: int, *reasons: str) -> None:
    """The run ended before the switch, and says why and what to do."""
    assert done.code == code, done.explained
    document = done.document
    assert document["rollback"]["performed"] is False
    for reason in reasons:
        assert reason in document["reason"], done.explained
    assert document["nextStep"], "an error says what to do next"
    assert re.search("not touched|touched nothing", document["production"])
