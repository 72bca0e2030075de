"""A name becomes one commit, or an error says why not and what to do."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployctl.errors import ExitCode, RefusedError
from deployctl.source import resolve
from tests.unit.source.conftest import Clone


def refusal(repository: Path, revision: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        resolve(repository, revision)
    assert caught.value.code is ExitCode.REFUSED
    return caught.value


class TestARevision:
    def test_may_be_anything_that_git_can_name_a_commit_by(self, repo: Clone) -> None:
        first = repo.git("rev-parse", "HEAD")
        second = repo.commit("second", a="1")
        repo.git("tag", "-a", "v2", "-m", "annotated")
        repo.git("tag", "-a", "nested", "-m", "a tag of a tag", "v2")
        repo.git("branch", "stage/f9.8-observability", first)
        for revision, sha in {
            "HEAD": second,
            "HEAD~1": first,
            "main": second,
            "v2": second,
            "nested": second,
            "stage/f9.8-observability": first,
            first[:7]: first,
            first.upper()[:9]: first,
            second: second,
            ":/second": second,
        }.items():
            assert resolve(repo.path, revision).sha == sha

    def test_is_described(self, repo: Clone) -> None:
        repo.git("-c", "user.name=José", "commit", "-q", "--allow-empty", "-m", "Añade é 😀\n\nx")
        commit = resolve(repo.path, "HEAD")
        assert commit.subject == "Añade é 😀"
        assert commit.author == "Ana <ana@example.org>"
        assert commit.committed_at == datetime(2026, 1, 3, 7, 32, tzinfo=UTC)
        assert commit.sha.startswith(commit.short)
        assert len(commit.short) >= 7

    def test_is_the_same_from_a_bare_clone_a_worktree_and_a_subdirectory(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        sha = repo.commit("deep", **{"sub/file": "x"})
        bare = repo.clone(tmp_path / "bare.git", "--bare")
        repo.git("worktree", "add", "-q", str(tmp_path / "tree"), "HEAD")
        for path in (bare.path, tmp_path / "tree", repo.path / "sub"):
            assert resolve(path, sha[:10]).sha == sha

    def test_ignores_git_variables_of_the_caller(
        self, repo: Clone, make: Callable[[str], Clone], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make("other")
        other.commit("elsewhere")
        monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
        monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent")
        assert resolve(repo.path, "HEAD").subject == "first"


class TestWhatIsToldOfIt:
    def test_a_changed_working_copy(self, repo: Clone) -> None:
        assert not resolve(repo.path, "HEAD").dirty
        repo.write("untracked")
        commit = resolve(repo.path, "HEAD")
        assert commit.dirty
        assert "not shipped" in commit.notes[0]

    def test_whether_a_remote_has_it(self, repo: Clone, tmp_path: Path) -> None:
        assert resolve(repo.path, "HEAD").pushed is None
        clone = repo.clone(tmp_path / "clone")
        assert resolve(clone.path, "HEAD").pushed is True
        clone.commit("only here")
        commit = resolve(clone.path, "HEAD")
        assert commit.pushed is False
        assert "no branch of a remote" in commit.notes[0]


class TestARefusal:
    @pytest.mark.parametrize("revision", ["", " ", "-x", "--all", "a\nb", "\0", "\ud800"])
    def test_of_what_is_no_revision(self, repo: Clone, revision: str) -> None:
        assert "is not a revision" in refusal(repo.path, revision).what

    @pytest.mark.parametrize("revision", ["HEAD..HEAD", "^HEAD", "HEAD^!"])
    def test_of_a_range(self, repo: Clone, revision: str) -> None:
        assert refusal(repo.path, revision).what

    def test_of_the_unknown_says_to_fetch_if_there_is_where_from(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        assert "no remote" in refusal(repo.path, "d73cfb1").next_step
        clone = repo.clone(tmp_path / "clone")
        error = refusal(clone.path, "d73cfb1")
        assert "no commit `d73cfb1`" in error.what
        assert "git fetch" in error.next_step

    def test_in_a_shallow_clone_says_to_deepen_it(self, repo: Clone, tmp_path: Path) -> None:
        first = repo.git("rev-parse", "HEAD")
        repo.commit("second")
        shallow = repo.clone(tmp_path / "shallow", "--depth=1")
        assert resolve(shallow.path, "HEAD").subject == "second"
        for revision in (first, "HEAD~1"):
            error = refusal(shallow.path, revision)
            assert "shallow" in error.what
            assert "--unshallow" in error.next_step
            assert "fetch-depth: 0" in error.next_step

    def test_of_trees_and_files(self, repo: Clone) -> None:
        tree = repo.git("rev-parse", "HEAD^{tree}")
        blob = repo.git("rev-parse", "HEAD:Dockerfile")
        repo.git("tag", "-a", "tree-tag", "-m", "x", tree)
        for revision, kind in {
            tree: "tree",
            tree[:12]: "tree",
            blob: "blob",
            "HEAD:Dockerfile": "blob",
            "tree-tag": "tree",
        }.items():
            assert f"is a {kind}, not a commit" in refusal(repo.path, revision).what

    def test_of_an_ambiguous_start_lists_the_commits(self, repo: Clone) -> None:
        first, second = _two_commits_with_one_start(repo)
        error = refusal(repo.path, first[:4])
        assert "several commits" in error.what
        assert first in error.detail
        assert second in error.detail
        assert "more digits" in error.next_step

    def test_of_a_branch_that_is_called_like_another_commits_sha(self, repo: Clone) -> None:
        first = repo.git("rev-parse", "HEAD")
        second = repo.commit("second")
        repo.git("branch", first[:7], second)
        error = refusal(repo.path, first[:7])
        assert "both the name of a branch" in error.what
        assert first in error.detail

    def test_without_a_repository_or_commits(
        self, make: Callable[[str], Clone], tmp_path: Path
    ) -> None:
        (tmp_path / "plain").mkdir()
        assert "not a git repository" in refusal(tmp_path / "plain", "HEAD").what
        assert "not a directory" in refusal(tmp_path / "missing", "HEAD").what
        assert "no commits yet" in refusal(make("empty").path, "HEAD").what

    def test_without_git(self, repo: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        assert "git is not installed" in refusal(repo.path, "HEAD").what


def _two_commits_with_one_start(repo: Clone) -> tuple[str, str]:
    """Two commits whose SHAs share four digits, found by counting and written in one go."""
    tree = repo.git("rev-parse", "HEAD^{tree}")
    seen: dict[str, int] = {}
    for number in range(5000):
        sha = hashlib.sha1(_commit_object(tree, number, header=True)).hexdigest()  # noqa: S324
        if sha[:4] in seen:
            made = [
                repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=content)
                for content in (
                    _commit_object(tree, seen[sha[:4]], header=False),
                    _commit_object(tree, number, header=False),
                )
            ]
            assert made[0][:4] == made[1][:4]
            return made[0], made[1]
        seen[sha[:4]] = number
    raise AssertionError("5,000 commits share no four digits")


def _commit_object(tree: str, number: int, *, header: bool) -> bytes:
    who = "Ana <ana@example.org> 1767425520 +0000"
    body = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nnumber {number}\n".encode()
    return b"commit %d\0" % len(body) + body if header else body
