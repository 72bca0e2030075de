"""A commit as a reproducible tree: resolve its name, list its files, pack them."""

from deployctl.source.changes import changed_files
from deployctl.source.contents import read_dockerfile, read_file
from deployctl.source.package import Package, pack
from deployctl.source.resolve import Commit, resolve

__all__ = [
    "Commit",
    "Package",
    "changed_files",
    "pack",
    "read_dockerfile",
    "read_file",
    "resolve",
]
