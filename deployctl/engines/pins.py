"""The names by which releases keep their images on the host. Pure.

A pin is a tag of deployctl's own on the image of a release; a keeper is a container, never started,
made from it (programs/job.sh), so that no prune takes the image.
"""

import hashlib
import re

PIN = "deployctl-pin"
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*")
"""a part of a Docker image reference"""
_NUMBER = re.compile(r"[^/:]+:(r[0-9]{1,9})")


def pin_of(project: str, service: str, number: str) -> str:
    """The tag that keeps a release's image, whatever becomes of its own."""
    return f"{_all_of(project)}{_component(service)}:{number}"


def keeper_of(pin: str) -> str:
    """The name of the container that holds a pin's image, as job.sh makes it."""
    return pin.replace("/", ".").replace(":", ".")


def pinned(reference: str, project: str) -> str:
    """The number of the release that a pin of this project keeps; empty for what is none."""
    own = _all_of(project)
    match = _NUMBER.fullmatch(reference.removeprefix(own)) if reference.startswith(own) else None
    return match[1] if match else ""


def _all_of(project: str) -> str:
    return f"{PIN}/{_component(project)}/"


def _component(name: str) -> str:
    """The name as a part of an image reference; another one's is never the same."""
    if _COMPONENT.fullmatch(name):
        return name
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{plain or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
