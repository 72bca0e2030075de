"""Whatever a host holds: what retention lets go is deployctl's own, is of no use, and no more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hypothesis import event, given
from hypothesis import strategies as st

from deployctl.engines.pins import pin_of, pinned
from deployctl.engines.releases import ReleaseRecord, ServiceImage, before, find, identity
from deployctl.engines.retention import (
    ENDED,
    Holder,
    Inventory,
    Made,
    RunLeft,
    Spare,
    Tag,
    kept,
    reachable,
    spare,
)

PROJECT = "techno-os"
WHEN = datetime(2026, 1, 3, tzinfo=UTC)
IMAGES = [f"sha256:{letter}" for letter in "abcdef"]
NUMBERS = [f"r{number}" for number in range(7)]
RUNS = [f"run-{number}" for number in range(9)]
PINS = [
    *(pin_of(PROJECT, "api", number) for number in (*NUMBERS, "r7")),
    *(pin_of("other", "api", number) for number in NUMBERS[:2]),
]
REFERENCES = [*(f"api:{number}" for number in range(6)), "postgres:15"]

images = st.sampled_from(IMAGES)
references = st.sampled_from(REFERENCES)
runs = st.sampled_from(RUNS)
states = st.sampled_from([*sorted(ENDED), "armed", "swapped", "rollback_failed", ""])


@dataclass(frozen=True)
class World:
    releases: tuple[ReleaseRecord, ...]
    live: str
    found: Inventory
    keep: int

    @property
    def stay(self) -> tuple[ReleaseRecord, ...]:
        tags = frozenset(self.found.tags)
        return kept(self.releases, self.live, tags, project=PROJECT, keep=self.keep)

    def spare(self, *files: str) -> Spare:
        return spare(
            self.releases, self.live, self.found, project=PROJECT, keep=self.keep, files=files
        )


@st.composite
def records(draw: st.DrawFn) -> tuple[ReleaseRecord, ...]:
    """Up to seven; each came after any of the others, and some are the same release again."""
    numbers = NUMBERS[: draw(st.integers(1, len(NUMBERS)))]
    return tuple(
        ReleaseRecord(
            number=number,
            sha=draw(st.sampled_from([None, "a" * 40])),
            build_digest=draw(st.sampled_from([None, "sha256:digest"])),
            services={"api": ServiceImage(image=draw(references), image_id=draw(images))},
            previous=draw(st.sampled_from([None, *numbers])),
            run_id=draw(runs),
            by="ann",
            at=WHEN,
        )
        for number in numbers
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Most tags and keepers are as deployctl leaves them; the rest is as it comes."""
    releases = draw(records())
    given_tags = {}
    keepers = []
    for each in releases:
        pin, service = pin_of(PROJECT, "api", each.number), each.services["api"]
        given_tags |= {service.image: service.image_id, pin: service.image_id}
        if draw(st.booleans()):
            keepers.append(Holder(f"keeper-{each.number}", service.image_id, pin))
    given_tags |= draw(st.dictionaries(references, images, max_size=3))
    for reference in draw(st.lists(references, max_size=3)):
        given_tags.pop(reference, None)
    others = st.builds(Holder, st.uuids().map(str), images, st.sampled_from(["", *PINS]))
    made = [
        Made(each.run_id, service.image_id, service.image)
        for each in releases
        for service in each.services.values()
        if draw(st.booleans())
    ]
    bare = set(IMAGES) - {*given_tags.values()}
    return World(
        releases,
        draw(st.sampled_from(NUMBERS)),
        Inventory(
            tags=(
                *(Tag(image, reference) for reference, image in given_tags.items()),
                *(Tag(image, "") for image in sorted(bare)),
            ),
            holders=(*keepers, *draw(st.lists(others, max_size=2))),
            runs=tuple(
                RunLeft(run, draw(states), draw(st.integers(0, 9)), draw(st.sampled_from(NUMBERS)))
                for run in RUNS
                if draw(st.booleans())
            ),
            made=(*made, *draw(st.lists(st.builds(Made, runs, images, references), max_size=2))),
            elsewhere=draw(st.frozensets(images, max_size=1)),
        ),
        draw(st.integers(2, 4)),
    )


def carried_out(found: Inventory, gone: Spare) -> Inventory:
    """What Docker and the disk hold afterwards: an image goes with its last tag."""
    left = tuple(tag for tag in found.tags if tag not in gone.tags)
    return replace(
        found,
        tags=tuple(tag for tag in left if tag.reference or tag.image_id not in gone.images),
        holders=tuple(each for each in found.holders if each.id not in gone.keepers),
        runs=tuple(run for run in found.runs if run.run_id not in gone.runs),
    )


def ways_back(releases: Sequence[ReleaseRecord], found: Inventory) -> set[object]:
    tags = frozenset(found.tags)
    return {identity(record) for record in releases if reachable(record, tags, PROJECT)}


@given(worlds())
def test_what_stays_loses_nothing(world: World) -> None:
    gone = world.spare()
    for record in world.stay:
        image = record.services["api"].image_id
        assert image not in {*gone.images, *(tag.image_id for tag in gone.tags)}
        assert pin_of(PROJECT, "api", record.number) not in {tag.reference for tag in gone.tags}
        assert record.run_id not in gone.runs
        assert record.number not in gone.records
        assert record not in gone.releases
        keepers = {h.id for h in world.found.holders if pinned(h.pin, PROJECT) == record.number}
        assert not keepers & {*gone.keepers}


@given(worlds())
def test_the_live_release_and_the_one_before_stay(world: World) -> None:
    current = find(world.releases, world.live)
    earlier = current and before(world.releases, current)
    assert {r.number for r in (current, earlier) if r} <= {r.number for r in world.stay}


@given(worlds())
def test_what_goes_is_deployctls_own(world: World) -> None:
    gone = world.spare()
    built = {
        Tag(record.services["api"].image_id, record.services["api"].image)
        for record in world.releases
        if record.build_digest is not None
    } | {Tag(made.image_id, made.reference) for made in world.found.made}
    assert {*gone.tags} <= {*world.found.tags}
    assert all(tag in built or pinned(tag.reference, PROJECT) for tag in gone.tags)
    assert {*gone.images} <= {tag.image_id for tag in built}
    assert {*gone.keepers} <= {h.id for h in world.found.holders if pinned(h.pin, PROJECT)}
    event(f"tags: {bool(gone.tags)}, images: {bool(gone.images)}, keepers: {bool(gone.keepers)}")


@given(worlds())
def test_what_somebody_uses_stays(world: World) -> None:
    gone = world.spare()
    used = {
        h.image_id for h in world.found.holders if h.id not in gone.keepers
    } | world.found.elsewhere
    assert not used & {*gone.images, *(tag.image_id for tag in gone.tags)}


@given(worlds())
def test_a_run_that_is_not_at_its_end_stays_with_its_image(world: World) -> None:
    gone = world.spare()
    unfinished = {run.run_id for run in world.found.runs if run.state not in ENDED}
    assert not unfinished & {*gone.runs}
    made = {made.image_id for made in world.found.made if made.run_id in unfinished}
    assert not made & {*gone.images, *(tag.image_id for tag in gone.tags)}


@given(worlds())
def test_no_more_goes_than_is_too_many(world: World) -> None:
    had = ways_back(world.releases, world.found)
    gone = world.spare()
    left = ways_back(world.releases, carried_out(world.found, gone))
    assert len(left) >= min(world.keep, len(had))
    ended = {run.run_id for run in world.found.runs if run.state in ENDED}
    assert len(ended - {*gone.runs}) >= min(world.keep, len(ended))
    event(f"releases that go: {len(had - left)}")


@given(worlds())
def test_no_more_stays_than_was_asked_for(world: World) -> None:
    """But for the live one and the one before, where their images are gone already."""
    assert len(ways_back(world.stay, world.found)) <= world.keep
    assert len({identity(record) for record in world.stay}) <= world.keep + 2


@given(worlds())
def test_once_is_enough(world: World) -> None:
    gone = world.spare()
    # What has lost all its tags is gone as a whole: Docker does not list it without any.
    assert not replace(world, found=carried_out(world.found, gone)).spare()


@given(worlds(), st.lists(st.sampled_from([*REFERENCES, *PINS]), max_size=3))
def test_what_the_compose_files_name_stays(world: World, named: list[str]) -> None:
    texts = [f"services:\n  once:\n    image: {reference}\n" for reference in named]
    assert not {tag.reference for tag in world.spare(*texts).tags} & {*named}


@given(worlds())
def test_the_runs_of_a_release_that_stays_are_there_with_its_compose_file(world: World) -> None:
    gone = {*world.spare().runs}
    for record in world.stay:
        ended = [
            r for r in world.found.runs if (r.state, r.release) == ("confirmed", record.number)
        ]
        if ended:
            assert max(ended, key=lambda run: (run.ended, run.run_id)).run_id not in gone
