"""What need not be kept any longer of earlier releases. Pure: what a host has in, what may go out.

A release is kept with its image, its pins, and the runs that hold its Compose file. What goes must
provably be deployctl's own and of no use to anybody: a tag that it gave, on an image that no
container has and no other project's release needs. Docker itself removes an image with its last
tag; a tag of somebody else's keeps it.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, fields, replace

from deployctl.engines.pins import pin_of, pinned
from deployctl.engines.releases import ReleaseRecord, ServiceImage, before, find, identity, ordinal

RECORDS = 100
"""records of releases that are kept for `deployctl history`, whether or not their images are"""
ENDED = frozenset({"confirmed", "rolled_back", "kept", "released"})
"""states of a run that nobody has to go back to"""


@dataclass(frozen=True)
class Tag:
    """An image and one of its references; that is empty for an image that has none."""

    image_id: str
    reference: str


@dataclass(frozen=True)
class Holder:
    """A container, which its image can't be taken from."""

    id: str
    image_id: str
    pin: str = ""
    """where it is a keeper of this project, the pin that it was made from"""


@dataclass(frozen=True)
class RunLeft:
    """The directory that a run has left on the host."""

    run_id: str
    state: str
    """one word; empty for a run that never began"""
    ended: int
    """when its state was written, in seconds since 1970 by the host's clock"""
    release: str
    """the number of the release that it was to make live"""


@dataclass(frozen=True)
class Made:
    """An image that deployctl built or tagged, and the run that did."""

    run_id: str
    image_id: str
    reference: str


@dataclass(frozen=True)
class Inventory:
    tags: tuple[Tag, ...] = ()
    holders: tuple[Holder, ...] = ()
    runs: tuple[RunLeft, ...] = ()
    made: tuple[Made, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    """images that releases of other projects on the host are of"""

    def confirmed(self, run_id: str) -> "Inventory":
        """The same once that run, which was under way, has been confirmed."""
        last = max((run.ended for run in self.runs), default=0)
        return replace(
            self,
            runs=tuple(
                replace(run, state="confirmed", ended=last) if run.run_id == run_id else run
                for run in self.runs
            ),
        )


@dataclass(frozen=True)
class Spare:
    """What may go. References go before the images that have none."""

    releases: tuple[ReleaseRecord, ...] = ()
    """those that can no longer be gone back to; their records may stay"""
    keepers: tuple[str, ...] = ()
    """container IDs"""
    tags: tuple[Tag, ...] = ()
    others: frozenset[str] = frozenset()
    """images of these tags that deployctl did not make: the last name of one stays"""
    images: tuple[str, ...] = ()
    """IDs of images that have no reference"""
    runs: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    """release numbers"""

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


def reachable(record: ReleaseRecord, tags: Container[Tag], project: str) -> bool:
    """Whether a rollback can go to it: its own tags, or its pins, are still on its images."""
    return all(
        Tag(each.image_id, each.image) in tags
        or Tag(each.image_id, pin_of(project, service, record.number)) in tags
        for service, each in record.services.items()
    )


def kept(
    releases: Sequence[ReleaseRecord],
    live: str,
    tags: Container[Tag],
    *,
    project: str,
    keep: int,
) -> tuple[ReleaseRecord, ...]:
    """The records of the releases that stay, newest first.

    The live one and the one that a rollback goes to always do; then the newest that can be gone
    back to, until there are `keep`. Records of the same release count once.
    """
    current = find(releases, live)
    earlier = before(releases, current) if current else None
    present = {identity(each) for each in releases if reachable(each, tags, project)}
    present |= {identity(current)} if current else set()
    stay = {identity(each) for each in (current, earlier) if each is not None}
    ordered = sorted(releases, key=lambda record: ordinal(record.number), reverse=True)
    for record in ordered:
        if len(stay & present) < keep and identity(record) in present:
            stay.add(identity(record))
    return tuple(record for record in ordered if identity(record) in stay)


def spare(
    releases: Sequence[ReleaseRecord],
    live: str,
    found: Inventory,
    *,
    project: str,
    keep: int,
    files: Sequence[str] = (),
) -> Spare:
    """What may go once `live` is. `files` are the texts of the project's Compose files: what they
    name stays."""
    had = frozenset(found.tags)
    stay = kept(releases, live, had, project=project, keep=keep)
    numbers = {record.number for record in stay}
    going = [record for record in releases if record.number not in numbers]
    newest = max((ordinal(record.number) for record in releases), default=-1)

    def outdated(reference: str) -> bool:
        """A pin of a release that goes, or has gone; one of the next release is none."""
        number = pinned(reference, project)
        return number not in numbers and 0 <= ordinal(number) <= newest

    keepers = [each for each in found.holders if outdated(each.pin)]
    runs = _spare_runs(found.runs, stay, keep)
    own = _own(going, found.made)
    safe = (
        {image for record in stay for image in _images(record)}
        | {each.image_id for each in found.holders if each not in keepers}
        | _attempts(releases, found, runs)
        | found.elsewhere
    )
    named = "\n".join((*files, *(each.image for record in stay for each in _services(record))))
    held_by_others = _named_by_others(found, own, project)
    tags = frozenset(
        tag
        for tag in found.tags
        if tag.image_id not in safe
        and (tag in own or (outdated(tag.reference) and tag.image_id in held_by_others))
        and tag.reference not in named
    )
    untagged = {tag.image_id for tag in found.tags if not tag.reference}
    return Spare(
        releases=tuple(
            record
            for record in going
            if reachable(record, had, project) and not reachable(record, had - tags, project)
        ),
        keepers=tuple(each.id for each in keepers),
        tags=tuple(tag for tag in found.tags if tag in tags),
        others=frozenset(tag.image_id for tag in tags) - {tag.image_id for tag in own},
        images=tuple(sorted(untagged & {tag.image_id for tag in own} - safe)),
        runs=runs,
        records=_spare_records(releases, numbers),
    )


def _services(record: ReleaseRecord) -> Iterable[ServiceImage]:
    return record.services.values()


def _images(record: ReleaseRecord) -> frozenset[str]:
    return frozenset(service.image_id for service in _services(record))


def _attempts(
    releases: Sequence[ReleaseRecord], found: Inventory, going: Sequence[str]
) -> set[str]:
    """Images of runs that may go on, and of those that stay and have not come to a release."""
    recorded = {image for record in releases for image in _images(record)}
    under_way = {run.run_id for run in found.runs if run.state not in ENDED}
    stay = {run.run_id for run in found.runs} - {*going}
    return {
        each.image_id
        for each in found.made
        if each.run_id in under_way or (each.run_id in stay and each.image_id not in recorded)
    }


def _own(releases: Sequence[ReleaseRecord], made: Sequence[Made]) -> set[Tag]:
    """Tags that deployctl gave to what it built; those of a release that it found are not."""
    built = (record for record in releases if record.build_digest is not None)
    return {
        Tag(service.image_id, service.image) for record in built for service in _services(record)
    } | {Tag(each.image_id, each.reference) for each in made}


def _named_by_others(found: Inventory, own: set[Tag], project: str) -> set[str]:
    """Images that our pin is not the last to hold, and those of our own making, which may go."""
    return {tag.image_id for tag in own} | {
        tag.image_id for tag in found.tags if tag.reference and not pinned(tag.reference, project)
    }


def _spare_runs(
    runs: Sequence[RunLeft], stay: Sequence[ReleaseRecord], keep: int
) -> tuple[str, ...]:
    """Runs at an end, but for the last `keep` and those that hold a kept release's Compose file."""
    ended = sorted(
        (run for run in runs if run.state in ENDED), key=lambda run: (run.ended, run.run_id)
    )
    numbers = {record.number for record in stay}
    latest = {
        run.release: run.run_id
        for run in ended
        if run.state == "confirmed" and run.release in numbers
    }
    needed = {record.run_id for record in stay} | {*latest.values()}
    return tuple(run.run_id for run in ended[:-keep] if not {run.run_id, _first(run)} & needed)


def _first(run: RunLeft) -> str:
    """A run that had to take the lock again goes on as RUN-2, RUN-3."""
    return run.run_id.rpartition("-")[0]


def _spare_records(releases: Sequence[ReleaseRecord], stay: set[str]) -> tuple[str, ...]:
    ordered = sorted(releases, key=lambda record: ordinal(record.number), reverse=True)
    return tuple(record.number for record in ordered[RECORDS:] if record.number not in stay)
