"""Bad input to every command: a clear error, the right exit code, and nothing changed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployctl.lab.service import Lab
from tests.cases import works

from .client import Client, Ended
from .expect import assert_untouched
from .server import Server

USAGE, REFUSED, CONFIG = 2, 23, 78

WORDS = [
    ("hotfix", USAGE),
    ("hotfix --sha", USAGE),
    ("hotfix --sha d73cfb1 --sideways", USAGE),
    ("hotfix --sha d73cfb1 --yes more", USAGE),
    ("hotfix --sha d73cfb1 --output xml", USAGE),
    ("hotfix --sha d73cfb1 --yes --lock-wait soon", USAGE),
    ("hotfix --sha d73cfb1 --yes --lock-wait -5s", USAGE),
    ("hotfix --sha d73cfb1 --yes --advisory prometheus", USAGE),
    ("hotfix --sha d73cfb1 --yes --accept-drift", USAGE),
    ("hotfix --sha d73cfb1 --yes --reason because", USAGE),
    ("hotfix --sha d73cfb1 --yes --target mars", CONFIG),
    ("hotfix --sha d73cfb1 --yes --playbook no-such-file.yml", CONFIG),
    ("hotfix --sha d73cfb1 --yes --log-file no-such-folder/log", USAGE),
    ("hotfix --sha= --yes", USAGE),
    ("hotfix --sha --yes --yes", REFUSED),
    ("hotfix --sha -x --yes", REFUSED),
    ("hotfix --sha d73cfb1..next --yes", REFUSED),
    ("hotfix --sha HEAD:app --yes", REFUSED),
    ("hotfix --sha deadbeef --yes", REFUSED),
    ("rollback extra", USAGE),
    ("rollback --to", USAGE),
    ("rollback --yes --to r99", REFUSED),
    ("rollback --yes --to=", USAGE),
    ("rollback --yes --to $(id)", REFUSED),
    ("rollback --yes --target mars", CONFIG),
    ("plan", USAGE),
    ("plan --sha deadbeef", REFUSED),
    ("plan --sha d73cfb1 --advisory health", USAGE),
    ("status --target mars", CONFIG),
    ("status extra", USAGE),
    ("history --limit 0", USAGE),
    ("history --limit many", USAGE),
    ("logs nothing-of-that-name", USAGE),
    ("logs --lines -1", USAGE),
    ("doctor --target mars", CONFIG),
    ("sideways", USAGE),
]


@pytest.fixture(scope="module", autouse=True)
def nothing_changed(first_server: Server) -> Iterator[None]:
    """Whatever this file tries, the host is the same after all of it."""
    first_server.refresh()
    before = first_server.look()
    yield
    assert_untouched(first_server, before)


@pytest.fixture
def make_client(lab: Lab, first_server: Server, tmp_path: Path) -> Callable[..., Client]:
    """Without a reset each time: nothing here comes as far as changing the host."""
    quick = {"min_healthy": "1s", "deadline": "30s"}
    return lambda **changes: Client(
        lab.record, first_server.host.record, tmp_path, {"rollout": quick, **changes}
    )


def assert_clear(done: Ended, code: int) -> None:
    assert done.code == code, done.explained
    told = done.stdout + done.stderr
    assert told.strip(), "something is said"
    assert "Error" not in told.replace("Errors", ""), f"an exception's name: {told}"


@pytest.mark.parametrize(("words", "code"), WORDS, ids=[words for words, _ in WORDS])
def test_a_wrong_command_line(words: str, code: int, client: Client) -> None:
    done = client.run(*words.split(" "))
    assert_clear(done, code)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version: 1", "version: 9", "version"),
        ("services:\n- api", "services: []", "services"),
        ("services:\n- api", "services:\n- api\n- api", "once"),
        ("project: techno-os", "projcet: techno-os", "project"),
        ("project: techno-os", "project: 'Techno OS!'", "project"),
        ("path: /health\n    json", "path: health\n    json", "path"),
        ("min_healthy: 1s", "min_healthy: soon", "min_healthy"),
        ("min_healthy: 1s", "min_healthy: -1s", "min_healthy"),
        ("min_healthy: 1s", "min_healthy: 10m", "deadline"),
        ("port: ", "port: 0 # ", "port"),
        ("user: deploy", "user: 'de ploy'", "user"),
        ("approval: typed", "approval: maybe", "approval"),
        ("approval: typed", "approval: ${NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("url: http://127.0.0.1:9090", "url: 127.0.0.1:9090", "url"),
        ("gates:\n", "gates:\n\tx: 1\n", "deployctl.yml"),
        ("gates:\n", "gates: [\n", "deployctl.yml"),
    ],
)
def test_wrong_settings(old: str, new: str, says: str, client: Client) -> None:
    text = client.config.read_text()
    assert old in text
    client.config.write_text(text.replace(old, new))
    done = client.run("hotfix", "--sha", "d73cfb1", "--yes")
    assert_clear(done, CONFIG)
    assert says in done.stderr
    assert f"{client.config}:" in done.stderr, "file, line and column"


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"services": ["web"]}, REFUSED, "web"),
        ({"project": "another"}, REFUSED, "api of the project another"),
        ({"compose": {"files": ["/opt/nowhere/compose.yml"]}}, REFUSED, "/opt/nowhere/compose.yml"),
        ({"repository": "/nowhere/at/all"}, REFUSED, "/nowhere/at/all"),
        ({"source": {"path": "backend"}}, REFUSED, "backend"),
        ({"source": {"dockerfile": "Dockerfile.prod"}}, REFUSED, "Dockerfile.prod"),
        ({"source": {"secrets": {"t": {"env": "NOT_SET"}}}}, CONFIG, "NOT_SET"),
        ({"host_docker": "no-such-docker"}, REFUSED, "no-such-docker"),
        ({"host_state_dir": "/proc/nope"}, REFUSED, "/proc/nope"),
        ({"host_operators_group": "nobodies"}, REFUSED, "nobodies"),
        ({"host_host": "no-such-host.invalid"}, 69, "no-such-host.invalid"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_settings_that_do_not_fit_the_host(
    changes: dict[str, object],
    code: int,
    says: str,
    make_client: Callable[..., Client],
) -> None:
    done = make_client(**changes).hotfix("d73cfb1")
    assert done.code == code, done.explained
    assert says in done.reason + done.document["nextStep"], done.explained
    assert "not touched" in done.document["production"]


def test_compose_commands_on_files_that_are_none(client: Client, tmp_path: Path) -> None:
    for words in (
        ["compose", "diagnose", "no-such-file.yml"],
        ["compose", "set-image", "no-such-file.yml", "api", "x:1"],
        ["compose", "set-image", str(client.config), "api", "x:1"],
    ):
        done = client.run_plain(*words)
        assert done.code in {USAGE, REFUSED}, done.explained


LIES = {
    "not JSON": "echo '<html>Cannot connect to the daemon</html>'",
    "cut off": 'docker "$@" | head -c 700',
    "a flood": "head -c 100000000 /dev/zero | tr '\\0' '{'",
    "deep": "head -c 200000 /dev/zero | tr '\\0' '['",
    "other types": """echo '{"id": 7, "state": [], "ports": "80", "service": {}}'""",
}


@works("Hostile input", "a host whose `docker inspect` lies: refused, nothing changed")
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_docker_that_lies(
    lie: str, first_server: Server, make_client: Callable[..., Client]
) -> None:
    """The host is real; its Docker answers `inspect` as it likes."""
    first_server.sh(
        "cat >/tmp/liar <<'EOF'\n#!/bin/sh\n"
        f'case " $* " in *" inspect "*) {lie} ;; *) exec docker "$@" ;; esac\n'
        "EOF\nchmod 755 /tmp/liar"
    )
    client = make_client(host_docker="/tmp/liar")
    try:
        for done in (client.hotfix("d73cfb1"), client.run("status", "--output", "json")):
            assert_clear(done, REFUSED)
            assert len(done.stderr) < 20_000, done.explained
    finally:
        first_server.sh("rm /tmp/liar")
