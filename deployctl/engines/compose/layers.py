"""Which instructions of a Dockerfile are expected from the build cache. Pure, and an estimate.

BuildKit has no dry run. What is known: which files changed since the live release, and which
instructions copy them. Everything before the first such instruction is expected from the cache.
"""

import fnmatch
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    instruction: str
    cached: bool


def expected(dockerfile: str, changed: Sequence[str]) -> tuple[Layer, ...]:
    """Instructions in order; `changed` holds paths below the build context."""
    layers: list[Layer] = []
    stale = False
    for instruction in instructions(dockerfile):
        word = instruction.split(maxsplit=1)[0].upper()
        if word == "FROM":
            stale = False  # a new stage starts from its own base
        elif word in {"COPY", "ADD"} and not stale:
            stale = any(
                _covers(source, path) for source in _sources(instruction) for path in changed
            )
        layers.append(Layer(instruction, cached=not stale))
    return tuple(layers)


def instructions(dockerfile: str) -> tuple[str, ...]:
    """Logical lines: continuations joined, comments and blank lines left out."""
    joined: list[str] = []
    held = ""
    for raw in dockerfile.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.endswith("\\"):
            held += line[:-1].strip() + " "
            continue
        joined.append(held + line)
        held = ""
    if held:
        joined.append(held.strip())
    return tuple(joined)


def _sources(instruction: str) -> list[str]:
    rest = instruction.split(maxsplit=1)[1] if " " in instruction else ""
    words: list[str]
    try:
        words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    except ValueError:
        return ["."]
    if any(word.startswith("--from=") for word in words):
        return []
    return [word for word in words if not word.startswith("--")][:-1]


def _covers(source: str, path: str) -> bool:
    source = source.removeprefix("./").strip("/")
    if source in {"", "."}:
        return True
    return path == source or path.startswith(f"{source}/") or fnmatch.fnmatch(path, source)
