"""Compose files as bytes: read, check, change one image reference, compare. No I/O."""

from deployctl.composefile.check import check
from deployctl.composefile.compare import diff
from deployctl.composefile.edit import set_image, set_images
from deployctl.composefile.faults import ComposeFault, UnreadableCompose
from deployctl.composefile.images import ImageScalar, file_to_edit, image_of, services

__all__ = [
    "ComposeFault",
    "ImageScalar",
    "UnreadableCompose",
    "check",
    "diff",
    "file_to_edit",
    "image_of",
    "services",
    "set_image",
    "set_images",
]
