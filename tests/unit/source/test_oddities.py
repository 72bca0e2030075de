"""Repositories and gits as they are found: odd formats, places, owners and settings."""

import os
import shlex
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deployctl.config.settings import SourceSettings
from deployctl.errors import RefusedError
from deployctl.source import Package, pack, resolve
from tests.cases import Case, refuses, works
from tests.unit.source.conftest import Clone, assert_refuses

PLAIN = SourceSettings()


def packed(repo: Path, revision: str = "HEAD") -> Package:
    into = repo.parent / "out"
    into.mkdir(exist_ok=True)
    return pack(resolve(repo, revision), PLAIN, into)


class TestARepository:
    @works("Sources", "a repository of the SHA-256 object format")
    def test_may_name_its_objects_by_sha_256(self, repo: Clone, make: Callable[..., Clone]) -> None:
        other = make("other", "--object-format=sha256")
        sha = other.commit("first", Dockerfile="FROM scratch\n")
        assert len(sha) == 64
        commit = resolve(other.path, sha[:9])
        assert commit.sha == sha
        assert packed(other.path, sha).source_digest == packed(repo.path).source_digest

    @works("Sources", "a repository at a path with spaces and a newline")
    def test_may_lie_anywhere(self, make: Callable[..., Clone]) -> None:
        odd = make("two words\nand é 'quotes'")
        odd.commit("first", **{"Dockerfile": "FROM scratch\n", "sub dir/Dockerfile": "FROM x\n"})
        assert packed(odd.path).files == 2
        assert packed(odd.path / "sub dir").files == 1

    @refuses(
        "Sources", "a repository of another user", 23, "git config --global --add safe.directory"
    )
    def test_of_another_user_is_told_how_to_trust(
        self, make: Callable[..., Clone], stand_in: Callable[[str], Path], refusal: Case,
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    ) -> None:  # fmt: skip
        repo = make("of somebody else")
        repo.commit("first", Dockerfile="FROM scratch\n")
        # git's own way to test this without a second user
        stand_in(f'GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"')
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
        with pytest.raises(RefusedError, match="belongs to another user") as caught:
            resolve(repo.path, "HEAD")
        assert_refuses(caught.value, refusal)
        repo.git(*shlex.split(caught.value.next_step)[1:], env=os.environ)
        assert packed(repo.path).files == 1

    @refuses("Sources", "a bare repository that git is told not to use", 23, "safe.bareRepository")
    def test_that_is_bare_may_be_forbidden_by_gits_own_settings(
        self, repo: Clone, tmp_path: Path, refusal: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bare = repo.clone(tmp_path / "bare.git", "--bare")
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.bareRepository")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "explicit")
        with pytest.raises(RefusedError, match="bare repository") as caught:
            resolve(bare.path, "HEAD")
        assert_refuses(caught.value, refusal)

    @pytest.mark.parametrize("name", ["x" * 300, "missing", "file/below"])
    def test_that_is_no_directory(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RefusedError, match="is not a directory"):
            resolve(tmp_path / name, "HEAD")


class TestGit:
    @refuses("Sources", "no git on this machine", 23, "git is not installed on this machine")
    def test_may_be_missing(
        self, repo: Clone, refusal: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(RefusedError) as caught:
            resolve(repo.path, "HEAD")
        assert_refuses(caught.value, refusal)

    @refuses("Sources", "a git older than 2.21", 23, "deployctl needs 2.21 or newer")
    def test_may_be_too_old(
        self, repo: Clone, stand_in: Callable[[str], Path], refusal: Case
    ) -> None:
        stand_in("echo git version 1.8.3.1")
        with pytest.raises(RefusedError, match=r"git version 1\.8\.3\.1") as caught:
            resolve(repo.path, "HEAD")
        assert_refuses(caught.value, refusal)

    def test_of_another_making_is_taken_at_its_word(
        self, repo: Clone, stand_in: Callable[[str], Path]
    ) -> None:
        real = shutil.which("git")
        stand_in(f'[ "$1" = version ] && echo git version of mine || exec {real} "$@"')
        assert resolve(repo.path, "HEAD").subject == "first"


class TestSettingsOfGit:
    """What a checkout would make of the files, or a history of the commits, is not shipped."""

    @works("Sources", "core.autocrlf: what is stored is shipped")
    def test_line_ends(self, repo: Clone) -> None:
        sha = repo.commit("text", **{"a.txt": "1\n2\n"})
        before = packed(repo.path).source_digest
        repo.git("config", "core.autocrlf", "true")
        (repo.path / "a.txt").unlink()
        repo.git("checkout", "-q", "a.txt")
        assert (repo.path / "a.txt").read_bytes() == b"1\r\n2\r\n"
        assert not resolve(repo.path, sha).dirty
        assert packed(repo.path).source_digest == before

    @works("Sources", "a smudge filter: what is stored is shipped, and said")
    def test_filters(self, repo: Clone) -> None:
        repo.commit("text", **{"a.txt": "stored\n"})
        repo.write(".gitattributes", "*.txt filter=shout\n*.csv working-tree-encoding=UTF-16\n")
        repo.git("config", "filter.shout.smudge", "tr a-z A-Z")
        repo.commit("attributes")
        (repo.path / "a.txt").unlink()
        repo.git("checkout", "-q", "--", "a.txt")
        assert (repo.path / "a.txt").read_text() == "STORED\n"
        package = packed(repo.path)
        with tarfile.open(package.path) as tar:
            assert tar.extractfile("a.txt").read() == b"stored\n"  # type: ignore[union-attr]
        assert [note for note in package.notes if "filter=shout" in note]
        assert [note for note in package.notes if "working-tree-encoding=UTF-16" in note]

    @works("Sources", "replace refs and grafts: the commit's own content counts")
    def test_replaced_objects_and_grafts(self, repo: Clone) -> None:
        first = repo.git("rev-parse", "HEAD")
        second = repo.commit("second", a="1")
        before = packed(repo.path).source_digest
        repo.commit("other", a="2")
        repo.git("replace", repo.git("rev-parse", f"{second}:a"), repo.git("rev-parse", "HEAD:a"))
        assert packed(repo.path, second).source_digest == before
        third = repo.commit("third")
        repo.write(".git/info/grafts", f"{third} {first}\n")
        assert repo.git("rev-parse", "HEAD~1") == first
        assert resolve(repo.path, "HEAD~2").sha == second
        with pytest.raises(RefusedError) as caught:
            resolve(repo.path, "nothing")
        assert "graft" not in caught.value.detail

    def test_a_repository_that_wants_to_run_programs(self, repo: Clone, tmp_path: Path) -> None:
        """Reading a commit starts no hook, pager, monitor or external diff."""
        trap = tmp_path / "trap"
        trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/caught\n")
        trap.chmod(0o755)
        for name in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand"):
            repo.git("config", name, str(trap))
        assert packed(repo.path).files == 1
        assert not (tmp_path / "caught").exists()


class TestNames:
    @works("Sources", "names that differ only in case")
    def test_may_differ_only_in_case(self, repo: Clone) -> None:
        repo.commit("both", README="1", readme="2")
        assert packed(repo.path).files == 3

    @refuses("Sources", "a crafted tree with two entries of one name", 23, "more than one entry")
    def test_that_git_itself_never_writes(self, repo: Clone, refusal: Case) -> None:
        """The link would be followed when the file below it is unpacked."""
        blob = bytes.fromhex(repo.git("hash-object", "-w", "--stdin", stdin=b"sub"))
        below = b"100644 file\0" + blob
        tree = repo.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=below)
        crafted = b"120000 a\0" + blob + b"40000 a\0" + bytes.fromhex(tree)
        outer = repo.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=crafted)
        sha = repo.git("commit-tree", outer, "-m", "crafted")
        with pytest.raises(RefusedError) as caught:
            packed(repo.path, sha)
        assert_refuses(caught.value, refusal)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts another program in git's place, given as a shell script."""

    def stand_in(script: str) -> Path:
        program = tmp_path / "bin" / "git"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return program

    return stand_in
