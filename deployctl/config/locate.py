"""Which settings file is meant: the project's, or one that `deployctl lab up` wrote."""

import re
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployctl.config.fields import TARGET_NAME
from deployctl.config.load import read, targets_in
from deployctl.config.tree import Mapping, parse
from deployctl.errors import ConfigError

FILE_NAME: Final = "deployctl.yml"
_HOW_TO_MAKE: Final = (
    "`deployctl lab up` starts a disposable host with the target `lab`; "
    f"`deployctl init` writes a {FILE_NAME} for a host of yours."
)


@dataclass(frozen=True)
class Available:
    """The targets to be had: of the nearest project file (if any), and of the state directory."""

    project: Path | None
    in_project: tuple[str, ...] | None
    """None: the project's file can't be read; loading it says why."""
    state: Path
    in_state: tuple[str, ...]


def locate(
    target: str | None, config: Path | None, cwd: Path, env: AbstractMapping[str, str]
) -> Path:
    """The settings file: `config` if given; else the nearest deployctl.yml upwards from `cwd`
    that has the target; else the target's file in the state directory.

    Raises ConfigError that lists the targets of both places.
    """
    if target is not None and not re.fullmatch(TARGET_NAME, target):
        raise ConfigError(
            f"{target!r} is not a target's name; expected letters, digits, . _ and -.",
            next_step="Correct --target.",
        )
    if config is not None:
        return config
    found = available(cwd, env)
    if found.project is not None and (
        target is None or found.in_project is None or target in found.in_project
    ):
        return found.project
    if target is None and len(found.in_state) == 1:
        target = found.in_state[0]
    if target is not None and target in found.in_state:
        return found.state / f"{target}.yml"
    raise _nothing(target, cwd, found)


def available(cwd: Path, env: AbstractMapping[str, str]) -> Available:
    project = _project_file(cwd)
    state = state_targets(env)
    files = sorted(state.glob("*.yml")) if state.is_dir() else []
    return Available(
        project=project,
        in_project=_targets_of(project) if project else (),
        state=state,
        in_state=tuple(file.stem for file in files if re.fullmatch(TARGET_NAME, file.stem)),
    )


def state_targets(env: AbstractMapping[str, str]) -> Path:
    """Where target files that deployctl wrote itself stand, one a target: `<target>.yml`."""
    state = env.get("XDG_STATE_HOME", "")
    if not Path(state).is_absolute():
        state = str(Path(env.get("HOME") or Path.home()) / ".local" / "state")
    return Path(state) / "deployctl" / "targets"


def _project_file(cwd: Path) -> Path | None:
    directories = (cwd.absolute(), *cwd.absolute().parents)
    return next((d / FILE_NAME for d in directories if (d / FILE_NAME).is_file()), None)


def _targets_of(path: Path) -> tuple[str, ...] | None:
    try:
        root, _ = parse(read(path), str(path))
    except ConfigError:
        return None
    return tuple(targets_in(root)) if isinstance(root, Mapping) else None


def _nothing(target: str | None, cwd: Path, found: Available) -> ConfigError:
    lines = []
    if target is None and found.in_state:
        lines.append("No target is named, and there are several.")
    elif target is None:
        lines.append("There is no target to work on.")
    else:
        lines.append(f"There is no target {target!r}.")
    if found.project is None:
        lines.append(f"No {FILE_NAME} in {cwd} or above it.")
    else:
        lines.append(f"{found.project} has: {', '.join(found.in_project or ())}.")
    lines.append(f"{found.state} has: {', '.join(found.in_state) or 'none'}.")
    names = (*(found.in_project or ()), *found.in_state)
    choose = f"Add --target with one of: {', '.join(names)}. " if names else ""
    return ConfigError(" ".join(lines), next_step=choose + _HOW_TO_MAKE)
