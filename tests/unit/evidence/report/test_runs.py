"""Which run a report is of."""

import shutil
from pathlib import Path

import pytest

from deployctl.evidence.report.runs import find, target_of

from .support import make


@pytest.fixture
def base(tmp_path: Path) -> Path:
    make(tmp_path, run_id="20260101T000000Z-hotfix-aaaaaa")
    make(tmp_path, run_id="20260103T000000Z-hotfix-cccccc")
    make(tmp_path, run_id="20260102T000000Z-rollback-bbbbbb", target="staging")
    (tmp_path / "production" / "20260109T000000Z-plan-dddddd").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("run", "target", "name"),
    [
        (None, None, "20260103T000000Z-hotfix-cccccc"),
        (None, "staging", "20260102T000000Z-rollback-bbbbbb"),
        ("aaaaaa", None, "20260101T000000Z-hotfix-aaaaaa"),
        ("20260102", None, "20260102T000000Z-rollback-bbbbbb"),
        ("20260101T000000Z-hotfix-aaaaaa", "production", "20260101T000000Z-hotfix-aaaaaa"),
    ],
)
def test_a_run_is_found_by_id_by_part_or_as_the_last(
    base: Path, run: str | None, target: str | None, name: str
) -> None:
    assert find(base, run, target).name == name


def test_a_run_is_found_by_its_directory_or_its_seal(base: Path, tmp_path: Path) -> None:
    directory = base / "production" / "20260101T000000Z-hotfix-aaaaaa"
    elsewhere = tmp_path / "nowhere"
    assert find(elsewhere, str(directory)) == directory
    assert find(elsewhere, str(directory / "seal.json")) == directory


def test_one_targets_folder_is_searched_as_well(base: Path) -> None:
    folder = base / "production"
    assert find(folder).name == "20260103T000000Z-hotfix-cccccc"
    assert find(folder, "aaaaaa", "production").name == "20260101T000000Z-hotfix-aaaaaa"
    with pytest.raises(ValueError, match="no sealed run of staging"):
        find(folder, None, "staging")


def test_a_copys_target_is_that_of_its_seal(base: Path, tmp_path: Path) -> None:
    copy = tmp_path / "downloads" / "artefact"
    shutil.copytree(base / "staging" / "20260102T000000Z-rollback-bbbbbb", copy)
    assert target_of(copy) == "staging"


@pytest.mark.parametrize(
    ("run", "target", "told"),
    [
        ("hotfix", None, "may be any of 2 runs: production/20260103"),
        ("dddddd", None, "no sealed run called dddddd"),
        ("bbbbbb", "production", "no sealed run of production called bbbbbb"),
        (None, "test", "no sealed run of test"),
        ("\0", None, "no sealed run"),
        ("x" * 5000, None, "no sealed run"),
    ],
)
def test_what_is_not_one_run_is_told(
    base: Path, run: str | None, target: str | None, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        find(base, run, target)
