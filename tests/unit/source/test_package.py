"""Exactly a commit's tree becomes an archive, the same everywhere."""

import hashlib
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployctl.config.settings import SourceSettings
from deployctl.errors import RefusedError, UntouchedError
from deployctl.evidence.redact import Redactor
from deployctl.source import Package, changed_files, pack, read_dockerfile, resolve
from deployctl.source.places import OUTSIDE
from tests.cases import Case, refuses, works
from tests.unit.source.conftest import Clone, assert_refuses

PLAIN = SourceSettings()
SHA_OF = {"x": hashlib.sha256(b"x\n").hexdigest()}


def packed(
    repo: Clone | Path, into: Path, settings: SourceSettings = PLAIN, revision: str = "HEAD"
) -> Package:
    path = repo.path if isinstance(repo, Clone) else repo
    into.mkdir(exist_ok=True)
    return pack(resolve(path, revision), settings, into)


def listing(package: Package) -> dict[bytes, tarfile.TarInfo]:
    with tarfile.open(package.path, encoding="utf-8", errors="surrogateescape") as tar:
        return {info.name.encode("utf-8", "surrogateescape"): info for info in tar.getmembers()}


def contents(package: Package) -> dict[str, bytes]:
    found = {}
    with tarfile.open(package.path) as tar:
        for info in tar.getmembers():
            if info.isfile():
                file = tar.extractfile(info)
                assert file is not None
                found[info.name] = file.read()
    return found


class TestThePackage:
    def test_holds_the_commit_and_not_the_working_copy(self, repo: Clone, tmp_path: Path) -> None:
        repo.commit("second", **{"app/main.py": "committed\n"})
        repo.write("app/main.py", "changed\n")
        repo.write("untracked")
        package = packed(repo, tmp_path / "out")
        assert contents(package) == {
            "Dockerfile": b"FROM scratch\n",
            "app/main.py": b"committed\n",
        }
        assert package.files == 2
        assert package.tree_bytes == 23

    def test_says_its_size_and_hash(self, repo: Clone, tmp_path: Path) -> None:
        package = packed(repo, tmp_path / "out")
        data = package.path.read_bytes()
        assert package.size == len(data)
        assert package.archive_sha256 == hashlib.sha256(data).hexdigest()
        assert list((tmp_path / "out").iterdir()) == [package.path]

    @works("Sources", "executable bits")
    @works("Sources", "symbolic links inside the tree")
    def test_keeps_executable_bits_and_links(self, repo: Clone, tmp_path: Path) -> None:
        repo.write("bin/run", mode=0o755)
        (repo.path / "bin/link").symlink_to("../Dockerfile")
        repo.commit()
        found = listing(packed(repo, tmp_path / "out"))
        assert {name: oct(info.mode) for name, info in found.items()} == {
            b"Dockerfile": "0o644",
            b"bin": "0o755",
            b"bin/link": "0o777",
            b"bin/run": "0o755",
        }
        assert found[b"bin/link"].linkname == "../Dockerfile"
        assert {(i.uid, i.gid, i.uname, i.gname) for i in found.values()} == {(0, 0, "", "")}

    def test_a_time_stands_for_the_content(self, repo: Clone, tmp_path: Path) -> None:
        """BuildKit takes the same name, size and time for the same file."""
        times = []
        for text in ("v = 1\n", "v = 2\n", "v = 1\n"):
            repo.write("app.py", text)
            repo.commit()
            times.append(listing(packed(repo, tmp_path / "out"))[b"app.py"].mtime)
        assert times[0] == times[2] != times[1]

    def test_is_sorted_by_bytes_with_directories_before_their_files(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        for name in ("a/z", "a.b", "a-b", "B", "é"):
            repo.write(name)
        repo.commit()
        names = list(listing(packed(repo, tmp_path / "out")))
        assert names == [b"B", b"Dockerfile", b"a-b", b"a.b", b"a", b"a/z", "é".encode()]

    @works("Sources", "file names with newlines and bytes that are not UTF-8")
    @pytest.mark.parametrize(
        "name",
        [b"new\nline", b"tab\there", b"latin-\xe9", "😀".encode(), b"-rf", b" ", b"d/" * 60 + b"f"],
    )
    def test_takes_any_name_that_git_takes(self, repo: Clone, tmp_path: Path, name: bytes) -> None:
        repo.write(name)
        repo.commit()
        package = packed(repo, tmp_path / "out")
        assert listing(package)[name].size == 2
        record = f"100644 {SHA_OF['x']} ".encode() + name + b"\0"
        assert package.source_digest == digest_with(record, name)

    def test_of_a_subdirectory_has_nothing_else(self, repo: Clone, tmp_path: Path) -> None:
        repo.commit("sub", **{"backend/Dockerfile": "FROM x\n", "backend/a/b": "1"})
        settings = SourceSettings(path="backend")
        package = packed(repo, tmp_path / "out", settings)
        assert sorted(contents(package)) == ["Dockerfile", "a/b"]
        inner = packed(repo.path / "backend", tmp_path / "inner")
        assert inner.source_digest == package.source_digest

    def test_ships_blobs_as_they_are_stored(self, repo: Clone, tmp_path: Path) -> None:
        repo.write(".gitattributes", "*.txt text eol=crlf\nsecret filter=git-crypt\n")
        repo.commit("crlf", **{"a.txt": "a\nb\n"})
        package = packed(repo, tmp_path / "out")
        assert contents(package)["a.txt"] == b"a\nb\n"
        assert [note for note in package.notes if "filter=git-crypt" in note]

    @works("Sources", "export-ignore and export-subst: not applied, and said")
    def test_includes_export_ignored_paths_and_says_so(self, repo: Clone, tmp_path: Path) -> None:
        repo.write("docs/.gitattributes", "# c\n*.md export-ignore\nVERSION export-subst\n")
        repo.commit("docs", **{"docs/a.md": "x"})
        package = packed(repo, tmp_path / "out")
        assert "docs/a.md" in contents(package)
        assert [note for note in package.notes if "export-ignore" in note and "*.md" in note]
        assert [note for note in package.notes if "export-subst" in note]

    def test_a_file_that_is_named_like_a_secret_is_still_told_of(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        repo.write(".gitattributes", "secret.txt export-ignore\n")
        repo.commit("attributes")
        [note] = packed(repo, tmp_path / "out").notes
        assert "secret.txt, which is shipped all the same" in note
        assert Redactor().text(note) == note

    @works("Sources", "empty directories: a commit has none, but for one with a file like .gitkeep")
    def test_has_the_directories_that_the_commit_has(self, repo: Clone, tmp_path: Path) -> None:
        (repo.path / "empty").mkdir()
        repo.write("data/.gitkeep", "")
        repo.commit()
        assert set(listing(packed(repo, tmp_path / "out"))) == {
            b"Dockerfile", b"data", b"data/.gitkeep"
        }  # fmt: skip

    def test_ignores_replaced_objects(self, repo: Clone, tmp_path: Path) -> None:
        before = packed(repo, tmp_path / "a")
        repo.write("blob", "other\n")
        other = repo.git("hash-object", "-w", "blob")
        repo.git("replace", repo.git("rev-parse", "HEAD:Dockerfile"), other)
        (repo.path / "blob").unlink()
        assert packed(repo, tmp_path / "b").source_digest == before.source_digest


def digest_with(record: bytes, name: bytes) -> str:
    """The digest of the fixture's Dockerfile and one more record, as documented."""
    dockerfile = hashlib.sha256(b"FROM scratch\n").hexdigest()
    records = {b"Dockerfile": f"100644 {dockerfile} Dockerfile\0".encode(), name: record}
    joined = b"".join(records[path] for path in sorted(records))
    return f"sha256:{hashlib.sha256(joined).hexdigest()}"


class TestAPartialClone:
    """One that was made without the files' contents; git fetches what is asked for."""

    @pytest.fixture
    def partial(self, repo: Clone, tmp_path: Path) -> Clone:
        repo.git("config", "uploadpack.allowFilter", "true")
        repo.commit("second", a="1")
        repo.commit("third", a="2")
        return repo.clone(tmp_path / "partial", "--filter=blob:none")

    @works("Sources", "a partial clone, while its remote answers")
    def test_is_completed_from_its_remote(
        self, repo: Clone, partial: Clone, tmp_path: Path
    ) -> None:
        expected = packed(repo, tmp_path / "a", revision="HEAD~1").source_digest
        assert packed(partial, tmp_path / "b", revision="HEAD~1").source_digest == expected

    @refuses("Sources", "a partial clone without its remote", 23, "git fetch --refetch")
    def test_without_its_remote(self, partial: Clone, tmp_path: Path, refusal: Case) -> None:
        partial.git("remote", "set-url", "origin", "file:///nowhere")
        with pytest.raises(RefusedError) as caught:
            packed(partial, tmp_path / "out", revision="HEAD~1")
        assert_refuses(caught.value, refusal)


class TestTheSameTree:
    @works("Sources", "a bare clone")
    @works("Sources", "a worktree")
    @works("Sources", "a shallow clone that has the commit")
    def test_is_the_same_bytes_from_every_kind_of_clone(self, repo: Clone, tmp_path: Path) -> None:
        repo.write("bin/run", mode=0o755)
        (repo.path / "link").symlink_to("bin/run")
        repo.commit("more", **{"é/ü": "x"})
        repo.git("worktree", "add", "-q", str(tmp_path / "tree"), "HEAD")
        repo.git("gc", "-q")
        clones = [
            repo.path,
            tmp_path / "tree",
            repo.clone(tmp_path / "bare.git", "--bare").path,
            repo.clone(tmp_path / "shallow", "--depth=1").path,
        ]
        made = [packed(path, tmp_path / f"out{i}") for i, path in enumerate(clones)]
        assert len({package.archive_sha256 for package in made}) == 1
        assert len({package.source_digest for package in made}) == 1

    def test_in_another_commit_has_the_same_digest(self, repo: Clone, tmp_path: Path) -> None:
        before = packed(repo, tmp_path / "a")
        repo.commit("nothing changed")
        after = packed(repo, tmp_path / "b")
        assert after.source_digest == before.source_digest
        assert after.archive_sha256 == before.archive_sha256

    def test_with_one_bit_changed_has_another(self, repo: Clone, tmp_path: Path) -> None:
        before = packed(repo, tmp_path / "a")
        repo.git("update-index", "--chmod=+x", "Dockerfile")
        repo.git("commit", "-q", "-m", "executable")
        assert packed(repo, tmp_path / "b").source_digest != before.source_digest

    def test_does_not_depend_on_umask_locale_or_time_zone(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        repo.commit("more", **{"é/ü": "x"})
        expected = packed(repo, tmp_path / "here")
        program = (
            "import os, sys; os.umask(int(sys.argv[3], 8))\n"
            "from pathlib import Path\n"
            "from deployctl.source import pack, resolve\n"
            "from deployctl.config.settings import SourceSettings\n"
            "commit = resolve(Path(sys.argv[1]), 'HEAD')\n"
            "print(pack(commit, SourceSettings(), Path(sys.argv[2])).archive_sha256)\n"
        )
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "Asia/Tokyo"}
        done = subprocess.run(
            [sys.executable, "-X", "utf8=0", "-c", program, repo.path, tmp_path, "0077"],
            capture_output=True,
            check=True,
            env=environment,
        )
        assert done.stdout.decode().strip() == expected.archive_sha256


class TestARefusal:
    def test_names_the_missing_directory(self, repo: Clone, tmp_path: Path) -> None:
        with pytest.raises(RefusedError, match="no directory `backend`"):
            packed(repo, tmp_path / "out", SourceSettings(path="backend"))
        with pytest.raises(RefusedError, match="no directory `Dockerfile`"):
            packed(repo, tmp_path / "out", SourceSettings(path="Dockerfile"))

    def test_names_the_missing_dockerfile_and_similar_ones(
        self, repo: Clone, tmp_path: Path
    ) -> None:
        with pytest.raises(RefusedError, match=r"`deploy/Dockerfile\.prod`") as caught:
            packed(repo, tmp_path / "out", SourceSettings(dockerfile="deploy/Dockerfile.prod"))
        assert "Dockerfile" in caught.value.detail

    def test_of_an_empty_tree(self, make: Callable[..., Clone], tmp_path: Path) -> None:
        empty = make("empty")
        empty.commit("nothing")
        with pytest.raises(RefusedError, match="no files"):
            packed(empty, tmp_path / "out")

    @refuses(
        "Sources", "a symbolic link that is absolute or leads out of the tree", 23,
        "A symbolic link leads out of the tree that is shipped. Replace such links by files, or by "
        "links that stay inside `source.path`.",
    )  # fmt: skip
    @pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside"])
    def test_of_links_that_lead_out(
        self, repo: Clone, tmp_path: Path, target: str, refusal: Case
    ) -> None:
        (repo.path / "link").symlink_to(target)
        repo.commit("link")
        with pytest.raises(RefusedError) as caught:
            packed(repo, tmp_path / "out")
        assert_refuses(caught.value, refusal)
        assert f"link -> {target}" in caught.value.detail

    def test_of_several_links_counts_them(self, repo: Clone, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (repo.path / name).symlink_to("/etc/passwd")
        repo.commit("links")
        with pytest.raises(RefusedError, match=r"^2 symbolic links lead out"):
            packed(repo, tmp_path / "out")

    def test_of_a_directory_that_cannot_be_written(self, repo: Clone, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(UntouchedError, match="can't be packed"):
            pack(resolve(repo.path, "HEAD"), PLAIN, tmp_path / "file")

    def test_of_a_damaged_clone_leaves_no_archive(self, repo: Clone, tmp_path: Path) -> None:
        blob = repo.git("rev-parse", "HEAD:Dockerfile")
        path = repo.path / ".git/objects" / blob[:2] / blob[2:]
        path.chmod(0o644)
        path.write_bytes(b"damaged")
        commit = resolve(repo.path, "HEAD")
        (tmp_path / "out").mkdir()
        with pytest.raises(RefusedError):
            pack(commit, PLAIN, tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())


class TestADockerfileElsewhere:
    SETTINGS = SourceSettings(path="backend", dockerfile="../docker/api.Dockerfile")

    @pytest.fixture
    def mono(self, repo: Clone) -> Clone:
        """A repository whose build context has no Dockerfile."""
        repo.commit(
            "mono",
            **{
                "backend/app.py": "1",
                "docker/api.Dockerfile": "FROM scratch\n",
                "docker/api.Dockerfile.dockerignore": "*.md\n",
                "docker/other": "x",
            },
        )
        return repo

    def test_is_shipped_beside_the_context(self, mono: Clone, tmp_path: Path) -> None:
        package = packed(mono, tmp_path / "out", self.SETTINGS)
        assert contents(package) == {
            "app.py": b"1",
            f"{OUTSIDE}/api.Dockerfile": b"FROM scratch\n",
            f"{OUTSIDE}/api.Dockerfile.dockerignore": b"*.md\n",
        }
        assert package.dockerfile == f"{OUTSIDE}/api.Dockerfile"
        assert package.outside == OUTSIDE
        text = read_dockerfile(resolve(mono.path, "HEAD"), self.SETTINGS)
        assert text == "FROM scratch\n"

    def test_counts_in_the_digest_and_among_the_changes(self, mono: Clone, tmp_path: Path) -> None:
        before = packed(mono, tmp_path / "a", self.SETTINGS)
        old = mono.git("rev-parse", "HEAD")
        new = mono.commit("docker", **{"docker/api.Dockerfile": "FROM x\n", "docker/other": "y"})
        assert packed(mono, tmp_path / "b", self.SETTINGS).source_digest != before.source_digest
        changes = changed_files(mono.path, old, new, self.SETTINGS)
        assert changes == [("M", "../docker/api.Dockerfile")]

    def test_may_be_in_the_context_after_all(self, mono: Clone, tmp_path: Path) -> None:
        settings = SourceSettings(path="docker", dockerfile="../docker/api.Dockerfile")
        package = packed(mono, tmp_path / "out", settings)
        assert package.dockerfile == "api.Dockerfile"
        assert package.outside == ""
        assert sorted(contents(package)) == [
            "api.Dockerfile",
            "api.Dockerfile.dockerignore",
            "other",
        ]

    @refuses(
        "Sources", "a Dockerfile that is not where the settings say", 23,
        "for a Dockerfile elsewhere in the repository: `dockerfile: ../docker/Dockerfile`",
    )  # fmt: skip
    def test_that_is_missing(self, mono: Clone, tmp_path: Path, refusal: Case) -> None:
        for name in ("Dockerfile", "../docker/Dockerfile"):
            settings = SourceSettings(path="backend", dockerfile=name)
            with pytest.raises(RefusedError, match="no Dockerfile") as caught:
                packed(mono, tmp_path / "out", settings)
            assert_refuses(caught.value, refusal)

    @refuses(
        "Sources", "a Dockerfile outside the repository", 23, "would be outside the repository"
    )
    def test_that_is_outside_the_repository(
        self, mono: Clone, tmp_path: Path, refusal: Case
    ) -> None:
        settings = SourceSettings(path="backend", dockerfile="../../Dockerfile")
        with pytest.raises(RefusedError) as caught:
            packed(mono, tmp_path / "out", settings)
        assert_refuses(caught.value, refusal)

    def test_that_is_a_link(self, mono: Clone, tmp_path: Path) -> None:
        (mono.path / "docker/link").symlink_to("/etc/passwd")
        mono.commit("link")
        settings = SourceSettings(path="backend", dockerfile="../docker/link")
        with pytest.raises(RefusedError, match="no plain file"):
            packed(mono, tmp_path / "out", settings)

    def test_would_not_have_its_place_taken(self, mono: Clone, tmp_path: Path) -> None:
        mono.commit("taken", **{f"backend/{OUTSIDE}/api.Dockerfile": "FROM evil\n"})
        with pytest.raises(RefusedError, match="deployctl's own"):
            packed(mono, tmp_path / "out", self.SETTINGS)


class TestSubmodules:
    @pytest.fixture
    def outer(self, repo: Clone, make: Callable[..., Clone]) -> Clone:
        """A repository with a submodule that has a submodule itself."""
        leaf = make("leaf")
        leaf.commit("leaf", leaf="deep\n")
        inner = make("inner")
        inner.commit("inner", Dockerfile="FROM inner\n")
        inner.git("submodule", "add", "-q", str(leaf.path), "nested")
        inner.commit("with a submodule")
        repo.git("submodule", "add", "-q", str(inner.path), "libs/inner")
        repo.git("submodule", "update", "-q", "--init", "--recursive")
        repo.commit("with a submodule")
        return repo

    @works("Sources", "submodules, nested ones too")
    def test_are_included_from_the_clone(self, outer: Clone, tmp_path: Path) -> None:
        found = contents(packed(outer, tmp_path / "out"))
        assert found["libs/inner/nested/leaf"] == b"deep\n"
        assert found["libs/inner/Dockerfile"] == b"FROM inner\n"

    def test_are_included_without_being_checked_out(self, outer: Clone, tmp_path: Path) -> None:
        expected = packed(outer, tmp_path / "a").source_digest
        outer.git("worktree", "add", "-q", str(tmp_path / "tree"), "HEAD")
        assert packed(tmp_path / "tree", tmp_path / "b").source_digest == expected
        outer.git("submodule", "deinit", "-q", "-f", "--all")
        assert packed(outer, tmp_path / "c").source_digest == expected

    def test_can_hold_the_build_context(self, outer: Clone, tmp_path: Path) -> None:
        package = packed(outer, tmp_path / "out", SourceSettings(path="libs/inner"))
        assert contents(package)["nested/leaf"] == b"deep\n"

    def test_can_be_left_out_which_is_said(self, outer: Clone, tmp_path: Path) -> None:
        package = packed(outer, tmp_path / "out", SourceSettings(submodules=False))
        assert not [name for name in contents(package) if name.startswith("libs/")]
        assert "libs/inner is left out" in package.notes[0]

    def test_of_a_bare_clone_are_wanted_from_a_clone_that_has_them(
        self, outer: Clone, tmp_path: Path
    ) -> None:
        bare = outer.clone(tmp_path / "bare.git", "--bare")
        with pytest.raises(RefusedError, match="submodule libs/inner") as caught:
            packed(bare, tmp_path / "out")
        assert "submodule update" not in caught.value.next_step
        assert "--recurse-submodules" in caught.value.next_step

    @refuses("Sources", "a submodule that is not there", 23, "git submodule update --init")
    def test_that_the_clone_lacks_are_refused(
        self, outer: Clone, tmp_path: Path, refusal: Case
    ) -> None:
        clone = outer.clone(tmp_path / "clone")
        with pytest.raises(RefusedError, match="submodule libs/inner") as caught:
            packed(clone, tmp_path / "out")
        assert_refuses(caught.value, refusal)


class TestGitLfs:
    CONTENT = b"big\0content" * 1000

    @pytest.fixture
    def pointing(self, repo: Clone) -> Clone:
        """A repository with a pointer, whose content the clone does not have."""
        sha256 = hashlib.sha256(self.CONTENT).hexdigest()
        size = len(self.CONTENT)
        repo.write(
            "model.bin",
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n",
        )
        repo.commit("pointer")
        return repo

    def keep(self, repo: Clone, content: bytes, base: str = ".git/lfs") -> None:
        sha256 = hashlib.sha256(self.CONTENT).hexdigest()
        repo.write(f"{base}/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}", content)

    @works("Sources", "Git LFS content that is in the clone")
    def test_content_is_included_if_the_clone_has_it(self, pointing: Clone, tmp_path: Path) -> None:
        self.keep(pointing, self.CONTENT)
        package = packed(pointing, tmp_path / "out")
        assert contents(package)["model.bin"] == self.CONTENT
        assert package.tree_bytes == len(self.CONTENT) + 13

    def test_content_counts_in_the_digest_as_if_it_were_in_git(
        self, pointing: Clone, tmp_path: Path
    ) -> None:
        self.keep(pointing, self.CONTENT)
        through_lfs = packed(pointing, tmp_path / "a")
        pointing.write("model.bin", self.CONTENT)
        pointing.commit("without LFS")
        assert packed(pointing, tmp_path / "b").source_digest == through_lfs.source_digest

    def test_another_storage_is_found(self, pointing: Clone, tmp_path: Path) -> None:
        self.keep(pointing, self.CONTENT, "../store")
        pointing.git("config", "lfs.storage", str(tmp_path / "store"))
        assert "model.bin" in contents(packed(pointing, tmp_path / "out"))

    @refuses("Sources", "Git LFS content that is not there", 23, "git lfs fetch")
    def test_missing_content_is_refused(
        self, pointing: Clone, tmp_path: Path, refusal: Case
    ) -> None:
        with pytest.raises(RefusedError, match="Git LFS") as caught:
            packed(pointing, tmp_path / "out")
        assert caught.value.detail == "model.bin"
        assert_refuses(caught.value, refusal)

    @refuses("Sources", "damaged Git LFS content", 23, "git lfs fsck, then git lfs fetch")
    def test_damaged_content_is_refused(
        self, pointing: Clone, tmp_path: Path, refusal: Case
    ) -> None:
        self.keep(pointing, self.CONTENT[::-1])
        with pytest.raises(RefusedError, match="damaged") as caught:
            packed(pointing, tmp_path / "out")
        assert_refuses(caught.value, refusal)
        assert not list((tmp_path / "out").iterdir())

    def test_is_refused_when_the_settings_say_so(self, pointing: Clone, tmp_path: Path) -> None:
        self.keep(pointing, self.CONTENT)
        with pytest.raises(RefusedError, match="settings refuse"):
            packed(pointing, tmp_path / "out", SourceSettings(lfs="refuse"))


class TestChangedFiles:
    def test_are_told_with_their_status(self, repo: Clone) -> None:
        repo.commit("files", **{"app/a": "1", "app/b": "2", "c": "3"})
        old = repo.git("rev-parse", "HEAD")
        (repo.path / "app/b").unlink()
        new = repo.commit("changes", **{"app/a": "x", "é\n": "new"})
        changes = changed_files(repo.path, old, new, PLAIN)
        assert changes == [("M", "app/a"), ("D", "app/b"), ("A", "é\n")]
        within = changed_files(repo.path, old, new, SourceSettings(path="app"))
        assert within == [("M", "a"), ("D", "b")]

    def test_are_unknown_without_the_old_commit(self, repo: Clone) -> None:
        head = repo.git("rev-parse", "HEAD")
        assert changed_files(repo.path, None, head, PLAIN) is None
        assert changed_files(repo.path, "0" * 40, head, PLAIN) is None


def test_it_is_told_how_far_the_packing_is(repo: Clone, tmp_path: Path) -> None:
    repo.commit("three", **dict.fromkeys("abc", "x" * 700))
    told: list[tuple[int, int]] = []
    pack(resolve(repo.path, "HEAD"), PLAIN, tmp_path, lambda *both: told.append(both))
    assert told[-1] == (2113, 2113)
    assert (713, 2113) in told
    assert told == sorted(told)


def test_two_thousand_files_take_moments(repo: Clone, tmp_path: Path) -> None:
    for number in range(2000):
        repo.write(f"d{number % 40}/f{number}", f"content {number}\n" * 20)
    repo.commit("many")
    started = time.process_time()
    assert packed(repo, tmp_path / "out").files == 2001
    assert time.process_time() - started < 2


@works("Sources", "a tree of gigabytes: memory stays at some 70 MB, git's own included")
def test_memory_does_not_grow_with_the_content(repo: Clone, tmp_path: Path) -> None:
    """One large file that compresses well, then a pack of many bytes that don't."""
    with (repo.path / "large").open("wb") as file:
        file.truncate(96 << 20)
    repo.git("-c", "core.bigFileThreshold=1m", "add", "large")
    repo.git("commit", "-q", "-m", "large")
    for number in range(4):
        repo.write(f"dense{number}", os.urandom(32 << 20))
    repo.git("-c", "core.bigFileThreshold=1m", "-c", "core.compression=0", "add", "-A")
    repo.git("commit", "-q", "-m", "dense")
    assert max(_peaks(repo, "HEAD~1", tmp_path, "pack")) < 80 << 10
    assert max(_peaks(repo, "HEAD", tmp_path, "read")) < 80 << 10


def _peaks(repo: Clone, revision: str, into: Path, what: str) -> tuple[int, int]:
    """KiB that Python had at most, and the largest git, to pack the commit or read its files."""
    program = (
        "import re, resource, sys\n"
        "from pathlib import Path\n"
        "from deployctl.config.settings import SourceSettings\n"
        "from deployctl.source import pack, resolve\n"
        "from deployctl.source.blobs import BlobReader\n"
        "from deployctl.source.git import open_repository\n"
        "commit = resolve(Path(sys.argv[1]), sys.argv[2])\n"
        "if sys.argv[4] == 'pack':\n"
        "    pack(commit, SourceSettings(), Path(sys.argv[3]))\n"
        "else:\n"
        "    repository = open_repository(commit.repository)\n"
        "    with BlobReader(repository) as reader:\n"
        "        for number in range(4):\n"
        "            blob = reader.open(f'{commit.sha}:dense{number}')\n"
        "            while blob.read(1 << 16):\n"
        "                pass\n"
        # not RUSAGE_SELF, whose peak includes that of the process that started this one
        "print(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    words = [sys.executable, "-c", program, repo.path, revision, into, what]
    done = subprocess.run(words, capture_output=True, check=True)
    own, largest = done.stdout.split()
    return int(own), int(largest)
