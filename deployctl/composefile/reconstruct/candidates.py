"""The files that may have been meant, in the order in which they are believed.

A whole file that is known (a recorded release's, a template's, the commit's) is a candidate only if
the broken one can be what is left of it: `fits`. Of the broken file itself a candidate is made by
mending its text and taking what services lack from their containers. That shows only what has a
container: a service that never ran could be lost with the same lines. So where more is gone than
images, an inventory must name every service that the file has to have.
"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from deployctl.composefile.document import parse
from deployctl.composefile.edit import set_images
from deployctl.composefile.faults import UnreadableCompose
from deployctl.composefile.images import find, resolved_images, service_nodes, text_of
from deployctl.composefile.reconstruct.fill import Filled, fill, fill_images
from deployctl.composefile.reconstruct.fits import lines_of, unexplained
from deployctl.composefile.reconstruct.mend import readable
from deployctl.composefile.reconstruct.origins import Entry, Line, origins
from deployctl.composefile.reconstruct.running import Running
from deployctl.errors import UsageError

Source = Literal["release", "template", "file", "containers"]


@dataclass(frozen=True)
class Known:
    """A whole file that is known from elsewhere; `name`: `release r3`, `template production`."""

    source: Source
    name: str
    data: bytes


@dataclass(frozen=True)
class Candidate:
    """`objections` are reasons why it may not be taken without being asked for by name."""

    source: Source
    name: str
    data: bytes
    lines: tuple[Line, ...]
    objections: tuple[str, ...] = ()


@dataclass
class _Gathered:
    found: list[Candidate] = field(default_factory=list)

    def add(self, candidate: Candidate) -> None:
        if all(other.data != candidate.data for other in self.found):
            self.found.append(candidate)


def candidates(
    broken: bytes, known: Sequence[Known], running: Sequence[Running], *, alone: bool = True
) -> tuple[Candidate, ...]:
    """Every candidate, the most believed first. `alone`: it is the project's only file."""
    gathered = _Gathered()
    broken = as_utf8(broken)
    for file in known:
        candidate = _whole(broken, file, running)
        if candidate is not None:
            gathered.add(candidate)
    inventory = _inventory(known)
    names = frozenset(service.service for service in running) if alone else frozenset()
    for data in readable(broken, names):
        for filled in _filled(data, running):
            gathered.add(_mended(broken, filled, running, names, inventory))
    return tuple(gathered.found)


def as_utf8(broken: bytes) -> bytes:
    """What an editor has saved as UTF-16 is the same text."""
    if not broken.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return broken
    try:
        return broken.decode("utf-16").encode()
    except UnicodeDecodeError:
        return broken


def _whole(broken: bytes, file: Known, running: Sequence[Running]) -> Candidate | None:
    try:
        parse(file.data)
        data = file.data
        special: Mapping[Entry, str] = {}
        if file.source != "release":
            data, special = _with_images(file.data, running)
    except (UnreadableCompose, UsageError):
        return None
    foreign = unexplained(broken, data)
    shown = "; ".join(f"`{line}`" for line in foreign[:4])
    objections = (f"the broken file has lines that it doesn't: {shown}",) if foreign else ()
    label = "file " + file.name if file.source == "file" else file.name
    return Candidate(
        file.source, file.name, data, origins(broken, data, label, special), objections
    )


def _with_images(data: bytes, running: Sequence[Running]) -> tuple[bytes, Mapping[Entry, str]]:
    """A file from elsewhere names another image than the one that runs."""
    there = resolved_images(parse(data))
    wanted = {
        service.service: service.image
        for service in running
        if service.image and there.get(service.service) not in (None, service.image)
    }
    special = {
        (service.service, "image"): f"container {service.container}"
        for service in running
        if service.service in wanted
    }
    return set_images(data, wanted), special


def _filled(data: bytes, running: Sequence[Running]) -> Iterator[Filled]:
    images = fill_images(data, running)
    if images is not None:
        yield images
        yield from fill(data, running)


def _mended(
    broken: bytes,
    filled: Filled,
    running: Sequence[Running],
    names: frozenset[str],
    inventory: frozenset[str],
) -> Candidate:
    lines = origins(broken, filled.data, "mended", filled.added)
    there = set(service_nodes(parse(filled.data)))
    objections = []
    said = {line.strip() for line in lines_of(broken)}
    other = any(line.origin == "mended" and line.text.strip() not in said for line in lines)
    more = bool(filled.beyond or other or _cut(broken, filled))
    absent = sorted((names | inventory if more else names) - there)
    if absent:
        objections.append(f"it has no service {', '.join(absent)}")
    if more and not inventory:
        objections.append(
            "more than images is lost, and nothing tells which services the file had: a service "
            "without a container would be lost without a trace"
        )
    several = [s.service for s in running if s.count > 1 and not _says(filled.data, s)]
    if several:
        objections.append(f"{', '.join(several)} runs several times, and the file doesn't say so")
    built = [
        service.service for service in running if service.built and _images_only(filled, service)
    ]
    if built:
        objections.append(f"the `build:` of {', '.join(built)} is lost")
    return Candidate("containers", "what the containers say", filled.data, lines, tuple(objections))


def _cut(broken: bytes, filled: Filled) -> bool:
    """Whether lines of the broken file were left out."""
    return bool(unexplained(broken, filled.data))


def _says(data: bytes, running: Running) -> bool:
    """Whether the file itself asks for as many containers as there are."""
    node = service_nodes(parse(data)).get(running.service)
    deploy = find(node, "deploy") if node is not None else None
    places = [find(node, "scale") if node is not None else None]
    places.append(find(deploy.value, "replicas") if deploy is not None else None)
    return any(found and text_of(found.value) == str(running.count) for found in places)


def _images_only(filled: Filled, service: Running) -> bool:
    return (service.service, "image") in filled.added


def _inventory(known: Sequence[Known]) -> frozenset[str]:
    names: set[str] = set()
    for file in known:
        try:
            names |= set(service_nodes(parse(file.data)))
        except UnreadableCompose:
            continue
    return frozenset(names)
