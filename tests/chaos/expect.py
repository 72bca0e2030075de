"""What must hold on the host after whatever happened; each function says what does not."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from deployctl.errors import ExitCode
from deployctl.lab.machine import COMPOSE_FILE
from tests.lab.client import Client, Ended
from tests.lab.server import API, STATE, Before, Server

from .faults import OTHER_EDIT, Fault
from .steps import JourneyName

UNCHANGED = {
    ExitCode.UNTOUCHED, ExitCode.REFUSED, ExitCode.UNREACHABLE, ExitCode.LOCKED,
    ExitCode.APPROVAL, ExitCode.CONFIG,
}  # fmt: skip
"""codes that say that production was not touched"""
PUT_BACK = {ExitCode.ROLLED_BACK, ExitCode.INCONCLUSIVE, ExitCode.INTERRUPTED}
MOMENT_SECONDS = 5
PROCESSES = (
    "ps -eo user:12,args | grep -E '^(deploy|sudoer) ' | grep -v -E 'sshd|sd-pam|grep' || true"
)


@dataclass(frozen=True)
class Releases:
    """Image IDs. Of before and after the journey, and of somebody else's hotfix meanwhile."""

    before: str
    after: str
    other: str

    def name(self, image: str) -> str:
        for name in ("before", "after", "other"):
            if image and getattr(self, name) == image:
                return name
        return f"an image of nobody's ({image})"


def failures(
    server: Server,
    before: Before,
    releases: Releases,
    journey: JourneyName,
    fault: Fault,
    client: Client,
    ended: Ended | None,
    second: Ended | None,
) -> Iterator[str]:
    """A sentence for each thing that does not hold. `ended`: what the broken client said."""
    found = server.look()
    serves = releases.name(found.image)
    if server.get("/health")[0] != 200:
        yield "the service does not answer"
    if serves.startswith("an image") or (serves == "other" and not _went_well(second)):
        yield f"{serves} runs"
    yield from _file(server, before, found, fault)
    if found.database.split(maxsplit=1)[0] != before.database.split(maxsplit=1)[0]:
        yield "Postgres has another container"
    if found.orders != before.orders:
        yield f"there are {found.orders} orders, not {before.orders}"
    if not server.lock_gets_free():
        yield "the lock is held"
    if left := _left(server):
        yield f"processes are left: {left}"
    yield from _status(client, found)
    if ended is not None and not _went_well(second):
        yield from _truth(ExitCode(ended.code), journey, serves, ended)
    if second is not None and second.code not in {0, 23, 75}:
        yield f"the second deployctl ended with {second.code}: {second.stdout[-300:]}"


def gone(server: Server, before: Before, client: Client, ended: Ended | None) -> Iterator[str]:
    """For a release that fails, when the image of the one before was removed under it: nothing can
    serve, and that has to be said, with nothing else lost."""
    yield from _nothing_else_lost(server, before, ended)
    if client.run("status", "--output", "json").document["unfinished"]:
        again = client.run("rollback", "--yes")
        if again.code != ExitCode.ROLLBACK_FAILED or "is gone" not in again.stdout + again.stderr:
            yield f"a rollback ended with {again.code}: {again.stdout[-300:]}"
    if client.run("status", "--output", "json").document["unfinished"]:
        yield "status tells of an unfinished run, which no command could end"


def nothing_left(
    server: Server, before: Before, client: Client, ended: Ended | None
) -> Iterator[str]:
    """The same where no image and no container tells any more where the Compose file is."""
    yield from _nothing_else_lost(server, before, ended)
    status = client.run("status")
    if status.code != ExitCode.REFUSED or "compose.files" not in status.stdout + status.stderr:
        yield f"status does not say what it needs to know: {status.code}, {status.stderr[-300:]}"


def _nothing_else_lost(server: Server, before: Before, ended: Ended | None) -> Iterator[str]:
    if ended is not None and ended.code != ExitCode.ROLLBACK_FAILED:
        yield f"it ended with {ended.code}, but nothing was put back"
    found = server.look()
    if found.database.split(maxsplit=1)[0] != before.database.split(maxsplit=1)[0]:
        yield "Postgres has another container"
    if found.orders != before.orders:
        yield f"there are {found.orders} orders, not {before.orders}"
    if not server.lock_gets_free():
        yield "the lock is held"
    if left := _left(server):
        yield f"processes are left: {left}"


def _left(server: Server) -> str:
    """Processes that stay. One that is about to end has a moment to do so."""
    until = time.monotonic() + MOMENT_SECONDS
    while (left := server.sh(PROCESSES).strip()) and time.monotonic() < until:
        time.sleep(0.2)
    return left


def _went_well(second: Ended | None) -> bool:
    return second is not None and second.code == 0


def _file(server: Server, before: Before, found: Before, fault: Fault) -> Iterator[str]:
    """It is one that was recorded, or somebody's with our image; and it is what runs."""
    text = server.compose_text()
    script = f"docker inspect --type container -f '{{{{.Config.Image}}}}' {API} || true"
    reference = server.sh(script).strip()
    if not reference:
        yield "there is no container"
    elif server.image_of(reference) != found.image:
        yield "the container's reference is another image by now"
    recorded = server.sh(
        f"for each in {STATE}/runs/*/edit.*.after {STATE}/runs/*/edit.*.before; do"
        " [ ! -f $each ] || sha256sum <$each | cut -d' ' -f1; done"
    ).split()
    digest = found.file.split()[0]
    if digest not in {before.file.split()[0], *recorded} and OTHER_EDIT not in text:
        yield "the Compose file is none that was recorded"
    if fault.name == "file-edited" and OTHER_EDIT not in text and digest != before.file.split()[0]:
        yield "somebody's edit is lost"
    written = server.sh(
        f"docker compose -f {COMPOSE_FILE} config --images 2>/dev/null | grep techno-os-api || true"
    ).strip()
    if server.image_of(written) != found.image:
        yield f"the Compose file says {written}, which is not what runs"


def _status(client: Client, found: Before) -> Iterator[str]:
    told = client.run("status", "--output", "json")
    if told.code != 0:
        yield f"status ended with {told.code}: {told.stderr[-300:]}"
        return
    said = told.document
    images = [each["imageId"] for each in said["services"] if each["service"] == "api"]
    if images != [found.image]:
        yield f"status tells of {images}"
    if said["lock"] is not None:
        yield "status tells of a lock"
    if said["unfinished"]:
        yield f"status tells of unfinished runs: {said['unfinished']}"


def _truth(code: ExitCode, journey: JourneyName, serves: str, ended: Ended) -> Iterator[str]:
    """The exit code says what is so."""
    if code is ExitCode.BUG or code is ExitCode.USAGE:
        yield f"it ended with {code.name}: {ended.stdout[-400:]} {ended.stderr[-400:]}"
    elif code is ExitCode.SEALED:
        if serves != "after" or journey == "failing-hotfix":
            yield f"it ended well, but {serves} runs"
    elif serves != "before" and (code in UNCHANGED or (code in PUT_BACK and journey != "rollback")):
        yield f"it ended with {code.name}, but {serves} runs"
