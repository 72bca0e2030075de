"""The settings that a command works with."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployctl.config.settings import Settings


def load_settings(target: str | None, config: Path | None) -> "Settings":
    """The settings that the options and the place name. Raises ConfigError."""
    from deployctl.config.load import load  # noqa: PLC0415
    from deployctl.config.locate import locate  # noqa: PLC0415

    return load(locate(target, config, Path.cwd(), os.environ), target, os.environ)
