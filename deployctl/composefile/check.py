"""Everything that is visibly wrong with one compose file, in the order of its lines."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from deployctl.composefile.document import Document, Node, parse
from deployctl.composefile.faults import ComposeFault, UnreadableCompose
from deployctl.composefile.images import find, service_nodes, text_of
from deployctl.composefile.references import ports_twice, undefined
from deployctl.composefile.shape import shapes
from deployctl.composefile.texture import conflicts, line_ends, tabs
from deployctl.composefile.values import cycles, effective_values, names_twice, values
from deployctl.composefile.variables import env_files, unset

# What may stand in place of `image:`; an `extends:` brings its own, a provider needs none.
SOURCES = ("image", "build", "extends", "provider")


@dataclass(frozen=True)
class Surroundings:
    """What is known of the place where a compose file is used.

    `services` are names that must be in it, with how that is known (`its container runs`);
    `variables` the names that are set there, None where that isn't known; `env_file` says what is
    wrong with an environment file of that path (empty: nothing), `file` with another Compose file.
    """

    services: tuple[tuple[str, str], ...] = ()
    variables: frozenset[str] | None = None
    env_file: Callable[[str], str] | None = None
    file: Callable[[str], str] | None = None


NOWHERE = Surroundings()


def check(
    data: bytes, *, override: bool = False, around: Surroundings = NOWHERE
) -> list[ComposeFault]:
    """The faults of a file, and notes; empty where there is nothing to see without Compose.

    With `override`, the file is one of several: it may lack `services:`, a service in it may lack
    `image:` and `build:`, and what it refers to may stand in another. Never raises, whatever the
    bytes.
    """
    faults = [*conflicts(data), *line_ends(data)]
    try:
        document = parse(data)
    except UnreadableCompose as error:
        # Tabs are harmless where YAML accepts them; they are the likely cause where it does not.
        return sorted({*faults, *error.faults, *tabs(data)})
    return sorted({*faults, *_meaning(document, override=override, around=around)})


def unsourced(files: Sequence[bytes]) -> list[tuple[int, ComposeFault]]:
    """Services of several files together that none of them gives an image: index of the file to
    blame, and the fault. That is the one that defines the service, and alone does.

    Empty where a file can't be read, or where another may stand in it (`include`).
    """
    try:
        documents = [parse(data) for data in files]
        trees = [service_nodes(document) for document in documents]
    except UnreadableCompose:
        return []
    if any(find(document.root, "include") is not None for document in documents):
        return []
    faults = []
    for name in dict.fromkeys(name for tree in trees for name in tree):
        defining = [index for index, tree in enumerate(trees) if name in tree]
        if any(_sourced(trees[index][name]) for index in defining):
            continue
        # Nothing else is left of a service that was there for its image.
        empty = [index for index in defining if not trees[index][name].followed.children]
        index = (empty or defining)[0]
        message = f"The service `{name}` has neither `image:` nor `build:` in any of the files."
        mend = "Give it `image:`; `docker inspect` of its container names the one in use."
        faults.append((index, documents[index].fault(trees[index][name], message, mend)))
    return faults


def _sourced(node: Node) -> bool:
    return any(find(node, source) is not None for source in SOURCES)


def _meaning(document: Document, *, override: bool, around: Surroundings) -> list[ComposeFault]:
    try:
        faults = shapes(document, override=override)
        faults += _services(document, override=override)
        if not override and find(document.root, "include") is None:
            faults += undefined(document)
            faults += _missing(document, around)
        if not override:
            faults += cycles(document)
        faults += values(document)
        faults += ports_twice(document)
        faults += names_twice(document)
        if around.variables is not None:
            faults += unset(document, around.variables)
        faults += _env_files(document, around)
        faults += _other_files(document, around)
    except UnreadableCompose as error:
        return list(error.faults)
    return faults


def _missing(document: Document, around: Surroundings) -> list[ComposeFault]:
    there = service_nodes(document)
    found = find(document.root, "services")
    place = found.key if found is not None else document.root
    return [
        document.fault(
            place,
            f"The service `{name}` is missing: {how}.",
            f"Put `{name}:` back below `services:`; deployctl compose repair can.",
        )
        for name, how in around.services
        if name not in there
    ]


def _env_files(document: Document, around: Surroundings) -> list[ComposeFault]:
    if around.env_file is None:
        return []
    faults = []
    for named in env_files(document):
        wrong = around.env_file(named.path) if named.required and "$" not in named.path else ""
        if wrong:
            message = f"The env_file {named.path} of the service `{named.service}` {wrong}."
            mend = "Put it there, correct the path, or write `required: false` for it."
            faults.append(document.fault(named.node, message, mend))
    return faults


def _other_files(document: Document, around: Surroundings) -> list[ComposeFault]:
    """Compose files that this one names by `include` or `extends`. One at an address isn't here."""
    if around.file is None:
        return []
    faults = []
    for node in _named_files(document):
        path = text_of(node) or ""
        wrong = around.file(path) if path and not re.search(r"[$:@]", path) else ""
        if wrong:
            mend = "Put it there, or correct the path."
            faults.append(document.fault(node, f"The Compose file {path} {wrong}.", mend))
    return faults


def _named_files(document: Document) -> Iterator[Node]:
    included = find(document.root, "include")
    if included is not None and included.value.followed.kind == "sequence":
        for item in included.value.followed.children:
            path = effective_values(item).get("path", item)
            listed = path.followed
            yield from listed.children if listed.kind == "sequence" else [path]
    for node in service_nodes(document).values():
        extended = find(node, "extends")
        if extended is not None and "file" in (own := effective_values(extended.value)):
            yield own["file"]


def _services(document: Document, *, override: bool) -> list[ComposeFault]:
    nodes = service_nodes(document)
    if not nodes:
        if override or find(document.root, "include") is not None:
            return []
        found = find(document.root, "services")
        message = "The file has no services." if found else "There is no `services:` in the file."
        mend = "Add the services back below `services:`, or restore the file from a backup."
        return [document.fault(found.key if found else document.root, message, mend)]
    faults = []
    for name, node in nodes.items():
        target = node.followed
        if target.kind != "mapping":
            if override and (target.is_null or target.tag == "!reset"):
                continue
            message = f"The service `{name}` is not a mapping of settings."
            mend = f"Indent its settings below `{name}:`, at least with `image:`."
            faults.append(document.fault(node, message, mend))
            continue
        image = find(node, "image")
        if image is not None and image.value.followed.kind != "scalar":
            message = f"The image of the service `{name}` is not a text."
            mend = "Write it as `image: NAME:TAG`."
            faults.append(document.fault(image.value, message, mend))
        elif override or any(find(node, source) is not None for source in SOURCES[1:]):
            continue
        elif image is None or text_of(image.value) in (None, ""):
            message = f"The service `{name}` has neither `image:` nor `build:`."
            mend = "Give it `image:`; `docker inspect` of its container names the one in use."
            faults.append(document.fault(image.value if image else node, message, mend))
    return faults
