"""Settings that have the wrong type, or a name that is one letter off."""

import difflib
import re
from collections.abc import Mapping

from deployctl.composefile.document import STRING_TAGS, Document, Node
from deployctl.composefile.faults import ComposeFault
from deployctl.composefile.images import effective, find, service_nodes

# A settings's kinds: `text` a scalar that must be one, `scalar` any scalar, `list`, `map`.
TOP = {
    "version": "scalar", "name": "text", "services": "map", "networks": "map", "volumes": "map",
    "configs": "map", "secrets": "map", "include": "list",
}  # fmt: skip
SERVICE = {
    "image": "text", "container_name": "text", "hostname": "text", "domainname": "text",
    "user": "text", "working_dir": "text", "restart": "text", "network_mode": "text",
    "platform": "text", "ipc": "text", "pid": "text", "runtime": "text", "stop_signal": "text",
    "pull_policy": "text", "userns_mode": "text", "mac_address": "text",
    "stop_grace_period": "scalar", "mem_limit": "scalar", "mem_reservation": "scalar",
    "memswap_limit": "scalar", "cpus": "scalar", "cpu_shares": "scalar", "shm_size": "scalar",
    "scale": "scalar", "privileged": "scalar", "read_only": "scalar", "tty": "scalar",
    "stdin_open": "scalar", "init": "scalar", "oom_kill_disable": "scalar",
    "command": "scalar list", "entrypoint": "scalar list", "env_file": "scalar list",
    "dns": "scalar list", "dns_search": "scalar list", "tmpfs": "scalar list",
    "environment": "list map", "labels": "list map", "annotations": "list map",
    "sysctls": "list map", "extra_hosts": "list map", "networks": "list map",
    "depends_on": "list map", "extends": "scalar map", "build": "scalar map",
    "ports": "list", "expose": "list", "volumes": "list", "profiles": "list", "devices": "list",
    "cap_add": "list", "cap_drop": "list", "security_opt": "list", "group_add": "list",
    "links": "list", "external_links": "list", "volumes_from": "list", "configs": "list",
    "secrets": "list", "device_cgroup_rules": "list",
    "healthcheck": "map", "deploy": "map", "logging": "map", "ulimits": "map",
}  # fmt: skip
WORDS = {"text": "a text", "scalar": "a single value", "list": "a list", "map": "a mapping"}
NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d+)?|0x[0-9a-fA-F]+|0o?[0-7]+")
SWITCH = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})


def shapes(document: Document) -> list[ComposeFault]:
    """Faults in the types of the file's own settings and of its services'."""
    faults = _mapping(document, document.root, TOP, "")
    for name, node in service_nodes(document).items():
        if node.followed.kind == "mapping":
            faults += _mapping(document, node.followed, SERVICE, name)
            faults += _environment(document, node, name)
    return faults


def _mapping(
    document: Document, mapping: Node, kinds: Mapping[str, str], service: str
) -> list[ComposeFault]:
    faults = []
    whose = f" of the service `{service}`" if service else ""
    for name, entry in effective(mapping).items():
        if name not in kinds:
            faults += _misspelt(document, entry.key, name, kinds, whose)
            continue
        found = kind_of(entry.value)
        wanted = kinds[name].split()
        if found is None or found in wanted or ("scalar" in wanted and found == "text"):
            continue
        if name == "image" or (name == "services" and not service):
            continue  # told with more sense elsewhere
        need = " or ".join(WORDS[kind] for kind in wanted)
        message = f"`{name}`{whose} is {WORDS[found]}, where {need} is expected."
        mend = (
            f'Put it in quotes: {name}: "{entry.value.followed.value}"'
            if found == "scalar"
            else f"Write it as {need}; a line may be missing, or stand too far left or right."
        )
        faults.append(document.fault(entry.value, message, mend))
    return faults


def _misspelt(
    document: Document, key: Node, name: str, kinds: Mapping[str, str], whose: str
) -> list[ComposeFault]:
    """Only what looks like another name: Compose learns new ones faster than we do."""
    near = difflib.get_close_matches(name, kinds, 1, 0.8)
    if name.startswith("x-") or not near:
        return []
    message = f"There is no setting `{name}`{whose or ' in a compose file'}."
    return [document.fault(key, message, f"Write `{near[0]}`, if that is meant.")]


def _environment(document: Document, service: Node, name: str) -> list[ComposeFault]:
    found = find(service, "environment")
    if found is None or found.value.followed.kind == "scalar":
        return []
    block = found.value.followed
    values = (
        [entry.value for entry in effective(block).values()]
        if block.kind == "mapping"
        else block.children
    )
    return [
        document.fault(
            value,
            f"A variable in `environment` of the service `{name}` is not a single value.",
            "Write each as `NAME: value` or `- NAME=value`.",
        )
        for value in values
        if value.followed.kind != "scalar"
    ]


def kind_of(node: Node) -> str | None:
    """`text`, `scalar` (a number or a switch), `list` or `map`; None for null and `!reset`."""
    target = node.followed
    if target.kind == "mapping":
        return "map"
    if target.kind == "sequence":
        return "list"
    if target.is_null or target.tag == "!reset":
        return None
    plain = not target.style and target.tag is None
    typed = NUMBER.fullmatch(target.value) or target.value in SWITCH
    return "scalar" if (plain and typed) or target.tag not in STRING_TAGS else "text"
