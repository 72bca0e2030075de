"""Where the commits of submodules are on this machine."""

from collections.abc import Iterator
from pathlib import Path

from deployctl.errors import RefusedError
from deployctl.source.git import GitError, Repository, open_repository


def submodule(repository: Repository, commit: str, path: str, oid: str) -> Repository:
    """The repository that holds commit `oid` of the submodule at `path`.

    Raises `RefusedError` when this clone has no such repository, or it lacks the commit.
    """
    for candidate in _candidates(repository, commit, path):
        try:
            candidate.run("cat-file", "-e", f"{oid}^{{commit}}")
        except GitError:
            continue
        return candidate
    get = (
        "git submodule update --init --recursive, at that commit"
        if repository.work_tree
        else "Set `repository:` to a clone made by git clone --recurse-submodules: a bare one has "
        "no place for submodules"
    )
    raise RefusedError(
        f"The commit {oid[:12]} of the submodule {path} is not in this clone of "
        f"{repository.label}.",
        next_step=f"{get}; or `source.submodules: false` to ship without submodules.",
    )


def _candidates(repository: Repository, commit: str, path: str) -> Iterator[Repository]:
    label = f"{repository.label}/{path}"
    for name in _names(repository, commit, path):
        # In a linked worktree, submodules live below that worktree's own git directory.
        for base in dict.fromkeys((repository.git_dir, repository.common_dir)):
            git_dir = base / "modules" / name
            if (git_dir / "HEAD").is_file():
                yield Repository(label, git_dir, git_dir, None)
    checkout = repository.work_tree / path if repository.work_tree else None
    # Without a `.git` of its own, git would find the outer repository there.
    if checkout is not None and (checkout / ".git").exists():
        yield open_repository(checkout)


def _names(repository: Repository, commit: str, path: str) -> list[str]:
    """The submodule's names in the commit's .gitmodules; a moved one keeps its first name."""
    try:
        listed = repository.run(
            "config", f"--blob={commit}:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
        )
    except GitError:
        return []
    names = []
    for record in listed.decode(errors="surrogateescape").split("\0"):
        key, _, value = record.partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        # git refuses `..` in a name for the same reason: it would lead out of `modules`.
        if value == path and ".." not in Path(name).parts and not Path(name).is_absolute():
            names.append(name)
    return names
