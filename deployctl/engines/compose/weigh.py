"""Candidates for a broken Compose file, weighed on the host by Compose itself.

Compose labels every container with a hash of the service that it was made from. A file that `up`
would leave all containers alone with has those services, whatever else is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployctl.engines.compose.survey import (
    NO_REASON,
    STARTS,
    Survey,
    disturbances,
    plain,
    spoken,
)
from deployctl.host.connection import Host
from deployctl.host.facts import ContainerState
from deployctl.host.failures import understood
from deployctl.host.programs import MAX_SCRIPT_BYTES

SPOKEN_OF = ("running", "exited")
"""states of containers that Compose's `up` always speaks of; of a crash-looping one it may not"""
EACH_SECONDS = 60.0
ROOM = MAX_SCRIPT_BYTES * 3 // 4
"""bytes of candidates in one exchange"""


@dataclass(frozen=True)
class Weighed:
    """`refused` is what Compose says against the file; `disturbed` which containers `up` would make
    anew with it, or doesn't speak of."""

    refused: str
    disturbed: tuple[str, ...]
    dry_run: str
    dry_run_alone: str
    images: tuple[str, ...]
    strictly: bool = True
    """also with the dependencies; where not, a `depends_on` might be lost without a trace"""

    @property
    def proven(self) -> bool:
        return not self.refused and not self.disturbed


def weigh(
    host: Host,
    survey: Survey,
    named: str,
    files: Sequence[bytes],
    services: Sequence[str],
    public: Sequence[str],
) -> tuple[Weighed, ...]:
    """Each of `files`, UTF-8 text, in the place of the file `named`, for `services` (none: all).

    Raises ProgramFailed, also for an answer that can't be understood.
    """
    found: list[Weighed] = []
    for batch in _batches(files):
        params = question(survey, named, batch, services, public)
        answer = host.run("weigh", params, timeout=EACH_SECONDS * len(batch))
        names = ("accepted", "refused", "dry-run", "dry-run-alone", "images")
        with understood("weigh"):
            columns = [[data.decode("utf-8", "replace") for data in answer.all(n)] for n in names]
            rows = zip(batch, *columns, strict=True)
            found += [
                judged(
                    survey,
                    services,
                    "" if accepted == "yes" else refused.strip() or NO_REASON,
                    *row,
                )
                for _, accepted, refused, *row in rows
            ]
    return tuple(found)


def question(
    survey: Survey,
    named: str,
    files: Sequence[bytes],
    services: Sequence[str],
    public: Sequence[str],
) -> dict[str, str]:
    """Pure: the program's parameters. With a blank `named` the project's files stay as they are."""
    params = {
        "DOCKER": "\n".join(survey.docker),
        "COMPOSE_WORDS": "\n".join(survey.compose_words),
        "PROJECT": survey.project,
        "PUBLIC": "\n".join(public),
        "NAMED": named,
        "SERVICES": "\n".join(services),
        "SCALES": "\n".join(_scales(survey, services)),
        "CANDIDATES": str(len(files)),
    }
    for number, data in enumerate(files, 1):
        params[f"CANDIDATE_{number}"] = data.decode()
    return params


def judged(
    survey: Survey, services: Sequence[str], refused: str, dry_run: str, alone: str, images: str
) -> Weighed:
    """Pure: what the host's answers mean for the containers that the survey has seen.

    `alone` is blank where it wasn't asked for.
    """
    plainly = _against(dry_run, survey.containers, services)
    without = _against(alone, survey.containers, services) if alone.strip() else plainly
    return Weighed(
        refused=refused,
        # A container may have been made with its dependencies or without: either will do.
        disturbed=tuple(sorted(without[name] for name in without.keys() & plainly.keys())),
        dry_run=dry_run,
        dry_run_alone=alone,
        images=tuple(images.split()),
        strictly=not plainly,
    )


def _against(
    dry_run: str, containers: Sequence[ContainerState], services: Sequence[str]
) -> Mapping[str, str]:
    """What a dry run says against each container, or that it says nothing of it."""
    there = spoken(dry_run)
    found = {
        plain(c.name): f"{plain(c.name)}: not spoken of"
        for c in containers
        if (c.service in services or not services)
        and c.status in SPOKEN_OF
        and plain(c.name) not in there
    }
    running = {plain(c.name) for c in containers if c.status == "running"}
    resting = {plain(c.name) for c in containers} - running
    for name, verb in disturbances(dry_run):
        if not (name in resting and verb in STARTS):
            found.setdefault(name, f"{name}: {verb}")
    return found


def _scales(survey: Survey, services: Sequence[str]) -> Iterator[str]:
    for service in services:
        count = len(survey.containers_of(service))
        if count:
            yield f"--scale={service}={count}"


def _batches(files: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for data in files:
        if batch and sum(map(len, batch)) + len(data) > ROOM:
            yield batch
            batch = []
        batch.append(data)
    if batch:
        yield batch
