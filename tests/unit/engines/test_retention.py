"""What goes and what stays, in the cases that one has in mind."""

from dataclasses import replace

import pytest

from deployctl.engines.pins import pin_of
from deployctl.engines.releases import ReleaseRecord, ServiceImage
from deployctl.engines.retention import (
    RECORDS,
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

from .support import record

PROJECT = "techno-os"


def release(number: int, *, image: str = "", **changes: object) -> ReleaseRecord:
    """`r0` was found, the others were built; each by a run of its own, after the one before."""
    values: dict[str, object] = {
        "services": {
            "api": ServiceImage(
                image=f"techno-os-api:{number}", image_id=image or f"sha256:{number}"
            )
        },
        "previous": f"r{number - 1}" if number else None,
        "run_id": f"run-{max(number, 1)}",
        "sha": f"{number}" * 40 if number else None,
        "build_digest": f"sha256:digest-{number}" if number else None,
    }
    return record(f"r{number}", **{**values, **changes})


FOUR = tuple(release(number) for number in range(4))


def pin(number: int) -> str:
    return pin_of(PROJECT, "api", f"r{number}")


def left_by(releases: tuple[ReleaseRecord, ...]) -> Inventory:
    """A host on which each was live in turn: all but the last have pins and keepers."""
    numbers = range(len(releases))
    images = [each.services["api"].image_id for each in releases]
    return Inventory(
        tags=(
            *(Tag(images[n], f"techno-os-api:{n}") for n in numbers),
            *(Tag(images[n], pin(n)) for n in numbers[:-1]),
            Tag("sha256:db", "postgres:15"),
        ),
        holders=(
            Holder("live", images[-1]),
            Holder("db", "sha256:db"),
            *(Holder(f"keeper-{n}", images[n], pin(n)) for n in numbers[:-1]),
        ),
        runs=tuple(RunLeft(f"run-{n}", "confirmed", n, f"r{n}") for n in numbers[1:]),
        made=tuple(Made(f"run-{n}", images[n], f"techno-os-api:{n}") for n in numbers[1:]),
    )


HOST = left_by(FOUR)


def gone(found: Inventory = HOST, *, keep: int = 2, files: tuple[str, ...] = ()) -> Spare:
    return spare(FOUR, "r3", found, project=PROJECT, keep=keep, files=files)


def numbers(releases: tuple[ReleaseRecord, ...]) -> list[str]:
    return [each.number for each in releases]


def test_with_fewer_than_are_kept_nothing_goes() -> None:
    assert not gone(keep=5)
    assert not gone(keep=4)


def test_the_oldest_go_with_their_pins_keepers_and_runs() -> None:
    found = gone()
    assert numbers(found.releases) == ["r1"], "r0 still has the tag that it was found with"
    assert set(found.keepers) == {"keeper-0", "keeper-1"}
    assert {tag.reference for tag in found.tags} == {pin(0), pin(1), "techno-os-api:1"}
    assert found.runs == ("run-1",)


def test_the_tag_of_a_release_that_was_found_is_its_owners() -> None:
    assert "techno-os-api:0" not in {tag.reference for tag in gone().tags}


def test_an_image_that_a_container_has_keeps_all_its_tags() -> None:
    found = gone(replace(HOST, holders=(*HOST.holders, Holder("debug", "sha256:1"))))
    assert {tag.image_id for tag in found.tags} == {"sha256:0"}
    assert set(found.keepers) == {"keeper-0", "keeper-1"}, "the container holds it by itself"


def test_so_does_one_that_another_projects_release_is_of() -> None:
    found = gone(replace(HOST, elsewhere=frozenset({"sha256:1"})))
    assert {tag.image_id for tag in found.tags} == {"sha256:0"}


def test_so_does_one_that_a_release_that_stays_is_of() -> None:
    """The same tree under two commits is one image."""
    releases = (FOUR[0], FOUR[1], release(2, image="sha256:1"), FOUR[3])
    found = spare(releases, "r3", left_by(releases), project=PROJECT, keep=2)
    assert {tag.reference for tag in found.tags} == {pin(0)}


def test_a_tag_of_ours_that_somebody_has_moved_is_no_longer_ours() -> None:
    moved = tuple(
        replace(tag, image_id="sha256:theirs") if tag.reference == "techno-os-api:1" else tag
        for tag in HOST.tags
    )
    assert "techno-os-api:1" not in {tag.reference for tag in gone(replace(HOST, tags=moved)).tags}


def test_a_tag_that_somebody_gave_stays() -> None:
    tags = (*HOST.tags, Tag("sha256:1", "registry.example.com/api:kept"))
    found = gone(replace(HOST, tags=tags))
    assert {tag.reference for tag in found.tags} == {pin(0), pin(1), "techno-os-api:1"}


def test_the_last_name_of_an_image_that_is_not_ours_stays() -> None:
    """r0 was found. Somebody took its own name away: our pin is all that it has left."""
    own = Tag("sha256:0", "techno-os-api:0")
    bare = tuple(tag for tag in HOST.tags if tag != own)
    found = gone(replace(HOST, tags=bare))
    assert {tag.reference for tag in found.tags} == {pin(1), "techno-os-api:1"}
    assert found.images == ()


def test_what_the_compose_file_names_stays() -> None:
    found = gone(files=("services:\n  once: {image: techno-os-api:1}\n",))
    assert {tag.reference for tag in found.tags} == {pin(0), pin(1)}


def test_the_pins_of_another_project_are_none_of_ours() -> None:
    theirs = Tag("sha256:0", pin_of("shop", "api", "r0"))
    keeper = Holder("theirs", "sha256:9", theirs.reference)
    found = gone(replace(HOST, tags=(*HOST.tags, theirs), holders=(*HOST.holders, keeper)))
    assert theirs not in found.tags
    assert "theirs" not in found.keepers


class TestWhatNeverBecameARelease:
    MADE = Made("run-bad", "sha256:bad", "techno-os-api:bad")
    HOST = replace(HOST, tags=(*HOST.tags, Tag("sha256:bad", "techno-os-api:bad")))

    def after(self, ended: int, *, tags: tuple[Tag, ...] = HOST.tags) -> Spare:
        run = RunLeft("run-bad", "rolled_back", ended, "r2")
        return gone(
            replace(self.HOST, tags=tags, runs=(*HOST.runs, run), made=(*HOST.made, self.MADE))
        )

    def test_goes_with_its_run(self) -> None:
        found = self.after(ended=1)
        assert "run-bad" in found.runs
        assert Tag("sha256:bad", "techno-os-api:bad") in found.tags

    def test_stays_with_its_run(self) -> None:
        found = self.after(ended=9)
        assert "run-bad" not in found.runs
        assert Tag("sha256:bad", "techno-os-api:bad") not in found.tags

    def test_goes_also_where_its_tag_was_given_to_a_later_build(self) -> None:
        found = self.after(ended=1, tags=(*HOST.tags, Tag("sha256:bad", "")))
        assert found.images == ("sha256:bad",)

    def test_an_untagged_image_of_nobodys_stays(self) -> None:
        assert gone(replace(HOST, tags=(*HOST.tags, Tag("sha256:base", "")))).images == ()


class TestWhichReleasesStay:
    ALL = left_by(tuple(release(number) for number in range(8))).tags

    def stay(
        self, releases: tuple[ReleaseRecord, ...], live: str, keep: int, *, gone: str = "-"
    ) -> list[str]:
        tags = frozenset(tag for tag in self.ALL if tag.image_id != gone)
        return [each.number for each in kept(releases, live, tags, project=PROJECT, keep=keep)]

    def test_the_live_one_the_one_before_and_the_newest(self) -> None:
        releases = tuple(release(number) for number in range(8))
        assert self.stay(releases, "r3", 4) == ["r7", "r6", "r3", "r2"]

    def test_one_that_is_no_way_back_any_more_takes_nobodys_place(self) -> None:
        assert self.stay(FOUR, "r3", 2, gone="sha256:2") == ["r3", "r2", "r1"]

    def test_the_live_one_counts_whatever_became_of_its_tag(self) -> None:
        assert self.stay(FOUR, "r3", 2, gone="sha256:3") == ["r3", "r2"]

    def test_the_same_release_once_more_counts_once(self) -> None:
        again = FOUR[1].model_copy(update={"number": "r4", "previous": "r3"})
        assert self.stay((*FOUR, again), "r4", 3) == ["r4", "r3", "r2", "r1"]

    def test_where_nothing_is_known_to_be_live_the_newest(self) -> None:
        assert self.stay(FOUR, "", 2) == ["r3", "r2"]


class TestWhetherARollbackCanGoThere:
    def there(self, *tags: Tag) -> bool:
        return reachable(FOUR[1], frozenset(tags), PROJECT)

    def test_by_its_own_tag_or_by_its_pin(self) -> None:
        assert self.there(Tag("sha256:1", "techno-os-api:1"))
        assert self.there(Tag("sha256:1", pin(1)))

    def test_not_by_one_that_is_another_image_now(self) -> None:
        assert not self.there(Tag("sha256:9", "techno-os-api:1"), Tag("sha256:9", pin(1)))

    def test_nor_by_somebody_elses_tag_or_by_none(self) -> None:
        assert not self.there(Tag("sha256:1", "registry.example.com/api:kept"), Tag("sha256:1", ""))


class TestRuns:
    def test_one_that_stays_holds_no_image_of_a_release_that_goes(self) -> None:
        late = tuple(replace(run, ended=10 - run.ended) for run in HOST.runs)
        found = gone(replace(HOST, runs=late))
        assert "run-1" not in found.runs
        assert Tag("sha256:1", "techno-os-api:1") in found.tags

    def test_one_that_had_to_take_the_lock_again_has_the_file_of_its_release(self) -> None:
        """The release's record names it as it was first called."""
        idle = (RunLeft("idle-1", "released", 8, "r4"), RunLeft("idle-2", "released", 9, "r4"))
        runs = (RunLeft("run-2", "released", 1, "r2"), RunLeft("run-2-2", "rolled_back", 2, "r2"))
        assert gone(replace(HOST, runs=(*runs, *idle))).runs == ()

    def test_the_one_that_decides_is_as_good_as_over(self) -> None:
        own = RunLeft("own", "swapped", 3, "r3")
        found = replace(HOST, runs=(*HOST.runs, own)).confirmed("own")
        assert found.runs[-1] == RunLeft("own", "confirmed", 3, "r3")
        assert found.runs[:-1] == HOST.runs

    def runs(self, *states: str) -> Inventory:
        left = (RunLeft(f"old-{state}", state, 0, "r1") for state in states)
        return replace(HOST, runs=(*left, *HOST.runs))

    @pytest.mark.parametrize(
        "state", ["prepared", "armed", "swapped", "rolling_back", "rollback_failed", ""]
    )
    def test_one_that_is_not_at_its_end_stays(self, state: str) -> None:
        assert f"old-{state}" not in gone(self.runs(state)).runs

    @pytest.mark.parametrize("state", ["confirmed", "rolled_back", "kept", "released"])
    def test_one_that_is_goes(self, state: str) -> None:
        assert f"old-{state}" in gone(self.runs(state)).runs

    def test_the_rollback_that_made_a_kept_release_live_again_has_its_file(self) -> None:
        idle = (RunLeft("idle-1", "released", 8, "r4"), RunLeft("idle-2", "released", 9, "r4"))
        back = RunLeft("back", "confirmed", 4, "r2")
        once_more = RunLeft("once-more", "confirmed", 5, "r2")
        runs = (*HOST.runs, back, *idle)
        assert "back" not in gone(replace(HOST, runs=runs)).runs
        assert "back" in gone(replace(HOST, runs=(*runs, once_more))).runs


def test_records_outlive_their_images_for_the_history() -> None:
    assert gone().records == ()
    releases = tuple(release(number) for number in range(RECORDS + 2))
    live = releases[-1].number
    found = spare(releases, live, Inventory(), project=PROJECT, keep=2)
    assert found.records == ("r1", "r0")
