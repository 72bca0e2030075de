"""Secrets that this machine holds for the build and for steps: read late, kept in memory only."""

import os

from deployctl.config.settings import SecretSource, SourceSettings
from deployctl.errors import ConfigError

LARGEST_BYTES = 500 * 1024
"""BuildKit takes no larger secret."""


def build_secrets(settings: SourceSettings) -> dict[str, str]:
    """Secret ID -> value, any bytes in it by surrogateescape.

    Raises ConfigError when one can't be read or sent: it would hold a NUL, or is too large.
    """
    values = {name: _read(name, source) for name, source in settings.secrets.items()}
    if sum(map(_size, values.values())) > LARGEST_BYTES:
        raise ConfigError(
            f"The build secrets have more than {LARGEST_BYTES // 1024} KiB.",
            next_step="Put what is not secret into the repository.",
        )
    return values


def _read(name: str, source: SecretSource) -> str:
    if source.env:
        value = os.environ.get(source.env)
        if value is None:
            raise ConfigError(
                f"The build secret {name} should come from {source.env}, which is not set.",
                next_step=f"export {source.env}=…, then run the command again.",
            )
        return value
    assert source.file is not None  # noqa: S101  (exactly one of both is set)
    path = source.file.expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"The build secret {name} can't be read from {path}: {error.strerror}.",
            next_step="Correct source.secrets in deployctl.yml.",
        ) from error
    if b"\0" in data:
        raise ConfigError(
            f"The build secret {name} in {path} has a NUL byte, which can't be sent.",
            next_step=f"base64 {path} > {path}.base64, name that file, and decode it in the build.",
        )
    return data.decode("utf-8", "surrogateescape")


def _size(value: str) -> int:
    return len(value.encode("utf-8", "surrogateescape"))
