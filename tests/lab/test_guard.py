"""What goes on after a restart of a host that systemd boots. Cron's part is in test_dead_man.py.

The host's programs are run by hand there: what they install is systemd's business from then on.
"""

import subprocess
import time
from collections.abc import Iterator

import pytest

from deployctl.host.programs import program_text
from deployctl.lab.machine import privileges
from deployctl.lab.service import Lab

from .client import eventually

NAME = "deployctl-guard-test"
RESTARTS = 3
BOOTED = {"running", "degraded"}
_DOCKERFILE = """
FROM {image}
RUN apt-get update && apt-get install -y --no-install-recommends systemd systemd-sysv dbus \\
      libpam-systemd && rm -rf /var/lib/apt/lists/* \\
 && systemctl mask docker.service ssh.service prometheus.service cron.service
ENTRYPOINT []
CMD ["/sbin/init"]
"""
SUDO = "sudo\n-n\ndocker"
BOOT = 'date +%s >>"$1/ran"; id -un >"$1/who"'


def docker(*words: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["docker", *words], input=stdin, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


class Booted:
    """A machine whose first process is systemd."""

    def sh(self, script: str, user: str = "root") -> str:
        return docker("exec", "--interactive", f"--user={user}", NAME, "sh", "-s", stdin=script)

    def wait(self) -> None:
        words = ["docker", "exec", NAME, "systemctl", "is-system-running"]

        def up() -> bool:
            said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
            return said.strip() in BOOTED

        eventually("systemd has booted", up, 120)

    def restart(self) -> None:
        docker("restart", "--time", "10", NAME)
        self.wait()

    def restart_until_managed(self, user: str) -> None:
        """Until that user's own manager runs: on a busy machine systemd gives up on it at times."""
        manager = f"user@$(id -u {user}).service"
        for _ in range(RESTARTS):
            self.restart()
            if self.sh(f"systemctl is-active {manager} || true") == "active":
                return
        raise AssertionError(self.sh(f"journalctl --no-pager -n 40 -u {manager} 2>&1 || true"))

    def told(self, user: str) -> str:
        """What systemd says of that user's units, for whom a test fails."""
        return self.sh(
            "export XDG_RUNTIME_DIR=/run/user/$(id -u);"
            " systemctl --user --no-pager status 'deployctl*' || :;"
            " journalctl --no-pager -n 20 2>&1 || :",
            user,
        )

    def guard(self, user: str, state: str, engine: str = "docker") -> str:
        """Installs the best that there is for that user; returns what that is."""
        self.sh(f"mkdir -p {state}; printf '%s\\n' '{BOOT}' >{state}/boot.sh", user)
        program = "\n".join(program_text(name) for name in ("lib", "docker", "guard"))
        head = f"HOME=/home/{user}; STATE_DIR={state}; RUN={state}; export HOME\n"
        # twice: the second time there is nothing to do
        tail = 'rung=$(guard_rung)\nguard_install "$rung" && guard_install "$rung" && echo "$rung"'
        return self.sh(f"{head}{program}\nDOCKER='{engine}'\n{tail}", user)

    def ran(self, state: str) -> int:
        """How often the host went on by itself."""
        return int(self.sh(f"cat {state}/ran 2>/dev/null | wc -l"))


@pytest.fixture(scope="module")
def booted(lab: Lab) -> Iterator[Booted]:
    image = docker("inspect", "--format", "{{.Config.Image}}", lab.record.hosts[0].container)
    docker("build", "--quiet", "--tag", NAME, "-", stdin=_DOCKERFILE.format(image=image))
    docker(
        "run", "--detach", f"--name={NAME}", *privileges(image), "--tmpfs=/run", "--tmpfs=/tmp",
        "--env=container=docker", "--env=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
        "--env=SYSTEMD_PROC_CMDLINE=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
        "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tty", NAME,
    )  # fmt: skip
    try:
        found = Booted()
        found.wait()
        yield found
    finally:
        docker("rm", "--force", "--volumes", NAME)
        docker("image", "rm", "--force", NAME)


def test_a_user_with_sudo_gets_a_unit_of_the_systems_that_runs_as_that_user(
    booted: Booted,
) -> None:
    state = "/home/sudoer/state"
    assert booted.guard("sudoer", state, SUDO) == "root-unit"
    assert booted.ran(state) == 0, "nothing runs before a restart"
    booted.restart()
    eventually("the unit ran", lambda: booted.ran(state) == 1, 120)
    assert booted.sh(f"cat {state}/who") == "sudoer"
    booted.restart()
    eventually("it runs at each start", lambda: booted.ran(state) == 2, 120)


def test_a_user_who_lingers_gets_a_unit_of_their_own(booted: Booted) -> None:
    state = "/home/deploy/state"
    booted.sh("loginctl enable-linger deploy")
    assert booted.guard("deploy", state) == "user-unit"
    booted.restart_until_managed("deploy")
    try:
        eventually("the unit ran", lambda: booted.ran(state) >= 1, 120)
    except AssertionError as error:
        raise AssertionError(booted.told("deploy")) from error
    assert booted.sh(f"cat {state}/who") == "deploy"


def test_a_state_directory_that_is_gone_is_no_fault(booted: Booted) -> None:
    state = "/home/sudoer/other"
    assert booted.guard("sudoer", state, SUDO) == "root-unit"
    booted.sh(f"rm -rf {state}")
    booted.restart()
    time.sleep(1)
    failed = booted.sh("systemctl --failed --plain --no-legend")
    assert "deployctl" not in failed


def test_who_has_nothing_of_it_is_told_so(booted: Booted) -> None:
    assert booted.guard("nodocker", "/home/nodocker/state") == "none"
