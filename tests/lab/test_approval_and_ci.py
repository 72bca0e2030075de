"""Nothing happens without consent, and how a job step of a CI system gives it."""

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .client import Client, check
from .expect import assert_as_before, assert_at_rest, assert_refused, assert_untouched
from .server import Before, Server
from .test_link import hang_up

HOTFIX = "d73cfb1"


def test_without_a_terminal_and_without_yes(server: Server, before: Before, client: Client) -> None:
    done = client.run("hotfix", "--sha", HOTFIX, "--output", "json")
    assert_refused(done, 77, "approval")
    assert "--yes" in done.document["nextStep"]
    assert_untouched(server, before)


def test_a_target_that_forbids_yes(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    done = make_client(forbid=["yes"]).hotfix(HOTFIX)
    assert_refused(done, 77, "forbids --yes")
    assert_untouched(server, before)


def test_a_target_that_wants_a_signature(
    server: Server, before: Before, make_client: Callable[..., Client]
) -> None:
    """Of people, whom `approval: signed` alone does not name; see test_signed_approval.py."""
    done = make_client(host_approval="signed").hotfix(HOTFIX)
    assert_refused(done, 78, "expected who may sign")
    assert_untouched(server, before)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("advisory", ["--advisory", "prometheus", "--reason", "moved"]),
        ("accept-drift", ["--accept-drift", "--reason", "wanted"]),
    ],
)
def test_a_target_that_forbids_an_exception(
    option: str,
    words: list[str],
    server: Server,
    before: Before,
    make_client: Callable[..., Client],
) -> None:
    done = make_client(forbid=[option]).hotfix(HOTFIX, *words)
    assert_refused(done, 23, f"--{option}")
    assert_untouched(server, before)


def on_a_terminal(
    client: Client, answer: str, meanwhile: Callable[[], object] = lambda: None
) -> tuple[int, str]:
    """Runs the hotfix on a pseudo-terminal and types the answer when it is asked for.

    `meanwhile` is what happens while a person thinks.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        client.argv("hotfix", "--sha", HOTFIX),
        cwd=client.folder, env=client.environment,
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    seen = b""
    answered = False
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        if not answered and b"anything else to stop" in seen:
            meanwhile()
            os.write(master, answer.encode() + b"\n")
            answered = True
    os.close(master)
    return process.wait(timeout=60), seen.decode("utf-8", "replace")


def test_a_person_types_execute(server: Server, client: Client) -> None:
    code, seen = on_a_terminal(client, "EXECUTE")
    assert code == 0, seen[-2000:]
    assert server.get("/metrics")[0] == 200
    assert seen.index("+    image: techno-os-api:d73cfb1") < seen.index("anything else to stop")


def test_a_link_that_is_lost_while_a_person_thinks_is_had_again(
    server: Server, client: Client
) -> None:
    code, seen = on_a_terminal(client, "EXECUTE", lambda: hang_up(server))
    assert code == 0, seen[-2000:]
    assert server.get("/metrics")[0] == 200
    assert_at_rest(server)


def test_a_person_types_anything_else(server: Server, before: Before, client: Client) -> None:
    code, seen = on_a_terminal(client, "yes")
    assert code == 77, seen[-2000:]
    assert "Traceback" not in seen
    assert_untouched(server, before)


class TestInAJobOfGitHub:
    """Key and host key from the environment, no terminal, no known_hosts, no ~/.ssh."""

    @pytest.fixture
    def job(self, make_client: Callable[..., Client], tmp_path: Path) -> Client:
        client = make_client(
            host_key_file=None, host_known_hosts=None, host_key_env="DEPLOY_KEY",
            host_host_key="${DEPLOY_HOST_KEY}",
        )  # fmt: skip
        client.environment |= {
            "DEPLOY_KEY": client.key_file.read_text(),
            "DEPLOY_HOST_KEY": " ".join(client.known_hosts.read_text().split()[1:3]),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
        }
        return client

    def test_it_rolls_out(self, job: Client, tmp_path: Path) -> None:
        done = job.run("hotfix", "--sha", HOTFIX, "--yes")
        assert done.code == 0, done.explained
        text = done.stdout + done.stderr
        assert "::error" not in text
        assert "\x1b[" not in text, "plain lines"
        assert "::group::" in text
        assert HOTFIX in (tmp_path / "summary.md").read_text()
        assert "sealed" in (tmp_path / "output").read_text()
        assert "octocat" in job.status()["by"]

    def test_a_failed_gate_is_an_annotation_and_the_exit_code_is_true(
        self, server: Server, before: Before, job: Client, tmp_path: Path
    ) -> None:
        done = job.run("hotfix", "--sha", "broken/crash-at-start", "--yes")
        assert done.code == 21, done.explained
        text = done.stdout + done.stderr
        errors = [line for line in text.splitlines() if line.startswith("::error")]
        assert any("gate container fail" in line for line in errors), text[-3000:]
        assert "container" in (tmp_path / "summary.md").read_text()
        assert_as_before(server, before, job)

    def test_the_key_is_nowhere(self, job: Client) -> None:
        done = job.run("hotfix", "--sha", HOTFIX, "--yes")
        secret = job.environment["DEPLOY_KEY"].splitlines()[2]
        assert secret not in done.stdout + done.stderr
        for path, data in job.written():
            assert secret.encode() not in data, path

    def test_an_empty_key_is_a_matter_of_settings(
        self, server: Server, before: Before, job: Client
    ) -> None:
        job.environment["DEPLOY_KEY"] = ""
        done = job.hotfix(HOTFIX)
        assert_refused(done, 78, "DEPLOY_KEY")
        assert_untouched(server, before)


class TestTheStreamForPrograms:
    def test_ndjson_ends_with_the_same_document(self, client: Client) -> None:
        done = client.run("hotfix", "--sha", HOTFIX, "--yes", "--output", "ndjson")
        assert done.code == 0
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert [e["stage"] for e in events if e["type"] == "stageEnded"] == [
            "preflight", "capture", "approve", "ship", "build", "backup", "arm", "swap", "gate",
            "confirm", "seal",
        ]  # fmt: skip
        assert [e["type"] for e in events].count("result") == 1
        last = events[-1]
        assert last.pop("type") == "result"
        check(last)

    def test_all_text_for_people_is_on_stderr(self, client: Client) -> None:
        done = client.run("hotfix", "--sha", HOTFIX, "--yes")
        assert done.code == 0
        assert done.stdout == ""
        assert "is live" in done.stderr

    def test_a_log_file_has_it_as_well(self, client: Client) -> None:
        log = client.folder / "log.txt"
        done = client.run("plan", "--sha", HOTFIX, "--output", "json", "--log-file", str(log))
        assert done.code == 0, done.explained
        assert "techno-os-api:d73cfb1" in log.read_text()
