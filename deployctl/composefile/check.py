"""Everything that is visibly wrong with one compose file, in the order of its lines."""

import re

from deployctl.composefile.document import BOM, Document, fault_at, parse
from deployctl.composefile.faults import ComposeFault, UnreadableCompose
from deployctl.composefile.images import find, service_nodes, text_of

CONFLICT = re.compile(r"^(<{7}|\|{7}|>{7})(?: .*)?\r?$|^={7}\r?$", re.MULTILINE)
TAB_INDENT = re.compile(r"^ *\t[ \t]*(?![ \t#\r\n])", re.MULTILINE)
# What may stand in place of `image:`; an `extends:` brings its own, a provider needs none.
SOURCES = ("image", "build", "extends", "provider")


def check(data: bytes, *, override: bool = False) -> list[ComposeFault]:
    """The faults of a file; empty when nothing is wrong that can be seen without Compose.

    With `override`, the file only adds to earlier ones: it may lack `services:`, and a service
    in it may lack `image:` and `build:`. Never raises, whatever the bytes.
    """
    faults = _conflicts(data)
    try:
        document = parse(data)
    except UnreadableCompose as error:
        # Tabs are harmless where YAML accepts them; they are the likely cause where it does not.
        return sorted({*faults, *error.faults, *_tabs(data)})
    return sorted({*faults, *_services(document, override=override)})


def _text(data: bytes) -> str:
    return data.removeprefix(BOM).decode(errors="replace")


def _conflicts(data: bytes) -> list[ComposeFault]:
    text = _text(data)
    marks = list(CONFLICT.finditer(text))
    if not any(mark.group().startswith(("<", ">")) for mark in marks):
        return []
    mend = "Keep one of the two sides and delete the three marker lines."
    return [
        fault_at(text, mark.start(), f"A merge conflict's marker: `{mark.group().strip()}`.", mend)
        for mark in marks
    ]


def _tabs(data: bytes) -> list[ComposeFault]:
    text = _text(data)
    return [
        fault_at(
            text,
            text.index("\t", match.start()),
            "A tab in the indentation; YAML allows only spaces there.",
            "Replace it by spaces, as many as the lines around it have.",
        )
        for match in TAB_INDENT.finditer(text)
    ]


def _services(document: Document, *, override: bool) -> list[ComposeFault]:
    try:
        nodes = service_nodes(document)
    except UnreadableCompose as error:
        return list(error.faults)
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
