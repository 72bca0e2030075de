"""One combination of step and fault, on one host, from a fresh start to the next hotfix."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from deployctl.lab import sample
from deployctl.lab.machine import COMPOSE_DIR, COMPOSE_FILE
from tests.lab.client import Client, Ended, Running
from tests.lab.server import STATE, Before, Server

from . import expect
from .faults import Fault, Scene, hold_at
from .probe import Probe
from .steps import JourneyName, Step

HOTFIX = "d73cfb1"
FAILING = "broken/crash-at-start"
NEXT = "next"
REACH_SECONDS = 60
END_SECONDS = 330
WITHIN_SECONDS = 0.5
IMAGE = "techno-os-api"
_HALTS = "mkdir -p /run/chaos && chmod 777 /run/chaos && rm -f /run/chaos/*"


@dataclass
class Outcome:
    """A cell of the table. `held`: nothing was wrong."""

    step: str
    fault: str
    ended: str
    """how the run ended: its exit code, or what became of it without a client"""
    serves: str
    outage_ms: int
    converged_ms: int
    wrong: tuple[str, ...]

    @property
    def held(self) -> bool:
        return not self.wrong

    def line(self) -> str:
        return json.dumps(asdict(self))


class BrokenClient(Client):
    """deployctl that halts where `at` says."""

    def argv(self, *words: str) -> list[str]:
        python, _, _, *rest = super().argv(*words)
        return [python, "-m", "tests.chaos.broken_client", *rest]

    def halt(self, server: Server, step: Step) -> None:
        server.sh(_HALTS)
        folder = self.folder / "chaos"
        folder.mkdir(exist_ok=True)
        root = Path(__file__).parents[2]
        self.environment |= {"CHAOS_DIR": str(folder), "PYTHONPATH": str(root)}
        if step.side == "client":
            (folder / "hold").touch()
            (folder / "at").write_text(step.name)
        else:
            hold_at(server, step.name)

    def reached(self, server: Server) -> bool:
        here = (self.folder / "chaos" / "reached").exists()
        return here or server.host.exec(["test", "-e", "/run/chaos/reached"]).returncode == 0

    def go_on(self, server: Server) -> None:
        (self.folder / "chaos" / "hold").unlink(missing_ok=True)
        server.host.exec(["rm", "-f", "/run/chaos/hold"])


Make = Callable[[type[Client]], Client]
"""makes a client of that class, with a home of its own"""


def play(server: Server, make: Make, step: Step, fault: Fault) -> Outcome:
    """Does it. The outcome tells what doesn't hold; AssertionError: it could not be played."""
    client, plain = make(BrokenClient), make(Client)
    assert isinstance(client, BrokenClient)
    if fault.small_disk:
        _shrink(server)
    try:
        return _play(server, client, plain, step, fault)
    finally:
        client.go_on(server)
        if fault.small_disk:
            server.host.exec(["umount", "-l", COMPOSE_DIR])


def _play(server: Server, client: BrokenClient, plain: Client, step: Step, fault: Fault) -> Outcome:
    first = server.look().image
    if step.journey == "rollback":
        assert plain.hotfix(HOTFIX).code == 0
    before = server.look()
    client.halt(server, step)
    probe = Probe(server.host)
    run = Told(_begin(client, step.journey))
    _until_reached(client, server, run, step)
    if step.within:
        client.go_on(server)
        time.sleep(WITHIN_SECONDS)
    failing = sample.revision(plain.repository, FAILING)[:7]
    goal = failing if step.journey == "failing-hotfix" else HOTFIX
    images = (f"{IMAGE}:{goal}", before.image)
    scene = Scene(server, run.running, plain, images)
    struck = time.monotonic()
    fault.strike(scene)
    client.go_on(server)
    ended = _converge(server, run, fault)
    if fault.small_disk:
        # A state that can't be written is tried again: the service serves before that.
        assert server.get("/health")[0] == 200, "the service does not answer on a full disk"
    fault.heal(scene)
    if step.over and fault.restarts:
        # The sample has no restart policy, which its plan warns of: a person starts it.
        server.sh(f"docker compose -f {COMPOSE_FILE} up -d", user="deploy")
    if step.journey == "failing-hotfix" and not server.image_of(before.image):
        return _image_gone(server, plain, before, step, fault, ended)
    if not server.look().image and not any(map(server.image_of, (*images, first))):
        return _nothing_left(server, plain, before, step, fault, ended)
    _rest(server)
    converged = time.monotonic() - struck
    releases = _releases(server, step.journey, first, before.image, failing)
    wrong = list(
        expect.failures(server, before, releases, step.journey, fault, plain, ended, scene.second)
    )
    serves = releases.name(server.look().image)
    try:
        outage_ms = round(probe.stop().seconds * 1000)
    except ValueError as error:
        outage_ms = -1
        wrong.append(str(error))
    following = plain.hotfix(NEXT)
    if following.code != 0:
        wrong.append(f"the next hotfix ended with {following.code}: {following.stdout[-600:]}")
    return Outcome(
        step=str(step),
        fault=fault.name,
        ended=_told(ended),
        serves=serves,
        outage_ms=outage_ms,
        converged_ms=round(converged * 1000),
        wrong=tuple(wrong),
    )


def _image_gone(
    server: Server, plain: Client, before: Before, step: Step, fault: Fault, ended: Ended | None
) -> Outcome:
    """There is nothing to go back to. The next hotfix works for who takes what the file says."""
    wrong = list(expect.gone(server, before, plain, ended))
    following = plain.hotfix(NEXT, "--accept-drift", "--reason", "the image of before is gone")
    if following.code != 0:
        wrong.append(f"the next hotfix ended with {following.code}: {following.stdout[-600:]}")
    return _nothing_serves(step, fault, ended, "none: its image is gone", wrong)


def _nothing_left(
    server: Server, plain: Client, before: Before, step: Step, fault: Fault, ended: Ended | None
) -> Outcome:
    """Both images went while neither ran, with all that kept them. Whoever says where the Compose
    file is can go on, as at a very first start."""
    wrong = list(expect.nothing_left(server, before, plain, ended))
    plain.set("compose", {"files": [COMPOSE_FILE], "project": "techno-os"})
    following = plain.hotfix(NEXT)
    if following.code != 0:
        wrong.append(f"the next hotfix ended with {following.code}: {following.stdout[-600:]}")
    return _nothing_serves(step, fault, ended, "none: both images are gone", wrong)


def _nothing_serves(
    step: Step, fault: Fault, ended: Ended | None, why: str, wrong: Sequence[str]
) -> Outcome:
    return Outcome(
        step=str(step),
        fault=fault.name,
        ended=_told(ended),
        serves=why,
        outage_ms=-1,
        converged_ms=-1,
        wrong=tuple(wrong),
    )


def _begin(client: Client, journey: JourneyName) -> Running:
    match journey:
        case "hotfix":
            return client.start_hotfix(HOTFIX)
        case "failing-hotfix":
            return client.start_hotfix(FAILING)
        case "rollback":
            return client.start("rollback", "--yes")


class Told:
    """A command whose words are read as they come: it must not wait for its reader."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self._words: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True)
            for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        for line in getattr(self.running.process, name):
            self._words[name].append(line)

    def ends(self, seconds: float) -> bool:
        try:
            self.running.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ended(self) -> Ended:
        """What it said; a negative code for one that was killed."""
        for reader in self._readers:
            reader.join(5)
        return Ended(self.running.process.returncode, *map("".join, self._words.values()))

    def last_words(self) -> str:
        return "".join([*self._words["stdout"][-15:], *self._words["stderr"][-5:]])


def _until_reached(client: BrokenClient, server: Server, run: Told, step: Step) -> None:
    until = time.monotonic() + REACH_SECONDS
    while not client.reached(server):
        assert not run.ends(0.1), f"it ended before {step}: {run.last_words()}"
        assert time.monotonic() < until, f"it never came to {step}: {run.last_words()}"


def _converge(server: Server, run: Told, fault: Fault) -> Ended | None:
    """Waits until client and host are at rest. None where the client was killed."""
    until = time.monotonic() + END_SECONDS
    while not run.ends(1):
        if fault.ends_client:
            _hasten(server)
        if time.monotonic() > until:
            run.running.send(signal.SIGKILL)
            raise AssertionError(f"the client did not end: {run.last_words()}")
    ended = run.ended()
    while not _at_rest(server) and time.monotonic() < until:
        _hasten(server)
        if fault.small_disk:
            break
        time.sleep(0.3)
    return ended if ended.code >= 0 else None


def _at_rest(server: Server) -> bool:
    return not server.jobs() and server.lock_is_free()


def _rest(server: Server) -> None:
    """What is still wrong after it is told by expect."""
    until = time.monotonic() + END_SECONDS
    while not (_at_rest(server) and server.get("/health")[0] == 200) and time.monotonic() < until:
        time.sleep(0.2)


def _hasten(server: Server) -> None:
    """The deadline of an armed run comes in a second: minutes are too long for a test."""
    script = (
        f"for each in {STATE}/runs/*/deadline; do [ -f $each ] || continue;"
        " read -r at boot <$each; near=$(($(cut -d. -f1 /proc/uptime) + 1));"
        ' [ $at -le $near ] || echo "$near $boot" >$each; done'
    )
    server.host.exec(["sh", "-c", script])


def _told(ended: Ended | None) -> str:
    return "killed" if ended is None else str(ended.code)


def _releases(
    server: Server, journey: JourneyName, first: str, before: str, failing: str
) -> expect.Releases:
    """`first` is the image that the lab came with, `failing` the tag of the commit that fails."""
    after = first if journey == "rollback" else server.image_of(f"{IMAGE}:{HOTFIX}")
    known = {first, before, after, server.image_of(f"{IMAGE}:{failing}")}
    listed = server.sh(f"docker image ls -q --no-trunc {IMAGE}").split()
    other = next((image for image in listed if image not in known), "")
    return expect.Releases(before, "" if journey == "failing-hotfix" else after, other)


def _shrink(server: Server) -> None:
    """Compose file and state on a disk of their own, which can be filled."""
    server.sh(
        f"cp -a {COMPOSE_DIR} /tmp/kept && mount -t tmpfs -o size=640m tmpfs {COMPOSE_DIR} &&"
        f" cp -a /tmp/kept/. {COMPOSE_DIR}/ && rm -rf /tmp/kept"
    )
