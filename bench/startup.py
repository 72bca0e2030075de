"""How long `deployctl --help` takes, against importing the library that its command line is of."""

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from bench.bed import DEPLOYCTL
from bench.stats import Goal, Spread, interleaved

LIMIT = 1.5
LEAST_RUNS = 15
HELP, TYPER, PYTHON = "deployctl --help", "python -c 'import typer'", "python -c pass"
_COMMANDS = {
    HELP: [DEPLOYCTL, "--help"],
    TYPER: [sys.executable, "-c", "import typer"],
    PYTHON: [sys.executable, "-c", "pass"],
}


def measure(repetitions: int) -> dict[str, Any]:
    runs: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    # the first round of each fills the page cache, and is left out
    for name in interleaved(list(_COMMANDS), 1 + max(repetitions, LEAST_RUNS)):
        began = time.perf_counter()
        subprocess.run(_COMMANDS[name], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        runs[name].append((time.perf_counter() - began) * 1000)
    spreads = {name: Spread.of(values[1:]) for name, values in runs.items()}
    return {
        "ms": {name: spread.document(1) for name, spread in spreads.items()},
        "ratio": round(spreads[HELP].ratio(spreads[TYPER]), 3),
    }


def goals(document: Mapping[str, Any]) -> list[Goal]:
    return [Goal(f"{HELP} / {TYPER}", document["ratio"], LIMIT, "")]
