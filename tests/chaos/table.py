"""The cells that were played, kept line by line, and shown as one table. A run can be taken up."""

import hashlib
import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from .cell import Outcome

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".chaos"
DECIDING = (
    *(f"deployctl/{room}" for room in ("host", "engines", "gates", "rollout")),
    *(f"deployctl/{name}.py" for name in ("errors", "events", "result")),
    "playbooks",
    *(f"tests/chaos/{name}.py" for name in ("broken_client", "cell", "expect", "faults", "steps")),
)
"""what a cell's outcome depends on: how a report looks, or who is told of it, is none of that"""
OTHER_COMMANDS = {
    f"deployctl/rollout/{name}.py"
    for name in (
        "audit",
        "audit_files",
        "copies",
        "diagnose",
        "diagnose_file",
        "diagnosis",
        "doctor",
        "edge_configuration",
        "edge_plan",
        "verify",
    )
}
"""commands that no cell gives"""


def results_file() -> Path:
    """One for each state of that: what held for another one proves nothing."""
    words = ["git", "-C", str(ROOT), "ls-files", "-z", "--", *DECIDING]
    names = subprocess.run(words, capture_output=True, check=True).stdout.decode().split("\0")
    digest = hashlib.sha256()
    for name in sorted(set(filter(None, names)) - OTHER_COMMANDS):
        path = ROOT / name
        digest.update(name.encode() + (path.read_bytes() if path.is_file() else b""))
    return FOLDER / f"{digest.hexdigest()[:16]}.jsonl"


def read(path: Path) -> list[Outcome]:
    """The last outcome of each cell."""
    found: dict[tuple[str, str], Outcome] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            values = json.loads(line)
            values["wrong"] = tuple(values["wrong"])
            outcome = Outcome(**values)
            found[outcome.step, outcome.fault] = outcome
    return list(found.values())


def keep(path: Path, outcome: Outcome) -> None:
    """One short line at once: several workers may write."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as stream:
        stream.write(outcome.line() + "\n")


def shown(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """A line a cell: how it ended, what serves, the outage and the time until all was at rest."""
    rows = sorted(outcomes, key=lambda outcome: (outcome.step, outcome.fault))
    steps = max((len(row.step) for row in rows), default=0)
    faults = max((len(row.fault) for row in rows), default=0)
    for row in rows:
        held = "held" if row.held else f"NOT: {'; '.join(row.wrong)}"
        yield (
            f"{row.step:<{steps}} | {row.fault:<{faults}} | {row.ended:>6} | {row.serves:<6} | "
            f"{row.outage_ms:>6} ms out | {row.converged_ms / 1000:>5.1f} s to rest | {held}"
        )
    yield f"{sum(row.held for row in rows)} of {len(rows)} held"
