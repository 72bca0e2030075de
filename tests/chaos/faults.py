"""The ways to break a run, and how to take back what would break the next one as well."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

from deployctl.lab.machine import COMPOSE_FILE
from tests.lab.client import Client, Ended, Running
from tests.lab.server import API, STATE, Server

_FAKE_DATE = "/usr/local/bin/date"
_CUT = "-p tcp --dport 22 -j REJECT --reject-with tcp-reset"
_CUT_BACK = "-p tcp --sport 22 -j DROP"
_END_SESSIONS = "pkill -KILL -f '^sshd-session: deploy|^sshd: deploy'; sleep 1"
LINK_SECONDS = 5
OTHER_EDIT = "# edited by somebody else during the run"


@dataclass
class Scene:
    """What a fault can take hold of."""

    server: Server
    run: Running
    other: Client
    """somebody else's deployctl"""
    images: tuple[str, str]
    """references of the releases before and after, as far as they are there"""
    second: Ended | None = None
    """how somebody else's command ended"""

    def client_lives(self) -> bool:
        return self.run.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.client_lives():
            self.run.send(number)


@dataclass(frozen=True)
class Fault:
    name: str
    strike: Callable[[Scene], None]
    heal: Callable[[Scene], None] = lambda _: None
    """what ends by itself on a real host, or what a person would do afterwards"""
    ends_client: bool = False
    """the client is no more, or can't reach the host again"""
    restarts: bool = False
    """containers are started anew by it"""
    small_disk: bool = False
    """the host needs a small disk of its own for it"""


def _kill_job(scene: Scene) -> None:
    """The program alone, as a host short of memory would."""
    scene.server.sh(
        f"for pid in $(cat {STATE}/runs/*/pid 2>/dev/null); do kill -KILL $pid; done; :"
    )


def _cut(scene: Scene) -> None:
    scene.server.sh(f"iptables -I INPUT {_CUT}; iptables -I OUTPUT {_CUT_BACK}")


def _mend_link(scene: Scene) -> None:
    """And what sshd does with a client that it hears nothing of: that is no part of deployctl."""
    script = f"iptables -D INPUT {_CUT}; iptables -D OUTPUT {_CUT_BACK}; {_END_SESSIONS}"
    scene.server.host.exec(["sh", "-c", script])


def _cut_for_a_while(scene: Scene) -> None:
    _cut(scene)
    again = f"sleep {LINK_SECONDS}; iptables -D INPUT {_CUT}; iptables -D OUTPUT {_CUT_BACK}"
    scene.server.sh(f"setsid sh -c '{again}' >/dev/null 2>&1 &")


def _restart_docker(scene: Scene) -> None:
    scene.server.sh("service docker restart")


def _reboot(scene: Scene) -> None:
    scene.server.host.kill()
    scene.server.host.start()


def _jump(scene: Scene) -> None:
    """A container has no clock of its own: whoever asks `date` on the host is an hour ahead."""
    scene.server.sh(
        f'printf \'#!/bin/sh\\nexec /bin/date -d "+1 hour" "$@"\\n\' >{_FAKE_DATE};'
        f" chmod 755 {_FAKE_DATE}"
    )


def _jump_back(scene: Scene) -> None:
    scene.server.host.exec(["rm", "-f", _FAKE_DATE])


def _fill(scene: Scene) -> None:
    scene.server.sh(f"dd if=/dev/zero of={STATE}/../filler bs=4096 2>/dev/null; :")


def _free(scene: Scene) -> None:
    scene.server.sh(f"rm -f {STATE}/../filler")


def _delete_images(scene: Scene) -> None:
    """Whatever of the two releases Docker lets go: not what a running container has."""
    for reference in scene.images:
        script = (
            f"id=$(docker image inspect --format '{{{{.Id}}}}' {reference}) || exit;"
            " docker ps -aq --filter status=created --filter ancestor=$id | xargs -r docker rm -f;"
            " docker image rm -f $id"
        )
        scene.server.host.exec(["sh", "-c", script])


def _edit(scene: Scene) -> None:
    scene.server.sh(f"echo '{OTHER_EDIT}' >>{COMPOSE_FILE}", user="deploy")


def hold_at(server: Server, step: str) -> None:
    """The next job that writes that step down halts there (broken_client.py)."""
    server.sh(
        f"cd /run/chaos && rm -f reached && printf %s {step} >hold && printf %s {step} >at &&"
        " chmod 666 *"
    )


def _edit_and_kill(scene: Scene) -> None:
    """An edit that the rollback meets, and the end of its job once it has put the file right."""
    _edit(scene)
    hold_at(scene.server, "restore-service")
    reached = "timeout 30 sh -c 'until [ -e /run/chaos/reached ]; do sleep 0.1; done'"
    scene.server.sh(reached)
    _kill_job(scene)


def _lose_name(scene: Scene, *, running: bool) -> None:
    """As a Compose and its job leave it, killed before the new container was given its name."""
    stop = "" if running else f"docker stop -t 1 {API} &&"
    scene.server.sh(
        f"{stop} docker rename {API} 0123456789ab_{API} &&"
        f" for each in {STATE}/runs/*/own; do : >${{each%own}}up.api; done"
    )
    _kill_job(scene)


def _second(scene: Scene) -> None:
    scene.second = scene.other.hotfix("next")


def _kill_client(scene: Scene) -> None:
    scene.signal(signal.SIGKILL)
    scene.run.process.wait(10)


def _cut_for_good(scene: Scene) -> None:
    _cut(scene)


NAME_LOST = Fault("name-lost", lambda scene: _lose_name(scene, running=False))
NAME_LOST_RUNNING = Fault("name-lost-running", lambda scene: _lose_name(scene, running=True))
EDITED_AND_KILLED = Fault("edited-and-killed", _edit_and_kill)
FAULTS = (
    Fault("client-killed", _kill_client, ends_client=True),
    Fault("job-killed", _kill_job),
    Fault("client-terminated", lambda scene: scene.signal(signal.SIGTERM)),
    Fault("link-cut", _cut_for_a_while),
    Fault("link-lost", _cut_for_good, heal=_mend_link, ends_client=True),
    Fault("docker-restarted", _restart_docker, restarts=True),
    Fault("host-rebooted", _reboot, restarts=True),
    Fault("clock-jumped", _jump, heal=_jump_back),
    Fault("disk-filled", _fill, heal=_free, small_disk=True),
    Fault("image-deleted", _delete_images),
    Fault("file-edited", _edit),
    Fault("second-deployctl", _second),
)
