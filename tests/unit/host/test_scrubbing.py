"""What the host hides before anything is told, in every shell and awk that may be there.

A script stands for Docker: it answers an inspection with a file.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployctl.engines.compose.inspected import parse_containers
from deployctl.evidence.marks import Marks
from deployctl.host import programs
from deployctl.host.wire import RecordReader
from tests.printers import PRINTERS, VALUE

USERLANDS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
TOOLS = ("awk", "sed", "grep", "sort", "uniq", "cut", "tail", "wc", "mktemp", "cat", "rm", "tr")
DOCKER = """#!/bin/sh
case "$1 $*" in
ps*) echo c1 ;;
*State*) cat "$SEEN/inspected" ;;
*) printf '.\\n'; cat "$SEEN/environment" ;;
esac
"""
STRUCTURE: dict[str, Any] = {
    "id": "c1", "name": "/demo-api-1", "service": "api",
    "state": {"Status": "running", "ExitCode": 137, "OOMKilled": False, "Health": "healthy"},
    "ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}]},
}  # fmt: skip

Run = Callable[..., dict[str, str]]


@pytest.fixture(params=USERLANDS)
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a snippet after `docker.sh`, with these `NAME=VALUE` lines as the environment of the
    project's one container; gives its records."""
    words = USERLANDS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    if request.param == "busybox":
        tools = tmp_path / "tools"
        tools.mkdir()
        for tool in TOOLS:
            (tools / tool).symlink_to(str(shutil.which("busybox")))
        monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("SEEN", str(tmp_path))

    def run(text: str, environment: str, inspected: str = "", **params: str) -> dict[str, str]:
        marked = "".join(f"\n\1{line}" for line in environment.split("\n"))
        (tmp_path / "environment").write_text(marked)
        (tmp_path / "inspected").write_text(f"{inspected}{marked}\n")
        whole = f"{programs.program_text('lib')}\n{programs.program_text('docker')}\n{text}"
        given = {"DOCKER": str(docker), "PROJECT": "demo", "PUBLIC": "", **params}
        script = programs._assemble(whole, given)
        command = [*words, "-c", 'IFS= read -r b && eval "$b"']
        done = subprocess.run(
            command, input=script.data, capture_output=True, timeout=10, check=False
        )
        reader = RecordReader(script.nonce)
        reader.feed(done.stdout)
        return {record.name: record.data.decode() for record in iter(reader.next, None)}

    return run


def inspected(run: Run, environment: str, error: str = "", output: str = "") -> str:
    """The line of one container whose error and health output are those."""
    words = {"error": error, "health": [{"exitCode": 1, "output": output}]}
    compact = json.dumps(words, separators=(",", ":"), ensure_ascii=False)
    # As Go writes JSON.
    for char in "<>&":
        compact = compact.replace(char, f"\\u{ord(char):04x}")
    line = f"{json.dumps(STRUCTURE, separators=(',', ':'))}\t{compact}"
    return run('put it "$(echo c1 | inspect_scrubbed "$PUBLIC")"', environment, line)["it"]


class TestInspections:
    @pytest.mark.parametrize(
        "environment",
        [
            "AUTH_ENABLED=true\nUSE_TOKEN=false\nAUTH_X=null",
            "AUTH_PORT=8000\nEXIT_KEY=137",
            "KEY_NAME=name\nKEY_FIELD=exitCode\nOTHER_KEY=restartCount\nA_KEY=output",
            "SERVICE_NAME=demo-api-1\nAUTH_STATE=running\nHEALTH=unhealthy",
            'KEY_QUOTE=":"\nKEY_BRACKET={"}\nKEY_COMMA=,"service"\nKEY_END=}}}',
        ],
    )
    def test_are_whole_whatever_the_environment_says(self, run: Run, environment: str) -> None:
        [found] = parse_containers(inspected(run, environment, output="exit\n"))
        assert (found.id, found.name, found.status) == ("c1", "demo-api-1", "running")
        assert (found.exit_code, found.health) == (137, "healthy")
        assert found.ports[0].host_port == 8000

    @pytest.mark.parametrize(
        ("environment", "said", "shown"),
        [
            ("DB_PASSWORD=hunter", "login hunter failed", "login [DB_PASSWORD] failed"),
            ("PIN_SECRET=123456", "PIN 123456 refused", "PIN [PIN_SECRET] refused"),
            ("URL=pg://u:p@h/db?a=<b>&c", "no pg://u:p@h/db?a=<b>&c!", "no [URL]!"),
            ('X_KEY=q"u\\o te', 'of q"u\\o te', "of [X_KEY]"),
            ("X_KEY=nab", "\nab nab\\nab", "\nab [X_KEY]\\[X_KEY]"),
            ("X_KEY=01b\nY_KEY=1b[", "\x1b[1m red", " [1m red"),
            ("AUTH_FILE=tab\tinside", "tab\tinside", "[AUTH_FILE]"),
            ("A_KEY=abcd\nB_KEY=abcdefgh", "abcdefgh", "[B_KEY]"),
            ('A"\\_KEY=abcd', "abcd", '[A"\\_KEY]'),
            ("USE_AUTH=true", "that is true", "that is true"),
            ("NAME_KEY=name", "the name", "the [NAME_KEY]"),
        ],
    )
    def test_hide_secrets_in_what_programs_said(
        self, run: Run, environment: str, said: str, shown: str
    ) -> None:
        [found] = parse_containers(inspected(run, environment, error=said))
        assert found.error == shown

    def test_hide_every_line_of_a_value_of_many(self, run: Run) -> None:
        """ENVIRONMENT of docker.sh gives each line of a value the name of it."""
        environment = "TLS_KEY=-----BEGIN KEY-----\nTLS_KEY=MIIEvQIBADANBgkqhkiG"
        [found] = parse_containers(inspected(run, environment, error="of MIIEvQIBADANBgkqhkiG"))
        assert found.error == "of [TLS_KEY]"

    def test_of_a_container_that_cannot_be_told_of_are_no_container(self, run: Run) -> None:
        with pytest.raises(ValueError, match="id"):
            parse_containers(inspected_cut(run))


def inspected_cut(run: Run) -> str:
    """As when the disk is full while the list of secrets is written."""
    line = f"{json.dumps(STRUCTURE, separators=(',', ':'))}\t{{}}"
    text = 'secret_lines() { return 1; }\nput it "$(echo c1 | inspect_scrubbed "")"'
    return run(text, "A_KEY=abcd", line)["it"]


class TestText:
    def scrub(self, run: Run, environment: str, text: str, public: str = "") -> str:
        snippet = 'put it "$(printf %s "$TEXT" | scrub "$PROJECT" "$PUBLIC")"'
        return run(snippet, environment, TEXT=text, PUBLIC=public)["it"]

    @pytest.mark.parametrize(
        ("environment", "text", "shown"),
        [
            ("DB_PASSWORD=hunter", "hunter 1", "[DB_PASSWORD] 1"),
            ("PIN_SECRET=123456", "at 123456", "at [PIN_SECRET]"),
            ("AUTH_ENABLED=true\nUSE_TOKEN=False", "true False", "true False"),
            ("PORT=8000", "on 8000", "on 8000"),
            ('A_KEY=a"b&c', 'a"b&c or "a\\"b\\u0026c"', '[A_KEY] or "[A_KEY]"'),
            ("A_KEY=abcd\nB_KEY=abcdefgh", "abcdefgh", "[B_KEY]"),
        ],
    )
    def test_has_names_for_secrets(self, run: Run, environment: str, text: str, shown: str) -> None:
        assert self.scrub(run, environment, text) == shown

    def test_of_a_line_that_is_cut_nothing_is_left(self, run: Run) -> None:
        snippet = 'put it "$(printf %s "$TEXT" | last_bytes 20 | scrub "$PROJECT" "$PUBLIC")"'
        text = "x" * 20 + "correct-horse\nnext line\n"
        shown = [
            run(snippet, "A_KEY=correct-horse", TEXT=text[:-1])["it"],
            run(snippet, "A_KEY=correct-horse", TEXT="one\ncorrect-horse\n")["it"],
        ]
        assert shown == ["next line", "one\n[A_KEY]"]

    def test_keeps_what_is_public(self, run: Run) -> None:
        assert self.scrub(run, "REGION=eu-central-1", "eu-central-1", "REGION") == "eu-central-1"

    def test_is_kept_where_nothing_is_in_the_environment(self, run: Run) -> None:
        assert self.scrub(run, "", "line 3: bad") == "line 3: bad"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('read /x/.env: line 7: unexpected character "+" in variable name "s3cret=a\\nB=b"',
         'read /x/.env: line 7: unexpected character "+" in variable name'),
        ("line 2: unterminated quoted value s3cret\nNEXT=s3cret\nLAST=s3cret",
         "line 2: unterminated quoted value"),
        ("invalid interpolation format for services.api.environment.KEY.\nescape it:\ns3cret$",
         "invalid interpolation format for services.api.environment.KEY."),
        ('Invalid interpolation format for "services.api.environment": "s3cret$"',
         'Invalid interpolation format for "services.api.environment'),
        ("yaml: line 3: could not find ':'", "yaml: line 3: could not find ':'"),
    ],
)  # fmt: skip
def test_what_compose_quotes_of_a_file_that_no_container_knows(
    run: Run, said: str, shown: str
) -> None:
    snippet = 'put it "$(printf %s "$TEXT" | scrub_said "$PROJECT" "$PUBLIC")"'
    assert run(snippet, "A_KEY=other", TEXT=said)["it"] == shown


def test_remains_keep_their_form_and_hide_secrets(run: Run) -> None:
    structure = {"id": "c1", "published": {"80/tcp": [{"HostPort": "8000"}]}, "tty": True}
    words = {"cmd": ["--pin", "8000", "--x=hunter"], "labels": {"hunter": "hunter2"}}
    line = "\t".join(json.dumps(part, separators=(",", ":")) for part in (structure, words))
    text = (
        'known=$TMPDIR/known.$$; printf "A_KEY=8000\\nB_KEY=hunter\\n=end\\n" >"$known"\n'
        'put it "$(printf "%s\\n" "$LINE" | hide "$known" words)"\nrm "$known"'
    )
    found = json.loads(run(text, "", LINE=line)["it"])
    assert found == {
        **structure,
        "cmd": ["--pin", "[A_KEY]", "--x=[B_KEY]"],
        "labels": {"hunter": "[B_KEY]2"},
    }


PRINTED = {name: printer(VALUE).strip() for name, printer in PRINTERS.items()}
SECRETS = (
    f"A_KEY={VALUE}\nDATABASE_URL=postgres://u:p-w@db:5432/x\nSHORT_KEY=hunter\nB=plain-text-1"
)
"""of which the last is a part of nothing"""


def assert_hidden(shown: dict[str, str]) -> None:
    for name, text in shown.items():
        middle = len(PRINTED[name]) // 2
        assert "[A_KEY]" in text, name
        assert PRINTED[name][middle : middle + 6] not in text, (name, text)
        assert len(text) < 60, (name, text)


class TestEveryForm:
    """A value is found however tools print it: by the host, and by marks of it on the client."""

    def test_is_hidden_by_the_host(self, run: Run) -> None:
        text = "\n".join(f"said: {each} and more" for each in PRINTED.values())
        snippet = 'put it "$(printf %s "$TEXT" | scrub "$PROJECT" "$PUBLIC")"'
        lines = run(snippet, SECRETS, TEXT=text)["it"].split("\n")
        assert_hidden(dict(zip(PRINTED, lines, strict=True)))
        assert all(line.startswith("said: ") and line.endswith(" and more") for line in lines)

    def test_is_hidden_in_what_programs_said(self, run: Run) -> None:
        text = "\n".join(PRINTED.values())
        [found] = parse_containers(inspected(run, SECRETS, output=text))
        lines = found.health_log[0].removeprefix("exit 1: ").split("\n")
        assert_hidden(dict(zip(PRINTED, lines, strict=True)))

    def test_is_hidden_by_the_client_that_knows_marks(self, run: Run) -> None:
        marks = Marks()
        snippet = 'put it "$(secrets_of "$PROJECT" "" | marks "$KEYS")"'
        told = run(snippet, SECRETS, KEYS=marks.keys)["it"]
        marks.learn(told)
        assert "u:p-w" not in told
        assert VALUE not in told
        shown = {name: marks.hide(each.encode()).decode() for name, each in PRINTED.items()}
        assert_hidden(shown)
        text = b"x hunter postgres://u:p-w@db:5432/x, plain-text-1!"
        assert marks.hide(text) == b"x [SHORT_KEY] [DATABASE_URL], [B]!"
