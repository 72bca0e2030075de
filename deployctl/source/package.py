"""A commit's tree as one archive to ship, and the digest that names its content."""

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deployctl.config.settings import SourceSettings
from deployctl.errors import RefusedError, UntouchedError
from deployctl.source.archive import Archive, Content, HashedFile
from deployctl.source.blobs import BlobReader
from deployctl.source.places import OUTSIDE
from deployctl.source.resolve import Commit
from deployctl.source.tree import Entry, Tree, read_tree

Progress = Callable[[int, int], None]


def _untold(done: int, total: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Package:
    """A tree, packed. `path` is a .tar.gz of `size` bytes with the SHA-256 `archive_sha256`.

    Entries have no leading directory; directories are 0755, files 0644 or 0755.

    `source_digest` is `sha256:` and the SHA-256, in hex, over one record a file, sorted by the
    bytes of the path: mode, space, SHA-256 of the content in hex, space, path, NUL. The mode is
    100644, 100755 or 120000; a link's content is its target; paths are relative to the build
    context; files of submodules and the content of LFS files count like any other.

    `dockerfile` is the Dockerfile's path in the archive. One from outside the build context, and
    the .dockerignore of its name, are in the directory `OUTSIDE` there, which `outside` names then;
    it is not part of the context, but counts in the digest.

    `notes` are sentences for people: what was left out, or is not as `git archive` would have it.
    """

    path: Path
    size: int
    archive_sha256: str
    source_digest: str
    files: int
    tree_bytes: int
    dockerfile: str
    notes: tuple[str, ...]

    @property
    def outside(self) -> str:
        return OUTSIDE if self.dockerfile.startswith(f"{OUTSIDE}/") else ""


def pack(
    commit: Commit, settings: SourceSettings, into: Path, progress: Progress = _untold
) -> Package:
    """Writes the archive of the commit's tree into the directory `into`; memory stays small.

    `progress` hears often how many bytes of the tree are packed, of how many.

    Raises `RefusedError` for what can't be shipped (see `read_tree`), `UntouchedError` when the
    archive can't be written.
    """
    tree = read_tree(commit, settings)
    try:
        with _new_file(into, f"{commit.sha}.tar.gz") as (file, path):
            output = HashedFile(file)
            digest = _write(tree, output, progress)
    except OSError as error:
        raise UntouchedError(
            f"The source of {commit.short} can't be packed into {into}: {error.strerror}.",
            next_step=f"Make room or correct the permissions: df -h {into}",
        ) from None
    return Package(
        path=path,
        size=output.size,
        archive_sha256=output.sha256.hexdigest(),
        source_digest=digest,
        files=len(tree.entries),
        tree_bytes=sum(entry.size for entry in tree.entries),
        dockerfile=tree.dockerfile,
        notes=tree.notes,
    )


def _write(tree: Tree, output: HashedFile, progress: Progress) -> str:
    digest = hashlib.sha256()
    archive = Archive(output)
    meter = _Meter(progress, sum(entry.size for entry in tree.entries))
    with ExitStack() as stack:
        readers = [stack.enter_context(BlobReader(source)) for source in tree.repositories]
        for entry in tree.entries:
            with _content(entry, readers) as content:
                sha256 = archive.add(entry, meter.through(content))
            if entry.sha256 and entry.sha256 != sha256:
                raise RefusedError(
                    f"The Git LFS content of {entry.path.decode(errors='backslashreplace')} in "
                    "this clone is damaged.",
                    next_step="git lfs fsck, then git lfs fetch",
                )
            digest.update(f"{entry.mode} {sha256} ".encode() + entry.path + b"\0")
        archive.close()
    return f"sha256:{digest.hexdigest()}"


class _Meter:
    """Content on its way; tells of every piece."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._content: Content = io.BytesIO()

    def through(self, content: Content) -> "_Meter":
        self._content = content
        return self

    def read(self, count: int = -1, /) -> bytes:
        data = self._content.read(count)
        self._done += len(data)
        self._progress(self._done, self._total)
        return data


@contextmanager
def _content(entry: Entry, readers: list[BlobReader]) -> Iterator[Content]:
    if entry.content is not None:
        with entry.content.open("rb") as file:
            yield file
    elif entry.target:
        yield io.BytesIO(entry.target)
    else:
        yield readers[entry.source].open(entry.oid)


@contextmanager
def _new_file(directory: Path, name: str) -> Iterator[tuple[IO[bytes], Path]]:
    """A file that has its name only once it is complete, and leaves nothing if it never is."""
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    path = directory / name
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, path
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
