"""Values that Compose refuses whatever surrounds them: each rule is one that Compose itself has.

What only some versions of Compose refuse is no fault here.
"""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from deployctl.composefile.document import Document, Node
from deployctl.composefile.faults import ComposeFault
from deployctl.composefile.images import effective, find, is_merge, service_nodes, text_of
from deployctl.composefile.shape import kind_of

CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")
TIMES = ("interval", "timeout", "start_period", "start_interval")
SIZES = ("mem_limit", "mem_reservation", "memswap_limit", "shm_size")
SWITCHES = ("init", "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty")
NUMBERS = ("cpus", "oom_score_adj", "pids_limit", "scale")
TESTS = ("CMD", "CMD-SHELL", "NONE")
WORDS = frozenset({"true", "false", "y", "n", "yes", "no", "on", "off", "t", "f"})
SERVICE_NAME = re.compile(r"[A-Za-z0-9._-]+")
TIME = re.compile(r"[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w))+|0")
NUMBER = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")
SIZE = re.compile(r"[-+]?[\d.]+ ?[kKmMgGtTpP]?[iI]?[bB]?")
OPENED = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*(?:\}|:?[-?+])")
VARIABLE = re.compile(r"\$(?:[A-Za-z_]|\{)")
RANGE = re.compile(r"([0-9]{1,99})(?:-([0-9]{1,99}))?")
MOST = 65535


def values(document: Document) -> list[ComposeFault]:
    """Those of one file, which may be one of several."""
    faults = [*_interpolations(document), *_merges(document)]
    for kind in ("networks", "volumes"):
        faults += _switches_of(document, kind)
    for name, node in service_nodes(document).items():
        if not SERVICE_NAME.fullmatch(name):
            message = f"`{name}` can't be a service's name."
            mend = "Letters, digits, `.`, `_` and `-` can be in one; a colon may be missing."
            faults.append(document.fault(node, message, mend))
        if node.followed.kind == "mapping":
            faults += _service(document, name, effective_values(node))
    return faults


def effective_values(node: Node) -> dict[str, Node]:
    target = node.followed
    if target.kind != "mapping":
        return {}
    return {name: entry.value for name, entry in effective(target).items()}


def cycles(document: Document) -> list[ComposeFault]:
    """Services that wait for each other. Those of a profile may be left out when the others run."""
    nodes = service_nodes(document)
    waits = {
        name: tuple(_waits_for(node)) for name, node in nodes.items() if not find(node, "profiles")
    }
    for name in waits:
        path = _way_back(waits, name)
        if path:
            message = f"Services wait for each other: {' -> '.join(path)}."
            found = find(nodes[name], "depends_on")
            place = found.key if found is not None else nodes[name]
            return [document.fault(place, message, "Take one of them out of a `depends_on`.")]
    return []


def names_twice(document: Document) -> list[ComposeFault]:
    """Two services that are up together can't have one container's name."""
    seen: dict[str, str] = {}
    faults = []
    for service, node in service_nodes(document).items():
        found = find(node, "container_name")
        name = (text_of(found.value) or "") if found is not None else ""
        if found is None or not name or "$" in name or find(node, "profiles") is not None:
            continue
        if name in seen:
            message = f"The container_name {name} of `{service}` is that of `{seen[name]}` already."
            faults.append(document.fault(found.value, message, "Give one of them another name."))
        seen.setdefault(name, service)
    return faults


def _service(document: Document, name: str, own: Mapping[str, Node]) -> Iterator[ComposeFault]:
    whose = f"of the service `{name}`"
    yield from _times(document, own, whose)
    yield from _sizes(document, own, whose)
    yield from _numbers(document, own, whose)
    for key in SWITCHES:
        if key in own:
            yield from _switch(document, key, own[key], whose)
    for key, entry in _conditions(own):
        condition = text_of(entry)
        if condition is not None and "$" not in condition and condition not in CONDITIONS:
            message = f"`{name}` waits for `{key}` to be `{condition}`, which Compose doesn't know."
            yield document.fault(entry, message, f"Write one of {', '.join(CONDITIONS)}.")
    networks, mode = own.get("networks"), own.get("network_mode")
    if networks and networks.followed.children and mode and text_of(mode):
        message = f"The service `{name}` has both `network_mode` and `networks`."
        yield document.fault(networks, message, "Take one of the two out.")
    yield from _short_forms(document, own, whose)
    yield from _test(document, own, whose)


def _times(document: Document, own: Mapping[str, Node], whose: str) -> Iterator[ComposeFault]:
    health = effective_values(own["healthcheck"]) if "healthcheck" in own else {}
    found = {key: health[key] for key in TIMES if key in health}
    if "stop_grace_period" in own:
        found["stop_grace_period"] = own["stop_grace_period"]
    for key, node in found.items():
        text = text_of(node)
        literal = _literal(text) if text is not None else None
        if literal is None or (kind_of(node) == "text" and TIME.fullmatch(literal)):
            continue
        message = f"`{key}` {whose} is `{text}`, which is no duration with a unit."
        yield document.fault(node, message, f"Write it as `{key}: 10s`.")


def _test(document: Document, own: Mapping[str, Node], whose: str) -> Iterator[ComposeFault]:
    health = effective_values(own["healthcheck"]) if "healthcheck" in own else {}
    for first in _items(health.get("test"))[:1]:
        text = first.followed.value
        if text not in TESTS and _literal(text) is not None:
            message = f"The healthcheck's `test` {whose} begins with `{text}`."
            yield document.fault(first, message, f"Begin it with one of {', '.join(TESTS)}.")


def _sizes(document: Document, own: Mapping[str, Node], whose: str) -> Iterator[ComposeFault]:
    for key in SIZES:
        text = text_of(own[key]) if key in own else None
        if text is None or "$" in text or kind_of(own[key]) != "text" or SIZE.fullmatch(text):
            continue
        message = f"`{key}` {whose} is `{text}`, which is no size."
        yield document.fault(own[key], message, f"Write it as `{key}: 512m`.")


def _numbers(document: Document, own: Mapping[str, Node], whose: str) -> Iterator[ComposeFault]:
    found = [(key, own[key]) for key in NUMBERS if key in own]
    if "healthcheck" in own and "retries" in (health := effective_values(own["healthcheck"])):
        found.append(("retries", health["retries"]))
    if "ports" in own:
        ports = (effective_values(item) for item in own["ports"].followed.children)
        found += [("target", port["target"]) for port in ports if "target" in port]
    for key, node in found:
        literal = _literal(node.followed.value) if kind_of(node) == "text" else None
        if literal is not None and not NUMBER.fullmatch(literal):
            message = f"`{key}` {whose} is `{literal}`, which is no number."
            yield document.fault(node, message, f"Write a number: `{key}: 1`.")


def _short_forms(document: Document, own: Mapping[str, Node], whose: str) -> Iterator[ComposeFault]:
    for item in _items(own.get("ports")):
        if kind_of(item) != "text" and not item.followed.value.isdecimal():
            continue  # another way to write a number
        wrong = _wrong_port(item.followed.value)
        if wrong:
            message = f"The port {item.followed.value} {whose} is none: {wrong}."
            yield document.fault(item, message, 'Write it as "HOST:CONTAINER", up to 65535 each.')
    for item in _items(own.get("volumes")):
        wrong = _wrong_volume(item.followed.value)
        if wrong:
            message = f"The volume `{item.followed.value}` {whose} {wrong}."
            yield document.fault(item, message, "Write it as SOURCE:TARGET or SOURCE:TARGET:MODE.")


def _items(node: Node | None) -> list[Node]:
    if node is None or node.followed.kind != "sequence":
        return []
    return [
        item
        for item in node.followed.children
        if item.followed.kind == "scalar" and not item.followed.is_null
    ]


def _literal(text: str) -> str | None:
    """What Compose makes of a text without variables; None where there is one."""
    return None if VARIABLE.search(text.replace("$$", "")) else text.replace("$$", "$")


def _wrong_port(written: str) -> str:
    text = _literal(written)
    if text is None:
        return ""
    text, _, protocol = text.partition("/")
    if protocol.isalnum() and protocol.lower() not in {"tcp", "udp", "sctp"}:
        return f"{protocol} is no protocol"
    *before, inner = text.split(":")
    host = before.pop() if before else ""
    if not inner:
        return "no port of the container is named"
    for part in (host, inner):
        wrong = _wrong_range(part) if part else ""
        if wrong:
            return wrong
    return "" if not before or _is_address(":".join(before)) else f"{before[0]} is no address"


def _wrong_range(text: str) -> str:
    numbers = RANGE.fullmatch(text)
    if numbers is None:
        return f"{text} is no number"
    first, last = int(numbers[1]), int(numbers[2] or numbers[1])
    return f"{text} is out of range" if first > last or last > MOST else ""


def _is_address(text: str) -> bool:
    """An IPv6 address stands in brackets; none at all is every address."""
    if not text:
        return True
    try:
        return ip_address(text.strip("[]")).version == (6 if text.startswith("[") else 4)
    except ValueError:
        return False


def _wrong_volume(written: str) -> str:
    text = _literal(written)
    if text is None:
        return ""
    if not text:
        return "is empty"
    parts = _volume_parts(text)
    if "" in parts and len(text) > len("::"):  # Compose looks at nothing so short
        return "has nothing on one side of a colon"
    return "has too many colons" if len(parts) > len(("source", "target", "mode")) else ""


def _volume_parts(text: str) -> list[str]:
    """Between the colons, but for one after a single letter: that is a drive of Windows."""
    parts = [""]
    for char in text:
        drive = len(parts[-1]) == 1 and parts[-1].isalpha()
        if char == ":" and not drive:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _conditions(own: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    if "depends_on" not in own:
        return
    for name, node in effective_values(own["depends_on"]).items():
        condition = effective_values(node).get("condition")
        if condition is not None:
            yield name, condition


def _switches_of(document: Document, kind: str) -> Iterator[ComposeFault]:
    found = find(document.root, kind)
    for name, node in (effective_values(found.value) if found is not None else {}).items():
        own = effective_values(node)
        for key in ("internal", "external"):
            if key in own:
                yield from _switch(document, key, own[key], f"of the {kind[:-1]} `{name}`")


def _switch(document: Document, key: str, node: Node, whose: str) -> Iterator[ComposeFault]:
    text = text_of(node)
    literal = _literal(text) if text is not None else None
    if literal and not literal.isdecimal() and literal.lower() not in WORDS:
        message = f"`{key}` {whose} is `{text}`, neither true nor false."
        yield document.fault(node, message, f"Write `{key}: true` or `{key}: false`.")


def _merges(document: Document) -> Iterator[ComposeFault]:
    for node in document.nodes:
        if node.kind != "mapping":
            continue
        for key, value in node.entries:
            if not is_merge(key):
                continue
            target = value.followed
            merged = target.children if target.kind == "sequence" else [target]
            if any(each.followed.kind != "mapping" for each in merged):
                message = "`<<` merges something that is no mapping."
                yield document.fault(value, message, "Name an anchored mapping: `<<: *name`.")


def _interpolations(document: Document) -> Iterator[ComposeFault]:
    """Keys aren't interpolated, values are."""
    keys = {id(key) for node in document.nodes if node.kind == "mapping" for key, _ in node.entries}
    for node in document.nodes:
        if node.kind == "scalar" and id(node) not in keys and broken_interpolation(node.value):
            message = "A `${` is not the start of a whole variable."
            mend = "Close it with `}`; a dollar that is none of a variable is written `$$`."
            yield document.fault(node, message, mend)


def broken_interpolation(text: str) -> bool:
    """Whether there is a `${` that Compose can't make a variable of."""
    at = 0
    while (at := text.find("$", at)) >= 0:
        if text.startswith("${", at) and (
            not OPENED.match(text, at + 1) or _closing(text, at + 2) < 0
        ):
            return True
        at += 2 if text.startswith("$$", at) else 1
    return False


def _closing(text: str, at: int) -> int:
    """Where the brace is closed that was opened before `at`; -1 for nowhere."""
    depth = 1
    while at < len(text):
        if text[at] == "}":
            depth -= 1
            if not depth:
                return at
        elif text.startswith("${", at):
            depth += 1
            at += 1
        at += 1
    return -1


def _waits_for(service: Node) -> Iterator[str]:
    found = find(service, "depends_on")
    if found is None:
        return
    block = found.value.followed
    if block.kind == "sequence":
        yield from filter(None, map(text_of, block.children))
    for name, node in effective_values(block).items():
        required = effective_values(node).get("required")
        if required is None or text_of(required) != "false":
            yield name


def _way_back(waits: Mapping[str, tuple[str, ...]], start: str) -> list[str]:
    """The services from `start` to itself again; empty where there is no such way."""
    before: dict[str, str] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        for other in waits.get(name, ()):
            if other == start:
                path = [start]
                while name != start:
                    path.append(name)
                    name = before[name]
                return [start, *reversed(path)] if len(path) > 1 else [start, start]
            if other not in before:
                before[other] = name
                waiting.append(other)
    return []
