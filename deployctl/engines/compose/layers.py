"""Which instructions of a Dockerfile are expected from the build cache. Pure, and an estimate.

BuildKit has no dry run. What is known: which files changed since the live release, and which
instructions copy them, themselves or out of a stage that did. In each stage everything before the
first such instruction is expected from the cache.
"""

import fnmatch
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_FROM = re.compile(r"\s--(?:from=|mount=(?:[^\s]*,)?from=)([^\s,]+)")


@dataclass(frozen=True)
class Layer:
    instruction: str
    cached: bool


def expected(dockerfile: str, changed: Sequence[str]) -> tuple[Layer, ...]:
    """Instructions in order; `changed` holds paths below the build context."""
    layers: list[Layer] = []
    stages: dict[str, bool] = {}
    """number or name -> whether something that changed is in it"""
    number, name, stale = -1, "", False
    for instruction in instructions(dockerfile):
        word = instruction.split(maxsplit=1)[0].upper()
        if word == "FROM":
            base, name = _stage(instruction)
            number += 1
            stale = stages.get(base, False)
        elif not stale:
            taken = any(stages.get(each, False) for each in _other_stages(instruction))
            copied = word in {"COPY", "ADD"} and any(
                _covers(source, path) for source in _sources(instruction) for path in changed
            )
            stale = taken or copied
        stages |= {str(number): stale, **({name: stale} if name else {})}
        layers.append(Layer(instruction, cached=not stale))
    return tuple(layers)


def _stage(instruction: str) -> tuple[str, str]:
    """The base of a FROM and the stage's name, in lower case; blank where there is none."""
    words = [word.lower() for word in instruction.split()[1:] if not word.startswith("--")]
    named = len(words) >= 3 and words[1] == "as"
    return (words[0] if words else "", words[2] if named else "")


def _other_stages(instruction: str) -> list[str]:
    """The stages (or images) that an instruction takes files from."""
    return [name.lower() for name in _FROM.findall(instruction)]


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
