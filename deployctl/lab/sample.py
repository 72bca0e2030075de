"""The git repository of the sample application: the same commits, and hashes, everywhere."""

import os
from collections.abc import Iterator
from pathlib import Path

from deployctl.lab.changes import CHANGES, FIRST_RELEASE, HOTFIX, MAIN, Change, Edit
from deployctl.lab.docker import run

SOURCES = Path(__file__).resolve().parent / "sample-app"
_PERSON = "Techno OS <dev@techno-os.example>"
_EPOCH = 1767423600  # 2026-01-03T07:00:00Z, the morning of the report
_FIRST_MESSAGE = "First release: orders in Postgres\n"

Tree = dict[str, bytes]


def first_tree() -> Tree:
    """The files of the first release."""
    files = sorted(p for p in SOURCES.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(SOURCES).as_posix(): p.read_bytes() for p in files}


def apply(tree: Tree, edits: tuple[Edit, ...]) -> Tree:
    """The tree after the edits; one that doesn't fit exactly once is a mistake in this package."""
    edited = dict(tree)
    for edit in edits:
        text = edited[edit.path].decode()
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.path}: {edit.old!r} stands there {text.count(edit.old)} times")
        edited[edit.path] = text.replace(edit.old, edit.new).encode()
    return edited


def trees() -> dict[str, Tree]:
    """The files at the head of each branch."""
    found = {MAIN: first_tree()}
    for change in CHANGES:
        found[change.branch] = apply(found[change.parent], change.edits)
    return found


def create(folder: Path) -> None:
    """Make the repository, with the hotfix's branch checked out."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", f"--initial-branch={MAIN}")
    _git(folder, "fast-import", "--quiet", stdin=b"".join(stream()))
    _git(folder, "checkout", "--quiet", HOTFIX)


def revision(folder: Path, name: str) -> str:
    """The full hash of the commit that a branch, tag or short hash names."""
    return _git(folder, "rev-parse", "--verify", f"{name}^{{commit}}").strip()


def archive(folder: Path, name: str) -> bytes:
    """The files of a commit, as a tar archive."""
    target = folder.parent / f"{folder.name}.tar"
    try:
        # modes as git has them, not widened for a group: they decide whether a layer is cached
        umask = ("-c", "tar.umask=0022")
        _git(folder, *umask, "archive", "--format=tar", f"--output={target}", name)
        return target.read_bytes()
    finally:
        target.unlink(missing_ok=True)


def stream() -> Iterator[bytes]:
    """The whole history in the language of `git fast-import`."""
    at = trees()
    yield _commit(MAIN, None, _FIRST_MESSAGE, at[MAIN], _EPOCH)
    yield f"tag {FIRST_RELEASE}\nfrom refs/heads/{MAIN}\n".encode()
    yield f"tagger {_PERSON} {_EPOCH} +0000\n".encode() + _data(b"First release\n")
    for change in CHANGES:
        yield _commit(
            change.branch, change.parent, change.message, at[change.branch], _when(change)
        )


def _when(change: Change) -> int:
    """A commit each minute after the hotfix; the hotfix at 07:20."""
    return _EPOCH + 1200 + 60 * CHANGES.index(change)


def _commit(branch: str, parent: str | None, message: str, tree: Tree, when: int) -> bytes:
    lines = [
        f"commit refs/heads/{branch}\n".encode(),
        f"author {_PERSON} {when} +0000\n".encode(),
        f"committer {_PERSON} {when} +0000\n".encode(),
        _data(message.encode()),
        f"from refs/heads/{parent}\n".encode() if parent else b"",
        b"deleteall\n",
    ]
    for path, content in sorted(tree.items()):
        lines += [f"M 100644 inline {path}\n".encode(), _data(content)]
    return b"".join([*lines, b"\n"])


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"


def _git(folder: Path, *words: str, stdin: bytes | None = None) -> str:
    """Run git with no settings but the repository's own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    clean |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return run(
        ["git", "-C", str(folder), *words],
        doing=f"git {words[0]} of the sample repository",
        timeout=60, stdin=stdin, environment=clean,
    )  # fmt: skip
