"""The content of single files of a commit, for reading."""

import posixpath

from deployctl.config.settings import SourceSettings
from deployctl.source.git import GitError, Repository, open_repository
from deployctl.source.places import context_path, dockerfile_path
from deployctl.source.resolve import Commit


def read_dockerfile(commit: Commit, settings: SourceSettings) -> str:
    """Its text; empty where the commit itself has none (a submodule may)."""
    repository = open_repository(commit.repository)
    place = dockerfile_path(context_path(repository.prefix, settings), settings)
    return _text(repository, commit, place)


def read_file(commit: Commit, settings: SourceSettings, path: str) -> str:
    """Text of `path`, which counts from the build context; empty where there is no such file."""
    repository = open_repository(commit.repository)
    place = posixpath.normpath(posixpath.join(context_path(repository.prefix, settings), path))
    return _text(repository, commit, place)


def _text(repository: Repository, commit: Commit, place: str) -> str:
    try:
        data = repository.run("cat-file", "blob", f"{commit.sha}:{place}")
    except GitError:
        return ""
    return data.decode("utf-8", "replace")
