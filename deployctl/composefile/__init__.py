"""Compose files as bytes: read, check, change one image reference, compare. No I/O."""

from deployctl.composefile.check import Surroundings, check, unsourced
from deployctl.composefile.compare import diff
from deployctl.composefile.edit import set_image, set_images
from deployctl.composefile.extends import Listed, borrowers
from deployctl.composefile.faults import ComposeFault, UnreadableCompose
from deployctl.composefile.images import file_to_edit, image_of, services
from deployctl.composefile.variables import assigned, env_file_paths, place_of_variable

__all__ = [
    "ComposeFault",
    "Listed",
    "Surroundings",
    "UnreadableCompose",
    "assigned",
    "borrowers",
    "check",
    "diff",
    "env_file_paths",
    "file_to_edit",
    "image_of",
    "place_of_variable",
    "services",
    "set_image",
    "set_images",
    "unsourced",
]
