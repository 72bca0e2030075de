"""A service's two colours behind an edge in a compose file, and back byte for byte. No I/O."""

from deployctl.composefile.edge.convert import (
    EdgeSpec,
    Installed,
    install,
    installed,
    published,
    remove,
    turn,
)
from deployctl.composefile.edge.service import COLOURS

__all__ = [
    "COLOURS",
    "EdgeSpec",
    "Installed",
    "install",
    "installed",
    "published",
    "remove",
    "turn",
]
