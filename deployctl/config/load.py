"""From `deployctl.yml` to the settings of one target, or to all that is wrong with the file."""

import re
from collections.abc import Mapping as AbstractMapping
from pathlib import Path
from typing import Final

from deployctl.config.faults import Fault, InvalidFileError
from deployctl.config.fields import TARGET_NAME
from deployctl.config.interpolate import interpolate
from deployctl.config.settings import Settings
from deployctl.config.targets import (
    FILE_KEYS,
    SHARED_KEYS,
    merge,
    shape,
    unknown_keys,
    useless_removals,
)
from deployctl.config.tree import LARGEST_BYTES, Mapping, Node, Scalar, parse
from deployctl.config.validate import unknown_key, validate
from deployctl.errors import ConfigError

VERSION: Final = 1
NEXT_STEP: Final = "Correct the file; `deployctl docs settings` shows every setting."


def read(path: Path) -> bytes:
    """The file's bytes. ConfigError where there is no file, or none that can be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        what, step = f"There is no file {path}.", "Check the path, or run `deployctl init`."
    except IsADirectoryError:
        what, step = f"{path} is a directory; expected a file.", "Give the path of the file in it."
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what, step = f"{path} can't be read: {reason}.", "Check the path and its permissions."
    raise ConfigError(what, next_step=step)


def unreadable(file: str, root: Node | None, faults: list[Fault], expected: str) -> list[Fault]:
    """What is told of a file that holds no mapping. It may be another kind of file, perhaps one of
    secrets: so places, but none of its words.
    """
    if root is not None:
        return [Fault(file, root.mark, (), expected)]
    return [fault for fault in faults if not fault.path]


def load(path: Path, target: str | None, env: AbstractMapping[str, str]) -> Settings:
    """The settings of that target: by default the file's only one, or its `default_target`.

    Every target of the file is checked, so that a fault shows before the day it matters; only
    the environment variables that another target needs may be unset. Raises ConfigError.
    """
    file = str(path)
    root, faults = parse(read(path), file)
    if not isinstance(root, Mapping):
        expected = "expected a mapping with `version` and `targets`"
        raise InvalidFileError(unreadable(file, root, faults, expected), next_step=NEXT_STEP)
    if not root.entries.keys() & FILE_KEYS:
        # Another kind of file, perhaps one of secrets: nothing of it is shown.
        expected = (
            "no key here is one of the settings; expected a mapping with `version` and `targets`"
        )
        raise InvalidFileError([Fault(file, root.mark, (), expected)], next_step=NEXT_STEP)
    faults += _check_top(file, root)
    targets = targets_in(root)
    name = target or _default(root, targets)
    settings = None
    for each, own in targets.items():
        node = shape(merge(root, own), root, own, each)
        read_settings, found = _settings(node, path, env, chosen=each == name)
        faults += found
        if each == name:
            settings = read_settings
    if faults:
        raise InvalidFileError(faults, next_step=NEXT_STEP)
    if settings is None:
        raise _no_target(path, target, targets)
    return settings


def targets_in(root: Mapping) -> dict[str, Mapping]:
    """The file's targets by name; what is not the shape of a target is left out."""
    node = root.entries.get("targets")
    if not isinstance(node, Mapping):
        return {}
    return {
        name: own
        for name, own in node.entries.items()
        if isinstance(own, Mapping) and re.fullmatch(TARGET_NAME, name)
    }


def _default(root: Mapping, targets: AbstractMapping[str, Mapping]) -> str | None:
    node = root.entries.get("default_target")
    if isinstance(node, Scalar):
        return str(node.value)
    return next(iter(targets)) if len(targets) == 1 else None


def _check_top(file: str, root: Mapping) -> list[Fault]:
    faults = unknown_keys(file, root, FILE_KEYS)
    version = root.entries.get("version")
    if version is None:
        faults.append(Fault(file, root.mark, ("version",), f"missing; expected {VERSION}"))
    elif not isinstance(version, Scalar) or version.value is True or version.value != VERSION:
        faults.append(
            Fault(
                file,
                version.mark,
                ("version",),
                f"expected {VERSION}, the only version that this deployctl reads",
            )
        )
    return faults + _check_targets(file, root)


def _check_targets(file: str, root: Mapping) -> list[Fault]:
    node = root.entries.get("targets")
    if not isinstance(node, Mapping) or not node.entries:
        at = root.mark if node is None else node.mark
        expected = "expected at least one target, such as `production: {host: vps.example.com}`"
        return [Fault(file, at, ("targets",), expected)]
    faults = []
    good = targets_in(root)
    for name, own in node.entries.items():
        if name in good:
            faults += unknown_keys(file, good[name], SHARED_KEYS)
            faults += useless_removals(file, root, good[name])
        elif isinstance(own, Mapping):
            message = "expected a target's name of letters, digits, . _ and -"
            faults.append(Fault(file, node.key_marks[name], own.path, message))
        else:
            message = "expected a mapping such as {host: vps.example.com}"
            faults.append(Fault(file, own.mark, own.path, message))
    default = root.entries.get("default_target")
    if default is not None and not (isinstance(default, Scalar) and default.value in node.entries):
        word = default.text if isinstance(default, Scalar) else ""
        message = unknown_key(word, node.entries, "target")
        faults.append(Fault(file, default.mark, default.path, message))
    return faults


def _settings(
    node: Mapping, path: Path, env: AbstractMapping[str, str], *, chosen: bool
) -> tuple[Settings | None, list[Fault]]:
    file = str(path)
    node, misspelt, unset = interpolate(node, env, file)
    if unset and not chosen:
        return None, misspelt
    settings, faults = validate(Settings, node, file=file, directory=path.absolute().parent)
    unread = {fault.mark for fault in misspelt + unset}
    faults = [fault for fault in faults if fault.mark not in unread]
    if settings is not None and chosen:
        faults += _check_key(file, settings, node, env)
    return settings, misspelt + unset + faults


def _check_key(
    file: str, settings: Settings, node: Mapping, env: AbstractMapping[str, str]
) -> list[Fault]:
    """The variable that holds the private key is set, unless a key file stands in for it."""
    name = settings.host.key_env
    if name is None or settings.host.key_file is not None or env.get(name, "").strip():
        return []
    host = node.entries["host"]
    at = host.entries["key_env"] if isinstance(host, Mapping) else host
    message = f"the environment variable {name} is not set; it must hold the private key's text"
    return [Fault(file, at.mark, at.path, message)]


def _no_target(
    path: Path, target: str | None, targets: AbstractMapping[str, Mapping]
) -> ConfigError:
    names = ", ".join(targets)
    if target is None:
        return ConfigError(
            f"{path} has several targets, and no `default_target:` says which one is meant.",
            next_step=f"Add --target with one of: {names}.",
        )
    return ConfigError(
        f"{path} has no target {target!r}; its targets are: {names}.",
        next_step=f"Add --target with one of: {names}.",
    )
