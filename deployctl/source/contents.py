"""The content of one small file of a commit, for reading (a Dockerfile)."""

from deployctl.config.settings import SourceSettings
from deployctl.source.git import GitError, open_repository
from deployctl.source.resolve import Commit
from deployctl.source.tree import context_path


def read_file(commit: Commit, settings: SourceSettings, path: str) -> str:
    """Text of `path`, which counts from the build context; empty where there is no such file."""
    repository = open_repository(commit.repository)
    context = context_path(repository, settings)
    place = f"{context}/{path}" if context else path
    try:
        data = repository.run("cat-file", "blob", f"{commit.sha}:{place}")
    except GitError:
        return ""
    return data.decode("utf-8", "replace")
