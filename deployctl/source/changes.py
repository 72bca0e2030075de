"""What changed between two commits, for a plan."""

from pathlib import Path

from deployctl.config.settings import SourceSettings
from deployctl.source.git import GitError, open_repository
from deployctl.source.places import context_path, dockerfile_path, seen_from


def changed_files(
    repository: Path, old: str | None, new: str, settings: SourceSettings
) -> list[tuple[str, str]] | None:
    """Status (`A`, `M`, `D` or `T`) and path of every file that differs in the build context.

    The Dockerfile counts as well where it is outside.

    Paths are relative to the context; bytes that are not UTF-8 are shown as `\\xNN`. A submodule
    that moved is one entry. `None` when this clone lacks one of the commits, so nothing can be
    said.
    """
    if not old:
        return None
    repo = open_repository(repository)
    context = context_path(repo.prefix, settings)
    where = ["--", context, dockerfile_path(context, settings)] if context else []
    words = ("diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--name-status")
    try:
        repo.run("cat-file", "-e", f"{old}^{{commit}}")
        listed = repo.run(*words, f"{old}^{{commit}}", f"{new}^{{commit}}", *where)
    except GitError:
        return None
    fields = listed.split(b"\0")[:-1]
    return [
        (status.decode(), seen_from(context, path.decode(errors="backslashreplace")))
        for status, path in zip(fields[::2], fields[1::2], strict=True)
    ]
