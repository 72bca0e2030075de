"""The sample application's history: the same commits everywhere, the hotfix the report's."""

import subprocess
from pathlib import Path

import pytest

from deployctl.lab import sample
from deployctl.lab.changes import BROKEN, CHANGES, FIRST_RELEASE, HOTFIX, MAIN, NEXT, SLUGS, Edit

WANTED_SLUGS = {
    "build-fails",
    "crash-at-start",
    "dies-after-5s",
    "never-listens",
    "health-500",
    "health-500-after-3s",
    "health-wrong-body",
    "metrics-404",
    "metrics-html",
    "metrics-empty",
    "metrics-wrong-type",
    "unhealthy-healthcheck",
    "out-of-memory",
    "wrong-port",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "repository"
    sample.create(folder)
    return folder


def git(repository: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_hotfix_is_the_commit_of_the_report(repository: Path) -> None:
    assert sample.revision(repository, HOTFIX).startswith("d73cfb1")


def test_the_hotfix_is_checked_out_and_clean(repository: Path) -> None:
    assert git(repository, "branch", "--show-current") == HOTFIX
    assert git(repository, "status", "--porcelain") == ""


def test_the_hotfix_stands_on_the_first_release(repository: Path) -> None:
    parent = git(repository, "rev-parse", f"{HOTFIX}^")
    assert parent == sample.revision(repository, FIRST_RELEASE) == sample.revision(repository, MAIN)


def test_two_repositories_have_the_same_commits(repository: Path, tmp_path: Path) -> None:
    sample.create(tmp_path / "another")
    assert git(tmp_path / "another", "show-ref") == git(repository, "show-ref")


def test_every_way_to_break_is_a_branch_on_the_hotfix(repository: Path) -> None:
    assert set(SLUGS) == WANTED_SLUGS
    for slug in SLUGS:
        assert git(repository, "rev-parse", f"{BROKEN}{slug}^") == git(
            repository, "rev-parse", HOTFIX
        )


def test_the_next_release_stands_on_the_hotfix(repository: Path) -> None:
    assert git(repository, "rev-parse", f"{NEXT}^") == git(repository, "rev-parse", HOTFIX)


@pytest.mark.parametrize("branch", sorted(sample.trees()))
def test_every_commit_is_valid_python(branch: str) -> None:
    for path, content in sample.trees()[branch].items():
        if path.endswith(".py"):
            compile(content, path, "exec")


def test_only_the_first_release_lacks_metrics() -> None:
    at = sample.trees()
    assert b"/metrics" not in at[MAIN]["app/main.py"]
    assert b'@app.get("/metrics")' in at[HOTFIX]["app/main.py"]


def test_no_commit_changes_the_dependencies() -> None:
    assert len({tree["requirements.txt"] for tree in sample.trees().values()}) == 1


def test_each_commit_differs_from_its_parent() -> None:
    at = sample.trees()
    assert all(at[change.branch] != at[change.parent] for change in CHANGES)


def test_an_edit_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times"):
        sample.apply({"a": b"text"}, (Edit("a", "absent", ""),))


def test_an_archive_holds_the_commit_with_the_modes_of_git(
    repository: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "sources.tar"
    archive.write_bytes(sample.archive(repository, FIRST_RELEASE))
    listed = subprocess.run(
        ["tar", "-tvf", str(archive)], capture_output=True, text=True, check=True
    ).stdout
    assert "app/main.py" in listed
    assert all(line[:10] in {"-rw-r--r--", "drwxr-xr-x"} for line in listed.splitlines())
