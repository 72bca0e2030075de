"""Secrets that this machine holds for the build and for steps: read late, kept in memory only."""

import os

from deployctl.config.settings import SourceSettings
from deployctl.errors import ConfigError


def build_secrets(settings: SourceSettings) -> dict[str, str]:
    """Secret ID -> value. Raises ConfigError when one can't be read."""
    values = {}
    for name, secret in settings.secrets.items():
        if secret.env:
            value = os.environ.get(secret.env)
            if value is None:
                raise ConfigError(
                    f"The build secret {name} should come from {secret.env}, which is not set.",
                    next_step=f"export {secret.env}=…, then run the command again.",
                )
            values[name] = value
        elif secret.file:
            try:
                values[name] = secret.file.expanduser().read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"The build secret {name} can't be read from {secret.file}: {error}.",
                    next_step="Correct source.secrets in deployctl.yml.",
                ) from error
    return values
