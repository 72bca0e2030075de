"""The content of a commit's Dockerfile, for reading."""

from deployctl.config.settings import SourceSettings
from deployctl.source.git import GitError, open_repository
from deployctl.source.places import context_path, dockerfile_path
from deployctl.source.resolve import Commit


def read_dockerfile(commit: Commit, settings: SourceSettings) -> str:
    """Its text; empty where the commit itself has none (a submodule may)."""
    repository = open_repository(commit.repository)
    place = dockerfile_path(context_path(repository.prefix, settings), settings)
    try:
        data = repository.run("cat-file", "blob", f"{commit.sha}:{place}")
    except GitError:
        return ""
    return data.decode("utf-8", "replace")
