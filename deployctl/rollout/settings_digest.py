"""Which settings a plan was made with: a digest for each section, so that a change has a name.

How a machine reaches the host, and where its files lie, is left out: a plan may be made on one
machine and carried out on another. Pure.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deployctl.config.settings import Settings
from deployctl.evidence.canonical import canonical_json, digest

_OF_THE_HOST: Final = ("docker", "docker_host", "docker_context", "state_dir", "operators_group")
_ELSEWHERE: Final = frozenset({"host", "repository", "target"})


def section_digests(settings: Settings) -> dict[str, str]:
    """`{"gates": "sha256:…", …}`, by the names that the sections have in the file."""
    values = {
        name: value for name, value in settings.model_dump().items() if name not in _ELSEWHERE
    }
    values["host"] = {name: getattr(settings.host, name) for name in _OF_THE_HOST}
    return {name: digest(canonical_json(_plain(value))) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """As JSON, without the paths of this machine."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if not isinstance(item, Path)}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
