"""`${NAME}`, `${NAME:-default}` and `${NAME:?message}` in the values of a settings file.

`$$` stands for a dollar sign; a dollar sign before anything else but `{` stands for itself. What
is put in is always text: it can't become a key, a list or a second setting.
"""

import re
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field, replace
from typing import Final

from deployctl.config.faults import Fault
from deployctl.config.tree import Mapping, Node, Scalar, Sequence

_REFERENCE: Final = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<body>[^}]*)(?P<end>\}?))")
_BODY: Final = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<how>[-?])(?P<text>.*))?", re.DOTALL
)


class _UnsetError(ValueError):
    """A variable without which the value can't be told."""


@dataclass
class _Walk:
    env: AbstractMapping[str, str]
    file: str
    misspelt: list[Fault] = field(default_factory=list)
    unset: list[Fault] = field(default_factory=list)

    def mapping(self, node: Mapping) -> Mapping:
        entries = {key: self.node(value) for key, value in node.entries.items()}
        return replace(node, entries=entries)

    def node(self, node: Node) -> Node:
        if isinstance(node, Mapping):
            return self.mapping(node)
        if isinstance(node, Sequence):
            return replace(node, items=tuple(self.node(item) for item in node.items))
        return self.scalar(node)

    def scalar(self, node: Scalar) -> Scalar:
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        try:
            return replace(node, value=expand(node.value, self.env))
        except _UnsetError as error:
            self.unset.append(Fault(self.file, node.mark, node.path, str(error)))
        except ValueError as error:
            self.misspelt.append(Fault(self.file, node.mark, node.path, str(error)))
        return node


def interpolate(
    node: Mapping, env: AbstractMapping[str, str], file: str
) -> tuple[Mapping, list[Fault], list[Fault]]:
    """The tree with its references replaced, the misspelt references, and the unset ones."""
    walk = _Walk(env, file)
    return walk.mapping(node), walk.misspelt, walk.unset


def expand(text: str, env: AbstractMapping[str, str]) -> str:
    """Raises ValueError with a sentence for a misspelt reference or an unset variable."""
    return _REFERENCE.sub(lambda match: _value(match, env), text)


def _value(match: re.Match[str], env: AbstractMapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    body = _BODY.fullmatch(match["body"]) if match["end"] else None
    if body is None:
        raise ValueError(
            "what begins with ${ here is no reference; expected ${NAME}, ${NAME:-default} or "
            "${NAME:?message} ($$ stands for a dollar sign)"
        )
    name = body["name"]
    value = env.get(name)
    if body["how"] == "-":
        return value or body["text"]
    if body["how"] == "?" and not value:
        reason = " ".join(body["text"].split()) or "it is required"
        raise _UnsetError(f"the environment variable {name} is not set: {reason}")
    if value is None:
        raise _UnsetError(
            f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
        )
    return value
