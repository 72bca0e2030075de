"""Where the build context and its Dockerfile are in the repository: pure.

Paths are from the repository's root, with slashes, without `.`; the root itself is empty. One that
begins with `..` leads out of the repository.
"""

import posixpath

from deployctl.config.settings import SourceSettings

OUTSIDE = ".deployctl-dockerfile"
"""The directory of the archive that holds a Dockerfile from outside the build context."""


def context_path(prefix: str, settings: SourceSettings) -> str:
    """`source.path` counts from the directory `prefix`, which `repository:` names."""
    return _normal(posixpath.join(prefix, settings.path))


def dockerfile_path(context: str, settings: SourceSettings) -> str:
    """`source.dockerfile` counts from the build context."""
    return _normal(posixpath.join(context, settings.dockerfile))


def seen_from(context: str, path: str) -> str:
    """The path from the build context; what is outside begins with `../`."""
    return posixpath.relpath(f"/{path}", f"/{context}")


def archived_dockerfile(context: str, dockerfile: str) -> str:
    """The Dockerfile's path in the archive, whose root is the build context."""
    seen = seen_from(context, dockerfile)
    return f"{OUTSIDE}/{posixpath.basename(seen)}" if seen.startswith("../") else seen


def _normal(path: str) -> str:
    normal = posixpath.normpath(path)
    return "" if normal == "." else normal
