"""Programs in the shells that may be there, where they need no more of Docker than a script."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployctl.engines.compose.refusals import refusal
from deployctl.host import programs
from deployctl.host.programs import Script
from deployctl.host.wire import RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
Told = dict[str, bytes]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return [*words, "-c", 'IFS= read -r b && eval "$b"']


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the programs put their small files."""
    directory = tmp_path / "small"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@contextmanager
def started(
    shell: list[str], script: Script, *, start_new_session: bool = False
) -> Iterator["subprocess.Popen[bytes]"]:
    """The program with its input open, as while the client is there."""
    with subprocess.Popen(
        shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=start_new_session
    ) as process:
        assert process.stdin is not None
        process.stdin.write(script.data)
        process.stdin.flush()
        yield process


def told(shell: list[str], script: Script) -> Told:
    with started(shell, script) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        out = process.stdout.read()
        process.stdin.close()
    reader = RecordReader(script.nonce)
    reader.feed(out)
    return {record.name: record.data for record in iter(reader.next, None)}


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def command(text: str, environment: str = "", seconds: int = 60) -> Script:
    params = {"COMMAND": text, "ENVIRONMENT": environment, "TIMEOUT": str(seconds)}
    return programs.script("command", params)


class TestCommand:
    def test_ends_on_the_host_where_a_lost_client_can_not_end_it(self, shell: list[str]) -> None:
        done = told(shell, command("echo begun; sleep 60; echo ended", seconds=1))
        assert done["stdout"] == b"begun"
        assert done["exit"] != b"0"

    def test_a_variable_of_the_users_may_have_any_name(self, shell: list[str]) -> None:
        names = ["COMMAND", "ENVIRONMENT", "TMPDIR", "out", "child", "usual_umask"]
        environment = "\n".join(f"{name}='its {name}'" for name in names)
        done = told(shell, command(f"printenv {' '.join(names)}", environment))
        assert done["exit"] == b"0"
        assert done["stdout"].decode().splitlines() == [f"its {name}" for name in names]

    def test_files_that_it_makes_have_the_usual_modes(self, shell: list[str], small: Path) -> None:
        made = small / "made"
        with_umask = ["sh", "-c", 'umask 027; exec "$@"', "-", *shell]
        assert told(with_umask, command(f": >{programs.quote(str(made))}"))["exit"] == b"0"
        assert stat.S_IMODE(made.stat().st_mode) == 0o640

    def test_its_output_is_for_nobody_else_meanwhile(self, shell: list[str], small: Path) -> None:
        text = f"stat -c %a {programs.quote(str(small))}/*"
        assert set(told(shell, command(text))["stdout"].split()) == {b"600"}

    @pytest.mark.parametrize("end", ["TERM", "HUP", "PIPE"])
    def test_nothing_stays_when_it_is_cut_off(
        self, shell: list[str], small: Path, end: str
    ) -> None:
        with started(shell, command("echo begun; exec sleep 30")) as process:
            until(lambda: any(file.read_bytes() == b"begun\n" for file in small.iterdir()))
            assert process.stdin is not None
            assert process.stdout is not None
            if end == "PIPE":
                process.stdout.close()  # nobody reads its records any more
            else:
                os.kill(process.pid, signal.Signals[f"SIG{end}"])
            process.stdin.close()
            process.wait(10)
        assert list(small.iterdir()) == []


DOCKER = """#!/bin/sh
case $* in
*" config "*)
    while [ ! -e "$GATE" ]; do sleep 0.05; done
    for word; do case $word in */1.yml) echo "$word:3: bad" >&2 ;; esac; done
    exit 1
    ;;
esac
"""


class TestWeigh:
    @pytest.fixture
    def gate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Compose answers once this is there."""
        monkeypatch.setenv("GATE", str(tmp_path / "gate"))
        return tmp_path / "gate"

    def weigh(self, tmp_path: Path, named: str) -> Script:
        docker = tmp_path / "docker"
        docker.write_text(DOCKER)
        docker.chmod(0o755)
        return programs.script(
            "weigh",
            {
                "DOCKER": str(docker), "COMPOSE_WORDS": f"-p\np\n-f\n{named}", "PROJECT": "p",
                "PUBLIC": "", "NAMED": named, "SERVICES": "", "SCALES": "", "CANDIDATES": "1",
                "CANDIDATE_1": "services: [",
            },
        )  # fmt: skip

    @pytest.mark.parametrize("named", ["/srv/a&b|c\\1.d/compose.yml", "/srv/[x]/$y.yml"])
    def test_compose_is_quoted_with_the_name_that_the_user_knows(
        self, shell: list[str], tmp_path: Path, gate: Path, named: str
    ) -> None:
        gate.touch()
        assert told(shell, self.weigh(tmp_path, named))["refused"].decode() == f"{named}:3: bad"

    def test_of_files_as_they_are_only_services_that_they_define_are_asked_for(
        self, shell: list[str], tmp_path: Path
    ) -> None:
        docker = tmp_path / "docker"
        docker.write_text(f"""#!/bin/sh
case " $* " in
*" config --services "*) printf 'api\\na.i\\nold-db\\n' ;;
*) printf '%s\\n' "$*" >>{tmp_path}/asked ;;
esac
""")
        docker.chmod(0o755)
        params = {
            "DOCKER": str(docker), "COMPOSE_WORDS": "-p\np\n-f\n/c.yml", "PROJECT": "p",
            "PUBLIC": "", "NAMED": "", "SERVICES": "api\ndb\nx.y", "CANDIDATES": "1",
            "SCALES": "--scale=api=3\n--scale=db=1", "CANDIDATE_1": "",
        }  # fmt: skip
        done = told(shell, programs.script("weigh", params))
        assert done["absent"].split() == [b"db", b"x.y"]
        words = "compose --ansi never -p p -f /c.yml"
        assert (tmp_path / "asked").read_text().splitlines()[:2] == [
            f"{words} config --images api",
            f"{words} --dry-run up --no-start --no-build --pull never --scale=api=3 api",
        ]

    def test_nothing_stays_when_nobody_listens_any_more(
        self, shell: list[str], small: Path, tmp_path: Path, gate: Path
    ) -> None:
        with started(shell, self.weigh(tmp_path, "/srv/compose.yml")) as process:
            until(lambda: any(small.glob("*/1.yml")))
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.close()
            gate.touch()
            process.stdin.close()
            process.wait(10)
        assert list(small.iterdir()) == []


SECRETIVE = """#!/bin/sh
case $1 in
ps) [ -z "$DOWN" ] || exit 1; echo c1 ;;
logs) echo "the password is hunter22" ;;
compose) echo "line 3: hunter22" >&2; exit 1 ;;
esac
"""


class TestWhatCannotBeScrubbed:
    """Docker doesn't tell the environment, so what is secret in the text is not known."""

    def program(self, tmp_path: Path, name: str, **params: str) -> Script:
        docker = tmp_path / "docker"
        docker.write_text(SECRETIVE)
        docker.chmod(0o755)
        return programs.script(
            name, {"DOCKER": str(docker), "PROJECT": "p", "PUBLIC": "", **params}
        )

    def test_is_no_log(self, shell: list[str], tmp_path: Path) -> None:
        done = told(shell, self.program(tmp_path, "logs", SERVICE="api", LINES="9"))
        assert (done["fail-kind"], done["fail"]) == (b"unscrubbed", b"the log of c1")
        assert "lines" not in done

    def test_is_no_proof_that_compose_has_nothing_to_say(
        self, shell: list[str], tmp_path: Path
    ) -> None:
        words = {"COMPOSE_WORDS": "-p\np", "ENV_FILES": ""}
        done = told(shell, self.program(tmp_path, "diagnose", **words))
        assert done["fail-kind"] == b"unscrubbed"
        assert "said" not in done

    def test_is_named_in_the_evidence(self, shell: list[str], tmp_path: Path) -> None:
        (tmp_path / "failed.api.log").write_text("the password is hunter22")
        done = told(shell, self.program(tmp_path, "evidence", RUN=str(tmp_path)))
        assert done["name"] == b"failed.api.log"
        assert done["content"].startswith(b"left out")


def test_no_file_keeps_secrets_when_the_scrubbing_is_ended_early(
    shell: list[str], small: Path, tmp_path: Path
) -> None:
    """As the host's job does with all that keeps evidence for too long, which has one limit."""
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\n[ "$1" = ps ] && echo c1 && exit\n: >{tmp_path}/asked; sleep 30\n'
    )
    docker.chmod(0o755)
    text = "\n".join(
        (
            *map(programs.program_text, ("lib", "docker")),
            'LIMIT=; echo text | scrub p "" | cat >/dev/null',
        )
    )
    script = programs._assemble(text, {"DOCKER": str(docker)})
    with started(shell, script, start_new_session=True) as process:
        until((tmp_path / "asked").exists)
        assert list(small.iterdir())
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
    until(lambda: not list(small.iterdir()))


def test_containers_that_cannot_be_listed_are_no_service_without_a_log(
    shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWN", "1")
    program = TestWhatCannotBeScrubbed().program(tmp_path, "logs", SERVICE="api", LINES="9")
    assert told(shell, program)["fail-kind"] == b"docker"


@pytest.mark.parametrize("name", ["command", "docker", "look", "remains", "survey", "weigh"])
def test_what_ends_a_program_removes_its_small_files(name: str) -> None:
    lines = programs.program_text(name).splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith("' EXIT"))
    assert lines[at + 1].strip() == "trap 'exit 1' HUP INT PIPE TERM"


class TestSurvey:
    @pytest.mark.parametrize(("known", "kind"), [(True, b"gone"), (False, b"missing")])
    def test_a_file_of_the_last_rollout_that_is_not_there_is_gone_and_not_elsewhere(
        self, shell: list[str], tmp_path: Path, *, known: bool, kind: bytes
    ) -> None:
        state, docker, path = tmp_path / "state", tmp_path / "docker", "/nowhere/b.yml"
        state.mkdir()
        (state / "compose-words").write_text(f"-p\np\n-f\n{path if known else '/x.yml'}\n")
        row = "\\t".join(("c1", "p", "api", "False", "/nowhere", path, ""))
        docker.write_text(f"#!/bin/sh\n[ \"$1\" != ps ] || printf '{row}\\n'\n")
        docker.chmod(0o755)
        params = {
            "DOCKER_WORDS": str(docker), "PROJECT": "", "SERVICES": "api", "DIRECTORY": "",
            "FILES": "", "STATE_DIR": str(state), "STATE_GROUP": "", "PUBLIC": "",
            "PROBE_WRITE": "no",
        }  # fmt: skip
        done = told(shell, programs.script("survey", params))
        assert (done["fail-kind"], done["fail"]) == (b"compose-file-" + kind, path.encode())
        told_as = str(refusal(done["fail-kind"].decode(), path, "deploy@host"))
        assert ("was there at the last rollout" in told_as) is known


CARELESS_CP = """#!/bin/sh
[ "$1" != -p ] || shift
PATH=/usr/bin:/bin cp "$@"
"""


class TestMend:
    def test_a_file_that_would_lose_its_owner_or_mode_stays_as_it_is(
        self, shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`cp -p` says nothing where it may not keep them; a `cp` that never does stands for it."""
        state, tools = tmp_path / "state", tmp_path / "tools"
        (state / "runs").mkdir(parents=True)
        tools.mkdir()
        (tools / "cp").write_text(CARELESS_CP)
        (tools / "cp").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        file = tmp_path / "compose.yml"
        file.write_bytes(b"broken")
        file.chmod(0o604)
        digest = {text: hashlib.sha256(text).hexdigest() for text in (b"broken", b"mended")}
        done = told(
            shell,
            programs.script(
                "mend",
                {
                    "DOCKER": "true", "COMPOSE_WORDS": "-p\np", "PROJECT": "p", "PUBLIC": "",
                    "STATE_DIR": str(state), "STATE_GROUP": "", "RUN": f"{state}/runs/r",
                    "ABOUT": "{}", "FILE": str(file), "FOUND": digest[b"broken"],
                    "AFTER": "mended", "AFTER_SHA": digest[b"mended"],
                },
            ),
        )  # fmt: skip
        assert (done["fail-kind"], done["fail"]) == (b"owner", str(file).encode())
        assert file.read_bytes() == b"broken"
        assert list(tmp_path.glob(".*")) == []
