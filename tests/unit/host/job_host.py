"""A run's job on this machine, in the shells that may be there, with a script in Docker's place.

The script is right only for what can't be had of a real Docker at the very moment: that it goes
away between two commands, fails in odd words, hangs, or is restarted. Whatever else a rollout does
with Docker is the lab's to prove.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deployctl.engines.compose.job import JobSpec, settings_text
from deployctl.host.programs import program_text

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"]}
RUN_ID = "run-1"
OLD, NEW = "sha256:old", "sha256:new"
DOCKER = r"""#!/bin/sh
# All of them files of $WORLD: containers: `id name service image state oneoff`; images: an ID or
# reference a line; up-image: what an `up` makes a service run; away: how often `version` must be
# asked until Docker is there again; instead: what is done first, as shell
cd "$WORLD" || exit
echo "$*" >>asked
if [ -s away ]; then
    [ "$1" != version ] || echo "$(($(cat away) - 1))" >away
    [ "$(cat away)" = 0 ] && : >away
    echo 'Cannot connect to the Docker daemon' >&2
    exit 1
fi
[ ! -f instead ] || . ./instead
with() { awk "$@" containers >containers.new && mv containers.new containers; }
for last; do :; done
case $* in
"ps "*)
    awk -v words="$* " '
        words !~ /^ps -a/ && $5 != "running" { next }
        index(words, "compose.service=") && !index(words, "compose.service=" $3 " ") { next }
        index(words, "oneoff=False") && $6 == "True" { next }
        index(words, "{{.Names}}") { print $1, $2, $5; next }
        { print $1 }' containers
    ;;
"inspect --format {{.State.Status}} "*) awk -v id="$last" '$1 == id { print $5 }' containers ;;
"inspect --type container --format {"*)
    awk -v ids=" $* " 'index(ids, " " $1 " ") {
        printf "{\"id\":\"%s\",\"imageId\":\"%s\",\"configHash\":\"h\"}\n", $1, $4 }' containers
    ;;
"inspect --type container --format .{{range .Config.Env"*) echo . ;;
"image inspect "*)
    grep -Fx "$last" images || { echo "Error: No such image: $last" >&2; exit 1; }
    ;;
"start "*) with -v id="$last" '$1 == id { $5 = "running" } { print }' ;;
"rename "*)
    ! cut -d' ' -f2 containers | grep -Fxq "$last" || { echo 'the name is in use' >&2; exit 1; }
    with -v id="$2" -v name="$last" '$1 == id { $2 = name } { print }'
    ;;
"rm -f "*) with -v id="$last" '$1 != id { print }' ;;
"compose "*" up "*)
    with -v service="$last" -v image="$(cat up-image)" \
        '$3 == service { $4 = image; $5 = "running" } { print }'
    ;;
esac
"""
# In BusyBox's world its own tools stand in the place of the others.
TOOLS = (
    "awk", "basename", "cat", "cp", "cut", "dd", "dirname", "grep", "head", "mkdir", "mkfifo",
    "mktemp", "mv", "rm", "sed", "sha256sum", "sort", "stat", "tail", "timeout", "touch", "tr",
    "uniq", "wc",
)  # fmt: skip
STANDINS = {
    # the waits of the programs, in fifths of a second
    "sleep": "exec /bin/sleep 0.2",
    # whether it reaches the disk is the chaos tests' to say
    "sync": "exit 0",
    # the labs of this machine come and go: none of their engines is this host's
    "pidof": "exit 1",
}
MAIN = "\nRUN=$1\n"
"""where job.sh begins to do something: what is before it are its functions"""


@dataclass
class JobHost:
    folder: Path
    words: list[str]

    @classmethod
    def made(cls, folder: Path, shell: str) -> "JobHost":
        host = cls(folder, SHELLS[shell])
        for each in (host.tools, host.run, host.state_dir / "releases", host.state_dir / "upload"):
            each.mkdir(parents=True)
        if shell == "busybox":
            for tool in TOOLS:
                (host.tools / tool).symlink_to(str(shutil.which("busybox")))
        for name, text in STANDINS.items():
            host.tool(name, text)
        host.docker.write_text(DOCKER)
        host.docker.chmod(0o755)
        host.has("containers")
        host.has("images", OLD, NEW, "api:1", "api:2")
        host.has("up-image", OLD)
        host.has("asked")
        (host.run / "about.json").write_text(f'{{"runId": "{RUN_ID}"}}\n')
        host.plan()
        return host

    @property
    def docker(self) -> Path:
        return self.folder / "docker"

    @property
    def tools(self) -> Path:
        return self.folder / "tools"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def run(self) -> Path:
        return self.state_dir / "runs" / RUN_ID

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.tools}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "WORLD": str(self.folder)}

    def tool(self, name: str, text: str) -> None:
        file = self.tools / name
        file.unlink(missing_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def has(self, name: str, *lines: str) -> None:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))

    def instead(self, pattern: str, text: str) -> None:
        """What Docker does where its words are of that pattern."""
        self.has("instead", f"case $* in {pattern})", text, ";; esac")

    def plan(
        self, *services: str, edits: tuple[str, ...] = (), running: tuple[str, ...] = ()
    ) -> None:
        """The run's tables; columns are separated by spaces here, by tabs there."""
        for name, rows in (("services", services), ("edits", edits)):
            (self.run / name).write_text("".join(f"{row}\n".replace(" ", "\t") for row in rows))
        spec = JobSpec(
            run_id=RUN_ID, state_dir=str(self.state_dir), state_group="",
            docker=(str(self.docker),), compose_words=("-f", str(self.folder / "compose.yml")),
            up_words=(), project="shop", services=("api",), live_after="r1", lock_wait=600,
            budget=600, about={}, engine=self.engine, running=running,
        )  # fmt: skip
        (self.run / "settings").write_text(f"{settings_text(spec)}\n")

    @property
    def engine(self) -> str:
        """Which Docker it is, by the job's own word."""
        functions, _, _ = _job().partition(MAIN)
        ask = self.folder / "ask.sh"
        ask.write_text(f"{functions}\nengine_mark\n")
        said = subprocess.run(
            [*self.words, ask], env=self.environment, capture_output=True, text=True, check=True
        ).stdout
        return said.removesuffix("\n")

    def is_at(self, state: str) -> None:
        (self.run / "state").write_text(f"{state}\n")

    def does(self, text: str) -> "subprocess.CompletedProcess[str]":
        """What the job's own functions do, in a shell of their own."""
        functions, found, _ = _job().partition(MAIN)
        assert found, "job.sh begins to do something elsewhere"
        part = self.folder / "part.sh"
        part.write_text(
            f'{functions}\nRUN={self.run}\n. "$RUN/settings"\n'
            '[ -f "$RUN/engine" ] || engine_mark >"$RUN/engine"\n'
            f"{text}\n"
        )
        return subprocess.run(
            [*self.words, part],
            env=self.environment, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip

    def starts(self, reason: str = "") -> "subprocess.Popen[bytes]":
        """The whole job, as start.sh, resume.sh and the host after a restart start it."""
        self.install()
        with (self.run / "console").open("ab") as console:
            return subprocess.Popen(
                [*self.words, self.run / "job.sh", self.run, *([reason] if reason else [])],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip

    def install(self) -> None:
        (self.run / "job.sh").write_text(_job())
        (self.run / "log").touch()

    @property
    def state(self) -> str:
        return (self.run / "state").read_text().strip()

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()

    def ups(self) -> list[str]:
        """The words of every `up` after `up` itself."""
        return [found[1] for line in self.asked if (found := re.search(r" up (.*)", line))]

    def said(self, kind: str) -> list[str]:
        """What the job's log tells of that kind."""
        if not (self.run / "log").exists():
            return []
        rows = [line.split("\t") for line in (self.run / "log").read_text().splitlines()]
        return [": ".join(row[2:]) for row in rows if row[1] == kind]


def _job() -> str:
    return f"{program_text('lib')}\n{program_text('job')}"
