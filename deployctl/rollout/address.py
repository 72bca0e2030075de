"""From a target's settings to the address that the host room connects to."""

import os

from deployctl.config.settings import HostSettings
from deployctl.errors import ConfigError
from deployctl.host.address import HostAddress


def host_address(settings: HostSettings) -> HostAddress:
    """Raises ConfigError when the key's environment variable is empty."""
    key_data = None
    if settings.key_env:
        key_data = os.environ.get(settings.key_env)
        if not key_data:
            raise ConfigError(
                f"The environment variable {settings.key_env}, which should hold the private "
                "key, is empty.",
                next_step=f"Set {settings.key_env} (in CI: a masked secret), or use key_file.",
            )
    return HostAddress(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        key_file=settings.key_file,
        key_data=key_data,
        known_hosts=settings.known_hosts,
        host_key=settings.host_key,
        connect_timeout=settings.connect_timeout,
    )
