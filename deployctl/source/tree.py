"""The files of a commit, as a list: submodules entered, LFS pointers resolved, nothing read twice.

What can't be shipped faithfully is refused here, so a plan finds it as early as a rollout.
"""

from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from deployctl.config.settings import SourceSettings
from deployctl.errors import RefusedError
from deployctl.source import lfs
from deployctl.source.attributes import unhonoured
from deployctl.source.blobs import BlobReader
from deployctl.source.git import GitError, Repository, open_repository
from deployctl.source.links import leaves_tree
from deployctl.source.places import OUTSIDE, archived_dockerfile, context_path, dockerfile_path
from deployctl.source.resolve import Commit
from deployctl.source.submodules import submodule

FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
LONGEST_LINK = 4096
LARGEST_ATTRIBUTES = 1 << 20
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or symbolic link.

    `path` is relative to the build context, `mode` is git's (100644, 100755 or 120000), `size`
    counts the bytes that are shipped. `source` is the repository that has object `oid`, or, for
    LFS content, `content` is the file that has it and `sha256` what it must be.
    """

    path: bytes
    mode: str
    oid: str
    size: int
    source: int
    target: bytes = b""
    content: Path | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Tree:
    """All entries, sorted by the bytes of their paths, and the repositories they come from.

    `dockerfile` is the path of the Dockerfile's entry.
    """

    entries: tuple[Entry, ...]
    repositories: tuple[Repository, ...]
    notes: tuple[str, ...]
    dockerfile: str


def read_tree(commit: Commit, settings: SourceSettings) -> Tree:
    """The tree of the commit's build context, and its Dockerfile if that is elsewhere.

    Raises `RefusedError` for a directory or Dockerfile that the commit lacks, an empty tree,
    missing submodules or LFS content, and links that lead out of the tree.
    """
    repository = open_repository(commit.repository)
    context = context_path(repository.prefix, settings)
    dockerfile = dockerfile_path(context, settings)
    archived = archived_dockerfile(context, dockerfile)
    with ExitStack() as stack:
        walk = _Walk(settings, stack)
        try:
            walk.enter(_Place(repository, commit.sha, context))
            _require_room(walk.entries)
            if archived.startswith(f"{OUTSIDE}/"):
                walk.add_dockerfile(_Place(repository, commit.sha, ""), dockerfile)
        except GitError as error:
            raise RefusedError(
                f"git can't list the files of {commit.short}.",
                detail=error.message,
                next_step="git fsck, and if it reports missing objects: git fetch --refetch",
            ) from None
    entries = sorted(walk.entries, key=lambda entry: entry.path)
    where = f"`{settings.path}` in {commit.short}"
    if not entries:
        raise RefusedError(
            f"{where} has no files.", next_step="Correct `source.path` in deployctl.yml."
        )
    _require_distinct(entries)
    _require_dockerfile(entries, archived, settings.dockerfile, where)
    _require_inner_links(entries)
    walk.require_content(commit)
    return Tree(tuple(entries), tuple(walk.repositories), tuple(walk.notes), archived)


@dataclass(frozen=True)
class _Place:
    """Where the walk is: the directory `path` of a repository's commit.

    Its files stand below `prefix` of the build context.
    """

    repository: Repository
    commit: str
    path: str
    prefix: bytes = b""

    def repository_path(self, name: bytes) -> str:
        inside = name.decode(errors="surrogateescape")
        return f"{self.path}/{inside}" if self.path else inside


class _Walk:
    """One pass over the trees; the readers stay open in `stack` as long as it lasts."""

    def __init__(self, settings: SourceSettings, stack: ExitStack) -> None:
        self.settings = settings
        self.stack = stack
        self.entries: list[Entry] = []
        self.repositories: list[Repository] = []
        self.notes: list[str] = []
        self.lacking: list[str] = []
        self.pointers: list[str] = []

    def enter(self, place: _Place) -> None:
        tree = _tree_at(place)
        if tree is None:
            self._enter_through_submodule(place)
            return
        reader = self.stack.enter_context(BlobReader(place.repository))
        store = lfs.store_of(place.repository)
        source = len(self.repositories)
        self.repositories.append(place.repository)
        words = ("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
        with closing(place.repository.records(*words)) as listing:
            for record in listing:
                head, _, name = record.partition(b"\t")
                mode, _, oid, size = head.decode().split()
                _require_plain_name(name)
                if mode == SUBMODULE:
                    self._enter_submodule(place, name, oid)
                    continue
                if not size.isdecimal():
                    raise GitError(f"{_shown(name)}: object {oid} is missing or damaged")
                entry = Entry(place.prefix + name, mode, oid, int(size), source)
                self.entries.append(self._complete(entry, reader, store))

    def add_dockerfile(self, place: _Place, path: str) -> None:
        """A Dockerfile that is not in the build context, and the .dockerignore of its name."""
        if path.startswith("../"):
            raise RefusedError(
                f"The Dockerfile `{self.settings.dockerfile}` would be outside the repository.",
                next_step="Correct `source.dockerfile` or `source.path` in deployctl.yml.",
            )
        words = ("ls-tree", "-z", "-l", "--full-tree", place.commit, "--", path)
        listed = place.repository.run(*words, f"{path}.dockerignore")
        for record in listed.split(b"\0")[:-1]:
            head, _, name = record.partition(b"\t")
            mode, kind, oid, size = head.decode().split()
            if kind != "blob" or mode == LINK:
                raise RefusedError(
                    f"{_shown(name)} is no plain file, so it can't be shipped as the Dockerfile.",
                    next_step="Name the file itself by `source.dockerfile` in deployctl.yml.",
                )
            inside = OUTSIDE.encode() + b"/" + name.rpartition(b"/")[2]
            source = len(self.repositories)
            self.entries.append(Entry(inside, FILE, oid, int(size), source))
        self.repositories.append(place.repository)

    def require_content(self, commit: Commit) -> None:
        if self.settings.lfs == "refuse" and self.pointers:
            raise RefusedError(
                f"Git LFS keeps {len(self.pointers)} of the files, which the settings refuse.",
                detail=_some(self.pointers),
                next_step="Set `source.lfs: include`, or take them out of Git LFS.",
            )
        if self.lacking:
            raise RefusedError(
                f"The Git LFS content of {len(self.lacking)} files is not in this clone.",
                detail=_some(self.lacking),
                next_step=f"git lfs fetch origin {commit.sha} (in CI: check out with LFS enabled), "
                "then run this again.",
            )

    def _complete(self, entry: Entry, reader: BlobReader, store: Path) -> Entry:
        """The entry with all that only its content can tell."""
        if entry.mode == LINK:
            target = reader.read(entry.oid) if entry.size <= LONGEST_LINK else b""
            if not target or b"\0" in target:
                raise RefusedError(
                    f"The symbolic link {_shown(entry.path)} has no usable target.",
                    next_step="Replace it by a file, or by a link with a target.",
                )
            return replace(entry, target=target)
        # Old repositories know more modes for files; only the executable bit means something.
        mode = EXECUTABLE if int(entry.mode, 8) & 0o100 else FILE
        if entry.path.rpartition(b"/")[2] == b".gitattributes" and entry.size < LARGEST_ATTRIBUTES:
            self.notes += unhonoured(entry.path, reader.read(entry.oid))
        pointer = lfs.parse_pointer(reader.read(entry.oid)) if entry.size in lfs.SIZES else None
        if pointer is None:
            return entry if mode == entry.mode else replace(entry, mode=mode)
        content = lfs.content_of(store, pointer)
        self.pointers.append(_shown(entry.path))
        if content is None:
            self.lacking.append(_shown(entry.path))
        return replace(entry, mode=mode, size=pointer.size, content=content, sha256=pointer.sha256)

    def _enter_submodule(self, place: _Place, name: bytes, oid: str) -> None:
        path = place.prefix + name
        if not self.settings.submodules:
            self.notes.append(
                f"The submodule {_shown(path)} is left out (`source.submodules: false`)."
            )
            return
        inner = submodule(place.repository, place.commit, place.repository_path(name), oid)
        self.enter(_Place(inner, oid, "", path + b"/"))

    def _enter_through_submodule(self, place: _Place) -> None:
        """The build context may be a submodule, or lie in one."""
        parts = place.path.split("/")
        for count in range(1, len(parts) + 1):
            outer = "/".join(parts[:count])
            words = ("ls-tree", "-z", "--full-tree", place.commit, "--", outer)
            listed = place.repository.run(*words)
            if listed.startswith(SUBMODULE.encode()):
                oid = listed.split()[2].decode()
                inner = submodule(place.repository, place.commit, outer, oid)
                self.enter(_Place(inner, oid, "/".join(parts[count:]), place.prefix))
                return
        raise RefusedError(
            f"The commit {place.commit[:12]} has no directory `{place.path}`.",
            next_step="Correct `source.path` in deployctl.yml, or name a commit that has it.",
        )


def _tree_at(place: _Place) -> str | None:
    """The ID of the place's tree, `None` when its path is no directory."""
    run = place.repository.run
    try:
        found = run("rev-parse", "--verify", f"{place.commit}:{place.path}").decode().strip()
        kind = run("cat-file", "-t", found).decode().strip()
    except GitError:
        return None
    return found if kind == "tree" else None


def _require_plain_name(name: bytes) -> None:
    """git itself never writes such names; a crafted tree could, to write outside the context."""
    if any(part in (b"", b".", b"..") or part.lower() == b".git" for part in name.split(b"/")):
        raise RefusedError(
            f"The tree has an entry with the unsafe name {_shown(name)}.",
            next_step="git fsck, then rewrite the commit that made it.",
        )


def _require_distinct(entries: list[Entry]) -> None:
    """git itself never writes them either: two entries of one name, or a file that is a directory.

    Unpacking one through the other could lead out of the context.
    """
    directories: set[bytes] = set()
    for entry in entries:
        parent = entry.path.rpartition(b"/")[0]
        while parent and parent not in directories:
            directories.add(parent)
            parent = parent.rpartition(b"/")[0]
    seen: set[bytes] = set()
    for entry in entries:
        if entry.path in directories or entry.path in seen:
            raise RefusedError(
                f"The tree has more than one entry for {_shown(entry.path)}.",
                next_step="git fsck, then rewrite the commit that made it.",
            )
        seen.add(entry.path)


def _require_room(entries: list[Entry]) -> None:
    if any(entry.path.split(b"/")[0] == OUTSIDE.encode() for entry in entries):
        raise RefusedError(
            f"The name {OUTSIDE} in the build context is deployctl's own.",
            next_step="Rename it.",
        )


def _require_dockerfile(entries: list[Entry], archived: str, named: str, where: str) -> None:
    if any(entry.path == archived.encode(errors="surrogateescape") for entry in entries):
        return
    similar = [_shown(entry.path) for entry in entries if b"dockerfile" in entry.path.lower()]
    raise RefusedError(
        f"There is no Dockerfile `{named}`, seen from {where}.",
        detail=f"Similar names there:\n{_some(similar)}" if similar else "",
        next_step="Correct `source.dockerfile` or `source.path` in deployctl.yml; for a Dockerfile "
        "elsewhere in the repository: `dockerfile: ../docker/Dockerfile`",
    )


def _require_inner_links(entries: list[Entry]) -> None:
    links = {entry.path: entry.target for entry in entries if entry.mode == LINK}
    outside = [path for path in links if leaves_tree(path, links)]
    if outside:
        count = len(outside)
        lead = "A symbolic link leads" if count == 1 else f"{count} symbolic links lead"
        raise RefusedError(
            f"{lead} out of the tree that is shipped.",
            detail=_some([f"{_shown(path)} -> {_shown(links[path])}" for path in outside]),
            next_step="Replace such links by files, or by links that stay inside `source.path`.",
        )


def _shown(path: bytes) -> str:
    text = path.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return "\n".join([*names[:SHOWN], f"… and {more} more"] if more > 0 else names)
