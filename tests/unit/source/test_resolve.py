"""A name becomes one commit, or an error says why not and what to do."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployctl.errors import ExitCode, RefusedError
from deployctl.source import resolve
from tests.cases import Case, refuses, works
from tests.unit.source.conftest import Clone, assert_refuses


def refused(repository: Path, revision: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        resolve(repository, revision)
    assert caught.value.code is ExitCode.REFUSED
    return caught.value


class TestARevision:
    @works("Sources", "a tag")
    @works("Sources", "an annotated tag, also of a tag")
    @works("Sources", "HEAD~1")
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
        assert commit.sha.startswith(commit.short)
        assert len(commit.short) >= 7
        assert commit.committed_at == datetime(2026, 1, 3, 7, 32, tzinfo=UTC)

    @pytest.mark.parametrize("said", ["99999999999999", "soon"])
    def test_has_no_time_where_its_committer_says_none(self, repo: Clone, said: str) -> None:
        text = repo.git("cat-file", "commit", "HEAD")
        odd = re.sub(r"^(committer .*>) \d+", rf"\1 {said}", text, flags=re.MULTILINE) + "\n"
        words = ("hash-object", "-t", "commit", "-w", "--stdin", "--literally")
        sha = repo.git(*words, stdin=odd.encode())
        found = resolve(repo.path, sha)
        assert found.subject == "first"
        assert found.committed_at is None or found.committed_at.year == 1970

    def test_is_the_same_from_a_bare_clone_a_worktree_and_a_subdirectory(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        sha = repo.commit("deep", **{"sub/file": "x"})
        bare = repo.clone(tmp_path / "bare.git", "--bare")
        repo.git("worktree", "add", "-q", str(tmp_path / "tree"), "HEAD")
        for path in (bare.path, tmp_path / "tree", repo.path / "sub"):
            assert resolve(path, sha[:10]).sha == sha

    @works("Sources", "GIT_DIR and its like in the environment: ignored")
    def test_ignores_git_variables_of_the_caller(
        self, repo: Clone, make: Callable[..., Clone], monkeypatch: pytest.MonkeyPatch
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
    @refuses("Sources", "a revision that begins with a dash", 23, "is not a revision")
    @pytest.mark.parametrize("revision", ["", " ", "-x", "--all", "a\nb", "\0", "\ud800"])
    def test_of_what_is_no_revision(self, repo: Clone, revision: str, refusal: Case) -> None:
        assert_refuses(refused(repo.path, revision), refusal)

    @pytest.mark.parametrize("revision", ["HEAD..HEAD", "^HEAD", "HEAD^!"])
    def test_of_a_range(self, repo: Clone, revision: str) -> None:
        assert refused(repo.path, revision).what

    def test_of_the_unknown_says_to_fetch_if_there_is_where_from(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        assert "no remote" in refused(repo.path, "d73cfb1").next_step
        clone = repo.clone(tmp_path / "clone")
        error = refused(clone.path, "d73cfb1")
        assert "no commit `d73cfb1`" in error.what
        assert "git fetch" in error.next_step

    @refuses("Sources", "a shallow clone that lacks the commit", 23, "git fetch --unshallow")
    def test_in_a_shallow_clone_says_to_deepen_it(
        self, repo: Clone, tmp_path: Path, refusal: Case
    ) -> None:
        first = repo.git("rev-parse", "HEAD")
        repo.commit("second")
        shallow = repo.clone(tmp_path / "shallow", "--depth=1")
        assert resolve(shallow.path, "HEAD").subject == "second"
        for revision in (first, "HEAD~1"):
            error = refused(shallow.path, revision)
            assert "shallow" in error.what
            assert_refuses(error, refusal)
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
            assert f"is a {kind}, not a commit" in refused(repo.path, revision).what

    @refuses("Sources", "an ambiguous SHA", 23, "Name it with more digits.")
    def test_of_an_ambiguous_start_lists_the_commits(self, repo: Clone, refusal: Case) -> None:
        first, second = _two_commits_with_one_start(repo)
        error = refused(repo.path, first[:4])
        assert "several commits" in error.what
        assert_refuses(error, refusal)
        assert first in error.detail
        assert second in error.detail

    def test_of_a_branch_that_is_called_like_another_commits_sha(self, repo: Clone) -> None:
        first = repo.git("rev-parse", "HEAD")
        second = repo.commit("second")
        repo.git("branch", first[:7], second)
        error = refused(repo.path, first[:7])
        assert "both the name of a branch" in error.what
        assert first in error.detail

    @refuses("Sources", "a name of both a branch and a tag", 23, "is both a branch and a tag")
    def test_of_a_branch_that_is_called_like_a_tag(self, repo: Clone, refusal: Case) -> None:
        repo.git("tag", "-a", "stable", "-m", "x")
        repo.git("branch", "stable")
        first = resolve(repo.path, "stable").sha
        repo.git("branch", "-f", "stable", repo.commit("second"))
        assert_refuses(refused(repo.path, "stable"), refusal)
        assert resolve(repo.path, "refs/tags/stable").sha == first

    @refuses(
        "Sources", "a commit that only a fork has, not fetched", 23,
        "git fetch URL-OF-THE-FORK BRANCH, if only a fork has it",
    )  # fmt: skip
    def test_of_a_forks_commit_says_what_to_fetch(
        self, repo: Clone, tmp_path: Path, refusal: Case
    ) -> None:
        fork = repo.clone(tmp_path / "fork")
        fork.git("checkout", "-q", "-b", "patch")
        sha = fork.commit("only in the fork")
        clone = repo.clone(tmp_path / "clone")
        for revision in (sha, sha[:7]):
            error = refused(clone.path, revision)
            assert_refuses(error, refusal)
            assert (f"git fetch origin {sha}" in error.next_step) == (revision == sha)
        clone.git("fetch", "-q", str(fork.path), "patch")
        assert resolve(clone.path, sha[:7]).sha == sha

    @refuses("Sources", "a branch that only a remote has", 23, "It is a branch of a remote: --sha ")
    def test_of_a_remotes_branch_names_it_in_full(
        self, repo: Clone, tmp_path: Path, refusal: Case
    ) -> None:
        repo.git("branch", "feature/x")
        clone = repo.clone(tmp_path / "clone")
        error = refused(clone.path, "feature/x")
        assert_refuses(error, refusal)
        assert error.next_step.endswith("--sha origin/feature/x")
        assert resolve(clone.path, "origin/feature/x").subject == "first"

    def test_without_a_repository_or_commits(
        self, make: Callable[..., Clone], tmp_path: Path
    ) -> None:
        (tmp_path / "plain").mkdir()
        assert "not a git repository" in refused(tmp_path / "plain", "HEAD").what
        assert "not a directory" in refused(tmp_path / "missing", "HEAD").what
        assert "no commits yet" in refused(make("empty").path, "HEAD").what


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
