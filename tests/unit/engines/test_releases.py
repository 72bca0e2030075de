"""Release records: numbers, which one runs, and which one a rollback means."""

from typing import Any

import pytest

from deployctl.engines.releases import (
    ReleaseRecord,
    ServiceImage,
    describe,
    find,
    next_number,
    ordinal,
    read_record,
    resolve,
    running,
    write_record,
)
from deployctl.errors import RefusedError

from .support import NEW, OLD, record

D73 = "d73cfb1" + "0" * 33
FIRST, SECOND = "sha256:" + "0" * 64, "sha256:" + "1" * 64


def of(number: str, image_id: str, **changes: Any) -> ReleaseRecord:
    image = ServiceImage(image=f"techno-os-api:{number}", image_id=image_id)
    return record(number, services={"api": image}, **changes)


R0 = of("r0", FIRST)
R1 = of("r1", SECOND, sha=D73, previous="r0")
R2 = record("r2", sha="e" * 40, previous="r1")
ALL = (R0, R1, R2)


class TestNumbers:
    def test_the_first_is_r0(self) -> None:
        assert next_number(()) == "r0"

    def test_the_next_is_one_more_than_the_highest_whatever_the_order(self) -> None:
        assert next_number((record("r10"), record("r9"))) == "r11"

    def test_a_gap_is_never_filled(self) -> None:
        assert next_number((record("r5"),)) == "r6"

    @pytest.mark.parametrize("number", ["", "5", "x5", "r", "r5b", "r-1"])
    def test_what_is_no_number_comes_before_all(self, number: str) -> None:
        assert ordinal(number) == -1


class TestWhichOneRuns:
    def test_the_live_record_if_its_image_runs(self) -> None:
        assert running(ALL, "r2", {"api": OLD}, ("api",)) == R2

    def test_none_if_another_image_runs(self) -> None:
        assert running(ALL, "r2", {"api": NEW}, ("api",)) is None

    def test_none_if_the_record_does_not_know_the_service(self) -> None:
        images = {"api": OLD, "worker": OLD}
        assert running(ALL, "r2", images, ("api", "worker")) is None

    def test_none_if_a_service_has_no_container(self) -> None:
        """After `docker compose down` nothing is live, whatever the record says."""
        assert running(ALL, "r2", {}, ("api",)) is None

    def test_none_without_a_record(self) -> None:
        assert running(ALL, "", {"api": OLD}, ("api",)) is None
        assert running(ALL, "r9", {"api": OLD}, ("api",)) is None


class TestWhatARollbackMeans:
    def test_without_a_word_the_one_before_the_live_one(self) -> None:
        assert resolve(ALL, R2, None) == R1

    def test_after_a_rollback_one_further(self) -> None:
        assert resolve(ALL, R1, None) == R0

    def test_the_same_release_once_more_is_no_way_back(self) -> None:
        again = of("r2", SECOND, sha=D73, previous="r1")
        assert resolve((R0, R1, again), again, None) == R0

    def test_nor_are_its_images_under_another_name(self) -> None:
        found = of("r2", SECOND, previous="r0")
        again = of("r3", SECOND, sha=D73, previous="r2")
        assert resolve((R0, found, again), again, None) == R0

    def test_what_a_run_left_unproven_is_passed_over(self) -> None:
        left = of("r2", NEW, previous="r1", left_by="run-7")
        after = record("r3", sha="f" * 40, previous="r2")
        assert resolve((R0, R1, left, after), after, None) == R1
        assert resolve((R0, R1, left, after), after, "r2") == left, "it can be named"

    def test_what_was_deployed_by_hand_is_not(self) -> None:
        found = of("r2", NEW, previous="r1", subject="found by deployctl")
        after = record("r3", sha="f" * 40, previous="r2")
        assert resolve((R0, R1, found, after), after, None) == found

    def test_before_the_first_there_is_none(self) -> None:
        with pytest.raises(RefusedError, match="no release before r0") as caught:
            resolve(ALL, R0, None)
        assert "r2 (eeeeeee), r1 (d73cfb1)" in caught.value.next_step

    def test_unknown_what_runs(self) -> None:
        with pytest.raises(RefusedError, match="has not recorded"):
            resolve((), None, None)

    @pytest.mark.parametrize("wanted", ["r1", "d73cfb1", "D73CFB1", D73, "techno-os-api:r1"])
    def test_by_number_commit_or_image(self, wanted: str) -> None:
        assert resolve(ALL, R2, wanted) == R1

    def test_by_the_whole_commit_of_a_sha256_repository(self) -> None:
        long = record("r5", sha="ab" * 32)
        assert resolve((*ALL, long), R2, "AB" * 32) == long

    @pytest.mark.parametrize("wanted", ["d73cfb", "", "r", "1", "latest", "r9", "f" * 40])
    def test_what_fits_none_is_refused_with_what_there_is(self, wanted: str) -> None:
        with pytest.raises(RefusedError) as caught:
            resolve(ALL, R2, wanted)
        assert "Available: r2" in caught.value.next_step

    def test_a_commit_that_was_live_twice_means_its_latest_release(self) -> None:
        again = of("r3", SECOND, sha=D73, previous="r2")
        assert resolve((*ALL, again), again, "d73cfb1") == again

    def test_a_prefix_of_two_commits_is_refused(self) -> None:
        twin = record("r3", sha="d73cfb1" + "1" * 33)
        with pytest.raises(RefusedError, match="several releases"):
            resolve((*ALL, twin), R2, "d73cfb1")

    def test_an_image_that_several_found_releases_share_means_the_latest(self) -> None:
        same = {"api": ServiceImage(image="techno-os-api:latest", image_id=NEW)}
        older, newer = record("r3", services=same), record("r4", services=same)
        assert resolve((older, newer), None, "latest") == newer

    def test_an_image_name_that_meant_different_images_is_refused(self) -> None:
        """`:latest` was another image each time: only the person knows which one is meant."""
        older = record("r3", services={"api": ServiceImage(image="api:latest", image_id=OLD)})
        newer = record("r4", services={"api": ServiceImage(image="api:latest", image_id=NEW)})
        with pytest.raises(RefusedError, match="several releases"):
            resolve((older, newer), None, "latest")


def test_a_record_is_read_as_it_was_written() -> None:
    assert read_record(write_record(R1).encode()) == R1


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"\xff", b'{"number": "r1"'])
def test_a_damaged_record_is_refused_by_a_sentence(data: bytes) -> None:
    with pytest.raises(RefusedError, match="can't be read"):
        read_record(data)


def test_a_release_is_told_by_commit_or_image() -> None:
    assert describe(R1) == "r1 (d73cfb1)"
    assert describe(R0) == "r0 (techno-os-api:r0)"


def test_find() -> None:
    assert find(ALL, "r1") == R1
    assert find(ALL, "r7") is None
