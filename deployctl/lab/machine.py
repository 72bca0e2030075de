"""One host: a container that behaves as a rented server does."""

import functools
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from deployctl.lab import flavours
from deployctl.lab.docker import LABEL, LabError, docker, run, succeeds
from deployctl.lab.flavours import Flavour
from deployctl.lab.state import HostRecord

PORT_LABEL = f"{LABEL}.port"
READY_SECONDS = 60
STACK_SECONDS = 120
COMPOSE_DIR = flavours.COMPOSE_DIR
COMPOSE_FILE = flavours.COMPOSE_FILE
ENV_FILE = "/opt/techno-os/env/.env.prod"
USERS = ("deploy", "sudoer", "nodocker", "minimal")
_UNDO = "/usr/local/lib/lab/undo.sh"
_UNPRIVILEGED = (
    "--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined", "--security-opt=systempaths=unconfined",
    "--device-cgroup-rule=a *:* rwm",
)  # fmt: skip


@functools.cache
def privileges(image: str) -> tuple[str, ...]:
    """What lets an engine run inside: --privileged, or all that a limited root can give."""
    trial = ("run", "--rm", "--network=none", "--entrypoint=true", f"--label={LABEL}=trial")
    return ("--privileged",) if succeeds(*trial, "--privileged", image) else _UNPRIVILEGED


def create(
    container: str, *, lab: str, image: str, port: int | None = None, disk: str | None = None
) -> None:
    """Create a host, still off, and the volume for its Docker data.

    With `disk` (such as "1500m") the data are on a disk of that size, which forgets everything
    when the host is switched off.
    """
    sized = ("--opt=type=tmpfs", "--opt=device=tmpfs", f"--opt=o=size={disk}") if disk else ()
    published = (f"--publish=127.0.0.1:{port}:22", f"--label={PORT_LABEL}={port}") if port else ()
    docker(
        "volume", "create", f"--label={LABEL}={lab}", *sized, container,
        doing=f"Creating the volume {container}",
    )  # fmt: skip
    docker(
        "create", "--init", *privileges(image), f"--name={container}", f"--hostname={container}",
        f"--label={LABEL}={lab}", f"--volume={container}:/var/lib/docker", "--tmpfs=/run",
        "--tmpfs=/tmp:exec,mode=1777", "--stop-timeout=30", *published, image,
        doing=f"Creating the host {container}",
    )  # fmt: skip


@contextmanager
def filled(container: str, source: str, *, lab: str, image: str) -> Iterator[None]:
    """Fill a host's volume with another one's content, and hold it until the host is on."""
    keeper = f"{container}-keeper"
    succeeds("rm", "--force", keeper)  # of a command that was killed
    # root's own file attributes are copied too, so it needs what the host needs; the engine's
    # identity stays the same, because the build cache belongs to it
    docker(
        "run", "--detach", "--init", f"--name={keeper}", *privileges(image), "--network=none",
        f"--label={LABEL}={lab}", f"--volume={source}:/source:ro", f"--volume={container}:/copy",
        "--entrypoint=sleep", image, "600",
        doing=f"Mounting {source}",
    )  # fmt: skip
    try:
        docker(
            "exec", keeper, "cp", "-a", "/source/.", "/copy/",
            doing=f"Copying {source}", timeout=180,
        )  # fmt: skip
        yield
    finally:
        succeeds("rm", "--force", keeper)


class Host:
    """A running host, with root's hand inside it."""

    def __init__(self, record: HostRecord, rebuild: Callable[[], None] | None = None) -> None:
        self.record = record
        self.container = record.container
        self._rebuild = rebuild

    def exec(
        self,
        argv: Sequence[str],
        input: bytes | None = None,  # noqa: A002 - as subprocess.run calls it
        *,
        user: str = "root",
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program inside the host, without SSH; the caller judges its code."""
        words = ["docker", "exec", "--interactive", f"--user={user}", self.container, *argv]
        return subprocess.run(
            words, input=input or b"", capture_output=True, timeout=timeout, check=False
        )

    def sh(self, script: str, *, user: str = "root", timeout: float = 120) -> str:
        """Run a shell script inside the host and return its stdout; a failure is an error."""
        return self.must(["sh", "-c", script], user=user, timeout=timeout)

    def must(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        user: str = "root",
        timeout: float = 120,
    ) -> str:
        """Run a program inside the host and return its stdout; a failure is an error."""
        return run(
            ["docker", "exec", "--interactive", f"--user={user}", self.container, *argv],
            doing=f"`{' '.join(argv)[:200]}` on {self.record.target}", timeout=timeout, stdin=stdin,
        )  # fmt: skip

    def running(self) -> bool:
        """Whether the host is powered on."""
        return self._state() == "running"

    def never_ran(self) -> bool:
        """Whether the host was created, but not yet filled and started."""
        return self._state() == "created"

    def _state(self) -> str:
        words = ("inspect", "--format={{.State.Status}}", self.container)
        return docker(*words, doing=f"Inspecting {self.record.target}").strip()

    def start(self) -> None:
        """Power the host on and wait until it is ready."""
        docker("start", self.container, doing=f"Starting {self.record.target}")
        self.wait_ready()

    def stop(self) -> None:
        """Shut the host down in order."""
        docker("stop", self.container, doing=f"Stopping {self.record.target}")

    def kill(self) -> None:
        """Cut the power."""
        docker("kill", self.container, doing=f"Cutting the power of {self.record.target}")

    def reboot(self) -> None:
        """Shut down in order and start again."""
        self.stop()
        self.start()

    def wait_ready(self) -> None:
        """Wait until Docker and sshd answer inside, then until sshd answers from outside."""
        script = f"timeout {READY_SECONDS} sh -c 'until [ -e /run/lab-ready ]; do sleep 0.1; done'"
        done = self.exec(["sh", "-c", script], timeout=READY_SECONDS + 30)
        if done.returncode != 0 or not self._sshd_answers():
            logs = docker("logs", "--tail=25", self.container, doing="Reading the host's log")
            raise LabError(
                f"The host {self.record.target} was not ready within {READY_SECONDS} s.",
                next_step=f"docker logs {self.container}",
                detail=logs,
            )

    def _sshd_answers(self) -> bool:
        if not self.record.port:
            return True
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                address = (self.record.address, self.record.port)
                with socket.create_connection(address, timeout=5) as connection:
                    if connection.recv(4) == b"SSH-":
                        return True
            except OSError:
                pass
            time.sleep(0.1)
        return False

    def accept_key(self, public_key: str) -> None:
        """Let every user of the host log in with this key."""
        homes = " ".join(USERS)
        script = (
            f"key=$(cat); for u in {homes}; do f=/home/$u/.ssh/authorized_keys;"
            ' echo "$key" > $f; chown $u:$u $f; chmod 600 $f; done'
        )
        self.must(["sh", "-c", script], stdin=public_key.encode())

    def host_key(self) -> str:
        """The host's public key, read from inside: nobody between can have changed it."""
        return " ".join(self.sh("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])

    def serve(self) -> None:
        """Start the application as its operator would; wait until it is healthy and scraped."""
        self.must(["/usr/local/lib/lab/serve.sh"], timeout=STACK_SECONDS)

    def become(self, flavour: Flavour) -> None:
        """Make an awkward host of one on which the first release serves; a reset undoes it."""
        self.must(["sh", "-c", f"cat > {_UNDO}"], stdin=flavour.undo.encode())
        script = flavours.PRELUDE + flavour.change
        self.must(["sh", "-s"], stdin=script.encode(), timeout=STACK_SECONDS)

    def unbecome(self) -> None:
        """Take back what of a flavour is not in the host's files, containers and images."""
        self.sh(f"[ ! -e {_UNDO} ] || {{ sh -eu {_UNDO} && rm {_UNDO}; }}")

    def reset(self) -> None:
        """Back to the plain first release, in seconds; else from the template."""
        try:
            if not self.running():
                self.start()
            self.unbecome()
            self.must(["/usr/local/lib/lab/reset.sh"], timeout=STACK_SECONDS)
        except LabError:
            if self._rebuild is None:
                raise
            self._rebuild()
