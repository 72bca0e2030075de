"""What changed between two commits, for a plan."""

from pathlib import Path

from deployctl.config.settings import SourceSettings
from deployctl.source.git import GitError, open_repository
from deployctl.source.tree import context_path


def changed_files(
    repository: Path, old: str | None, new: str, settings: SourceSettings
) -> list[tuple[str, str]] | None:
    """Status (`A`, `M`, `D` or `T`) and path of every file that differs in the build context.

    Paths are relative to the context; bytes that are not UTF-8 are shown as `\\xNN`. A submodule
    that moved is one entry. `None` when this clone lacks one of the commits, so nothing can be
    said.
    """
    if not old:
        return None
    repo = open_repository(repository)
    context = context_path(repo, settings)
    where = ["--", context] if context else []
    words = ("diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--name-status")
    try:
        repo.run("cat-file", "-e", f"{old}^{{commit}}")
        listed = repo.run(*words, f"{old}^{{commit}}", f"{new}^{{commit}}", *where)
    except GitError:
        return None
    fields = listed.split(b"\0")[:-1]
    start = len(context.encode(errors="surrogateescape")) + 1 if context else 0
    return [
        (status.decode(), path[start:].decode(errors="backslashreplace") or ".")
        for status, path in zip(fields[::2], fields[1::2], strict=True)
    ]
