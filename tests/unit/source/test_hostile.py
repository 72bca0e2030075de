"""Repositories that somebody has prepared: their words stay words, their paths stay inside."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployctl.config.settings import SourceSettings
from deployctl.errors import RefusedError
from deployctl.source import Package, changed_files, pack, resolve
from deployctl.ui.text import clean
from tests.cases import Case, refuses, works
from tests.unit.source.conftest import Clone, assert_refuses

SHOUT = "\x1b]0;owned\x07\x1b[2J::error::no\r<img src=x onerror=1> `$(touch owned)` | @all\x9b1m"
"""what a terminal, a CI runner, Markdown and a shell would each obey"""


def packed(repo: Clone, into: Path, revision: str = "HEAD") -> Package:
    into.mkdir(exist_ok=True)
    return pack(resolve(repo.path, revision), SourceSettings(), into)


def tree_of(repo: Clone, *entries: bytes) -> str:
    """A tree of entries as they are, which git itself would not write."""
    words = ("hash-object", "-t", "tree", "-w", "--stdin", "--literally")
    return repo.git(*words, stdin=b"".join(entries))


def commit_of(repo: Clone, tree: str, head: bytes = b"", message: bytes = b"crafted\n") -> str:
    head = head or b"author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n"
    data = b"tree " + tree.encode() + b"\n" + head + b"\n" + message
    return repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=data)


def blob_of(repo: Clone, content: bytes = b"x") -> bytes:
    return bytes.fromhex(repo.git("hash-object", "-w", "--stdin", stdin=content))


@refuses("Sources", "a crafted tree with an entry that leads outside", 23, "with the unsafe name")
@pytest.mark.parametrize(
    "name",
    [
        b"..",
        b".",
        b"/etc/passwd",
        b"a/../../b",
        b"a//b",
        b"../b",
        b".git",
        b".GIT",
        b"a/.git/hooks",
    ],
)
def test_a_name_that_leads_outside_is_refused(
    name: bytes, repo: Clone, tmp_path: Path, refusal: Case
) -> None:
    tree = tree_of(repo, b"100644 " + name + b"\0" + blob_of(repo))
    with pytest.raises(RefusedError) as caught:
        packed(repo, tmp_path / "out", commit_of(repo, tree))
    assert_refuses(caught.value, refusal)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", [b"..", b".git"])
def test_a_directory_of_such_a_name_as_well(name: bytes, repo: Clone, tmp_path: Path) -> None:
    inner = bytes.fromhex(tree_of(repo, b"100644 file\0" + blob_of(repo)))
    outer = tree_of(repo, b"40000 " + name + b"\0" + inner)
    with pytest.raises(RefusedError, match="unsafe name"):
        packed(repo, tmp_path / "out", commit_of(repo, outer))


@pytest.mark.parametrize(
    "head",
    [
        b"author A <a@b> never +0000\ncommitter A <a@b> never +0000\n",
        b"author A <a@b> 99999999999999 +0000\ncommitter A <a@b> 99999999999999 +9999\n",
        b"author\ncommitter\n",
        b"author \xff\x1b[31m\x00 <> 1 +0000\ncommitter x 1 +0000\n",
        b"nothing here\n",
    ],
)
def test_whatever_stands_for_author_and_date(head: bytes, repo: Clone, tmp_path: Path) -> None:
    sha = commit_of(repo, repo.git("rev-parse", "HEAD^{tree}"), head)
    assert packed(repo, tmp_path / "out", sha).files == 1


@works("Hostile input", "a commit's subject, branch and file names with escape codes or commands")
def test_words_of_a_commit_are_only_words(
    repo: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = repo.git("rev-parse", "HEAD")
    name = SHOUT.replace("\r", "\n") + ";touch owned"
    repo.write(name.replace("/", "-"))
    repo.git("add", "-A")
    sha = commit_of(repo, repo.git("write-tree"), message=SHOUT.encode())
    branch = "$(touch${IFS}owned);`touch${IFS}owned`'\"<b>"
    repo.git("update-ref", f"refs/heads/{branch}", sha)
    commit = resolve(repo.path, branch)
    assert commit.sha == sha
    changed = changed_files(repo.path, before, sha, SourceSettings())
    assert changed is not None
    for words in (commit.subject, changed[0][1]):
        shown = clean(words)
        assert shown.isprintable()
        assert "touch owned" in shown
    assert packed(repo, tmp_path / "out", branch).files == 2
    assert not list(Path().rglob("owned"))
    assert not list(repo.path.rglob("owned"))


@pytest.mark.parametrize("line", ["\x1b]0;x\x07", "a\x00b", "a\nb", "--upload-pack=touch owned"])
def test_what_no_revision_can_be_is_refused_without_asking_git(line: str, repo: Clone) -> None:
    with pytest.raises(RefusedError, match="is not a revision"):
        resolve(repo.path, line)


@pytest.mark.parametrize(
    "name",
    ["$(touch owned)", "a;touch owned;b", "`touch owned`", "a\nb", "\x1b[2J", "-rf", "'\"|&<>*?"],
)
def test_a_repositorys_name_is_only_a_name(
    name: str, make: Callable[..., Clone], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    repo = make(f"{name}/repo")
    repo.commit("first", Dockerfile="FROM scratch\n")
    assert packed(repo, tmp_path / "out").files == 1
    with pytest.raises(RefusedError) as caught:
        resolve(repo.path, "nothing-there")
    assert clean(caught.value.what).isprintable()
    assert not list(tmp_path.rglob("owned"))
