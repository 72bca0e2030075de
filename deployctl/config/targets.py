"""How one target's settings come out of a file: what is shared, overridden by what is its own."""

from dataclasses import replace
from typing import Final

from deployctl.config.faults import Fault
from deployctl.config.gates import default_type
from deployctl.config.settings import HostSettings, Settings
from deployctl.config.tree import Mapping, Node, Scalar
from deployctl.config.validate import keys_of, unknown_key

HOST_KEYS: Final = frozenset(keys_of(HostSettings))
SHARED_KEYS: Final = (frozenset(keys_of(Settings)) - {"target", "host"}) | HOST_KEYS
FILE_KEYS: Final = SHARED_KEYS | {"version", "default_target", "targets"}


def unknown_keys(file: str, node: Mapping, known: frozenset[str]) -> list[Fault]:
    """Keys beginning with `x-` are the user's own, as in Compose files: a place for anchors."""
    return [
        Fault(file, node.key_marks[key], (*node.path, key), unknown_key(key, known))
        for key in node.entries
        if key not in known and not key.startswith("x-")
    ]


def merge(base: Mapping, own: Mapping) -> Mapping:
    """`own` over `base`: mappings are merged, anything else is replaced, null removes."""
    entries = dict(base.entries)
    for key, node in own.entries.items():
        shared = base.entries.get(key)
        if isinstance(node, Scalar) and node.value is None:
            entries.pop(key, None)
        elif isinstance(node, Mapping) and isinstance(shared, Mapping):
            entries[key] = merge(shared, node)
        else:
            entries[key] = node
    return replace(own, entries=entries, key_marks=base.key_marks | own.key_marks)


def useless_removals(file: str, base: Mapping, own: Mapping) -> list[Fault]:
    """A gate removed by a target that no target has: most likely a misspelt name."""
    shared = base.entries.get("gates")
    gates = own.entries.get("gates")
    if not isinstance(gates, Mapping):
        return []
    names = set(shared.entries) if isinstance(shared, Mapping) else set()
    return [
        Fault(
            file,
            node.mark,
            node.path,
            "null removes a gate that all targets share, and there is none of this name",
        )
        for name, node in gates.entries.items()
        if isinstance(node, Scalar) and node.value is None and name not in names
    ]


def shape(merged: Mapping, root: Mapping, target: Mapping, name: str) -> Mapping:
    """The merged keys in the shape of `Settings`: the host's apart, names and types filled in."""
    entries = {
        key: node
        for key, node in merged.entries.items()
        if key in SHARED_KEYS and key not in HOST_KEYS
    }
    host = {key: node for key, node in merged.entries.items() if key in HOST_KEYS}
    entries["host"] = replace(target, entries=host, key_marks=merged.key_marks)
    entries["target"] = _text(name, target)
    entries.setdefault("environment", _text(name, target))
    gates = entries.get("gates")
    if isinstance(gates, Mapping):
        typed = {gate: _typed(gate, node) for gate, node in gates.entries.items()}
        entries["gates"] = replace(gates, entries=typed)
    return replace(root, entries=entries, key_marks=merged.key_marks)


def _typed(name: str, node: Node) -> Node:
    if isinstance(node, Mapping) and "type" not in node.entries and default_type(name):
        return replace(node, entries={"type": _text(name, node), **node.entries})
    return node


def _text(value: str, near: Node) -> Scalar:
    return Scalar(value, value, near.mark, near.path)
