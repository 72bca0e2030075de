"""Where everything is measured: one lab host, put back to its first release each time."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.outage import Outage, outage, parse
from deployctl.lab import state
from deployctl.lab.changes import HOTFIX
from deployctl.lab.machine import COMPOSE_FILE, ENV_FILE, Host
from deployctl.lab.service import Lab

HERE = Path(__file__).resolve().parent
TARGET = "bench"
DEPLOYCTL = str(Path(sys.executable).parent / "deployctl")
CONTAINER = "techno-os-api"
_SHIM = "/usr/local/bin/docker"
_SHIM_LOG = "/var/tmp/bench-docker.log"  # noqa: S108 - on the host, which is ours alone
PROBER_SECONDS = 30


class BenchError(Exception):
    """A run did not do what it was to be measured at."""


@dataclass(frozen=True)
class DockerCall:
    """One call of docker on the host, in seconds of the host's clock."""

    began: float
    ended: float
    words: str

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Bed:
    """One lab host, a clone of its repository, and files for its clients, all in `folder`."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.host: Host = lab.hosts[0]
        self.folder = folder
        self._lab = lab.record
        self._key = self.host.host_key()
        self.repository = folder / "repository"
        self.git("clone", "--quiet", str(self._lab.repository), str(self.repository), cwd=folder)
        self.git("checkout", "--quiet", "--detach", f"origin/{HOTFIX}")

    @property
    def port(self) -> int:
        """Where the host's sshd listens, without a proxy."""
        return self.host.record.port

    def git(self, *words: str, cwd: Path | None = None) -> str:
        person = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
        return run(["git", *person, *words], cwd=cwd or self.repository)

    def fresh_commit(self) -> str:
        """A commit on the hotfix that changes only code, unlike any before; its short SHA."""
        source = self.repository / "app" / "main.py"
        source.write_text(source.read_text() + f"\n# {secrets.token_hex(8)}\n")
        self.git("commit", "--quiet", "--all", "--message=Change only code")
        return self.git("rev-parse", "--short=7", "HEAD").strip()

    def reset(self) -> None:
        """Back to the first release. The build cache stays, so the pip layer is warm for all."""
        self.host.reset()

    def require_live(self, sha: str) -> None:
        """Raises BenchError unless the service runs that commit's image."""
        words = ["docker", "inspect", "--format={{.Config.Image}}", CONTAINER]
        image = self.host.must(words).strip()
        if not image.endswith(f":{sha}"):
            raise BenchError(f"{image} runs, not {sha}")

    def known_hosts(self, port: int) -> Path:
        path = self.folder / f"known_hosts.{port}"
        path.write_text(f"[127.0.0.1]:{port} {self._key}\n")
        return path

    def settings(self, port: int, *, min_healthy: str, repository: Path | None = None) -> Path:
        """deployctl's settings for the host as it is reached by that port."""
        data = state.settings(self._lab, self.host.record)
        [target] = data["targets"].values()
        target |= {"port": port, "known_hosts": str(self.known_hosts(port))}
        data["repository"] = str(repository or self.repository)
        data["targets"] = {TARGET: target}
        data["rollout"] = {"min_healthy": min_healthy}
        path = self.folder / f"deployctl.{port}.{min_healthy}.{data['repository'][-8:]}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path = path.with_name(path.name.replace("/", "-"))
        path.write_text(yaml.safe_dump(data))
        return path

    def ssh_config(self, port: int) -> Path:
        """OpenSSH's settings for the host, under the name `bench`, as a person would have them."""
        path = self.folder / f"ssh_config.{port}"
        path.write_text(
            f"Host {TARGET}\n  HostName 127.0.0.1\n  Port {port}\n  User deploy\n"
            f"  IdentityFile {self._lab.key_file}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts(port)}\n"
        )
        return path

    def deployctl(self, command: str, settings: Path, sha: str) -> list[str]:
        """The words of the command whose standard output is every event, the result last."""
        words = [DEPLOYCTL, command, "--sha", sha, "--target", TARGET, "--config", str(settings)]
        words += ["--output", "ndjson"]
        if command == "hotfix":
            words += ["--yes", "--evidence-dir", str(self.folder / "evidence")]
        return words

    def local_compose(self, port: int) -> tuple[Path, dict[str, str]]:
        """For DOCKER_HOST: the compose file on the client, and the environment for docker.

        Raises BenchError with the reason where this machine lacks what that needs.
        """
        if shutil.which("docker") is None:
            raise BenchError("there is no docker command on this machine")
        config = self.folder / "docker"
        compose = config / "cli-plugins" / "docker-compose"
        if not compose.exists():
            compose.parent.mkdir(parents=True, exist_ok=True)
            # the host's own plugin: the same version on both sides of the comparison
            plugin = f"{self.host.container}:/usr/libexec/docker/cli-plugins/docker-compose"
            try:
                run(["docker", "cp", plugin, str(compose)])
            except BenchError as error:
                raise BenchError("there is no Compose plugin to use on this machine") from error
        environment = self.folder / "env.prod"
        environment.write_text(self.host.sh(f"cat {ENV_FILE}"))
        document = yaml.safe_load(self.host.sh(f"cat {COMPOSE_FILE}"))
        for service in document["services"].values():
            service["env_file"] = [str(environment)]
        api = document["services"]["api"]
        api |= {"image": "techno-os-api:${RELEASE}", "build": {"context": "${CONTEXT}"}}
        path = self.folder / "docker-compose.remote.yml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        wrapper = self.folder / "bin" / "ssh"
        wrapper.parent.mkdir(exist_ok=True)
        ssh = shutil.which("ssh")
        wrapper.write_text(f'#!/bin/sh\nexec {ssh} -F {self.ssh_config(port)} "$@"\n')
        wrapper.chmod(0o755)
        return path, {
            "DOCKER_HOST": f"ssh://{TARGET}",
            "DOCKER_CONFIG": str(config),
            "PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}",
        }

    @contextmanager
    def probed(self) -> "Iterator[Probing]":
        """Probes the service from inside the host while the block runs."""
        probing = Probing(self.host)
        try:
            yield probing
        finally:
            probing.stop()

    @contextmanager
    def docker_noted(self) -> Iterator[list[DockerCall]]:
        """Notes every call of docker on the host; the list is filled when the block ends."""
        shim = (HERE / "docker_shim.sh").read_bytes()
        calls: list[DockerCall] = []
        script = f"cat >{_SHIM} && chmod 755 {_SHIM} && : >{_SHIM_LOG} && chmod 666 {_SHIM_LOG}"
        self.host.must(["sh", "-c", script], stdin=shim)
        try:
            yield calls
            calls += docker_calls(self.host.sh(f"cat {_SHIM_LOG}"))
        finally:
            self.host.sh(f"rm -f {_SHIM} {_SHIM_LOG}")


class Probing:
    """A prober inside the host that knows nothing of deployctl, from now until `stop`."""

    def __init__(self, host: Host) -> None:
        self.outage: Outage | None = None
        # the image that the application is built from: it is on every lab host
        words = ["docker", "exec", "--interactive", host.container, "docker", "run"]
        words += ["--rm", "--interactive", "--network=host", "python:3.11-slim", "python", "-c"]
        self._process = subprocess.Popen(
            [*words, (HERE / "prober.py").read_text(), "8000", "/health"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until = time.monotonic() + PROBER_SECONDS
        while not self._lines:
            if time.monotonic() > until or self._process.poll() is not None:
                raise BenchError("the prober did not start")
            time.sleep(0.01)

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.append(line)

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(PROBER_SECONDS)
        self._reader.join(PROBER_SECONDS)
        self.outage = outage(parse(self._lines))


@contextmanager
def bed(name: str) -> Iterator[Bed]:
    """A bed on the lab of that name. A lab that is not there is started, and removed at the end."""
    lab = Lab(name, say=lambda text: print(f"lab: {text}", file=sys.stderr))
    ours = state.load(name) is None
    lab.up()
    try:
        with tempfile.TemporaryDirectory(prefix="deployctl-bench-") as folder:
            made = Bed(lab, Path(folder))
            made.reset()
            yield made
            made.reset()
    finally:
        if ours:
            lab.down()


def docker_calls(log: str) -> list[DockerCall]:
    """The shim's lines: `BEGAN ENDED WORDS…`."""
    calls = []
    for line in log.splitlines():
        began, ended, *words = line.split(" ", 2)
        calls.append(DockerCall(float(began), float(ended), words[0] if words else ""))
    return calls


def run(
    words: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 900,
) -> str:
    """Runs a program and returns its standard output. Raises BenchError with its last words."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env=None if environment is None else {**os.environ, **environment},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()[-2000:]
        raise BenchError(f"{words[0]} ended with {done.returncode}: {said}")
    return done.stdout.decode(errors="replace")
