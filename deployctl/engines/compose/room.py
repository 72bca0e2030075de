"""What of Docker's disk could be freed, for a person who has to. `ask` asks; the rest is pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployctl.engines.compose.survey import Survey
from deployctl.engines.pins import keeper_of, pin_of
from deployctl.engines.releases import ReleaseRecord, before, describe, find, ordinal
from deployctl.host.connection import Host
from deployctl.host.failures import understood

TIMEOUT = 90.0
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"([0-9.]+(?:e\+[0-9]+)?)(B|kB|MB|GB|TB)")
MOST_RELEASES = 5
"""releases that are named"""
WORTH_BYTES = 1_000_000
"""what would free less is not named"""


@dataclass(frozen=True)
class Freeable:
    what: str
    size: int
    """bytes, as Docker rounds them"""
    command: str


def ask(host: Host, survey: Survey) -> tuple[Freeable, ...]:
    """The largest first. Docker may take seconds to tell. Raises ProgramFailed."""
    answer = host.run("room", {"DOCKER": "\n".join(survey.docker)}, timeout=TIMEOUT)
    with understood("room"):
        return parse(answer.text("room"), survey)


def parse(text: str, survey: Survey) -> tuple[Freeable, ...]:
    """Raises ValueError for what is no answer of programs/room.sh."""
    rows = [line.split("\t") for line in text.split("\n") if line]
    cache = sum(
        size_of(size)
        for kind, _, in_use, shared, size in (row for row in rows if row[0] == "cache")
        if (in_use, shared) == ("false", "false")
    )
    images = [row[1:] for row in rows if row[0] == "image"]
    untagged = sum(
        size_of(unique)
        for _, name, unique, containers in images
        if name == "<none>:<none>" and containers == "0"
    )
    docker = " ".join(survey.docker)
    found = [
        Freeable("the engine's build cache", cache, f"{docker} builder prune"),
        Freeable("untagged images", untagged, f"{docker} image prune"),
        *_releases(survey, {image: size_of(unique) for image, _, unique, _ in images}, docker),
    ]
    worth = (each for each in found if each.size >= WORTH_BYTES)
    return tuple(sorted(worth, key=lambda each: -each.size))


def told(found: Sequence[Freeable]) -> str:
    """`What could be freed: …`; empty where there is nothing."""
    if not found:
        return ""
    return " What could be freed: " + "; ".join(f"{f.what}, {mebi(f.size)}" for f in found) + "."


def mebi(size: int) -> str:
    return f"{size // 1024**2} MiB"


def size_of(text: str) -> int:
    """`1.2GB`, as Docker writes sizes. Raises ValueError."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no size")
    return int(float(match[1]) * UNITS[match[2]])


def _releases(survey: Survey, sizes: dict[str, int], docker: str) -> Iterator[Freeable]:
    """Earlier releases that were built here, but for the one that a rollback would go to."""
    live = find(survey.releases, survey.live)
    stay = [record for record in (live, live and before(survey.releases, live)) if record]
    needed = {s.image_id for record in stay for s in record.services.values()} | {
        container.image_id for container in survey.containers
    }
    ordered = sorted(survey.releases, key=lambda record: ordinal(record.number))
    named = 0
    for record in ordered:
        images = {service.image_id for service in record.services.values()}
        if record.build_digest is None or images & needed or not images <= sizes.keys():
            continue
        if named == MOST_RELEASES:
            break
        named += 1
        needed |= images  # the same release once more
        yield Freeable(
            f"the image of {describe(record)}, to which there is no way back then",
            sum(sizes[image] for image in images),
            _removal(record, survey.project, docker),
        )


def _removal(record: ReleaseRecord, project: str, docker: str) -> str:
    pins = [pin_of(project, service, record.number) for service in record.services]
    names = dict.fromkeys((*(s.image for s in record.services.values()), *pins))
    keepers = " ".join(keeper_of(pin) for pin in pins)
    return f"{docker} rm {keepers}; {docker} rmi {' '.join(names)}"
