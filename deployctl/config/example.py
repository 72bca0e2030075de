"""The annotated example settings: help text, README snippet and test fixture from one file."""

from importlib.resources import files
from typing import Final

_RULER: Final = f"# {'-' * 96}\n"


def complete() -> str:
    """Every setting there is, as `deployctl docs settings` shows it."""
    return files("deployctl.config").joinpath("example.yml").read_text(encoding="utf-8")


def essentials() -> str:
    """The short file that most projects need; it is complete in itself."""
    shared, _, target, _ = complete().split(_RULER)
    return shared + target
