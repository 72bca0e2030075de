"""What is wrong with a compose file of this machine, and with what lies beside it."""

import os
import shlex
from pathlib import Path

from deployctl import composefile
from deployctl.rollout.diagnosis import Diagnosis, Fault, diagnosis


def diagnose(file: str, data: bytes) -> Diagnosis:
    """`file` is its path, or - for one without a place: then nothing beside it is looked at."""
    folder = Path(file).resolve().parent if file != "-" else None
    around = composefile.Surroundings()
    if folder is not None:
        around = composefile.Surroundings(
            variables=_variables(folder),
            env_file=lambda path: _state(folder, path),
            file=lambda path: _state(folder, path),
        )
    faults = [Fault.of(fault) for fault in composefile.check(data, around=around)]
    named = "-" if file == "-" else shlex.quote(file)
    return diagnosis(file, faults, not_asked=f"docker compose -f {named} config --quiet")


def _variables(folder: Path) -> frozenset[str]:
    """Those of this process, and of the `.env` that Compose would read."""
    try:
        own = composefile.assigned((folder / ".env").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        own = frozenset()
    return own | frozenset(os.environ)


def _state(folder: Path, path: str) -> str:
    try:
        with (folder / path).open("rb"):
            return ""
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError) as error:
        return f"can't be read ({getattr(error, 'strerror', None) or error})"
