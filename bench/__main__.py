"""The benchmark's command line: `script/bench --help`."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from bench import evidence, exchanges, memory, overhead, putback, report, startup, whole
from bench.bed import HERE, Bed, bed
from bench.stats import Goal

PARTS = ("whole", "overhead", "rollback", "startup", "memory", "evidence")
RESULTS = HERE / "results" / "latest.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
LAB = "bench"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(argv: Sequence[str]) -> int:
    choices = _parser().parse_args(argv)
    if choices.exchanges is not None:
        with bed(choices.lab) as made:
            print(exchanges.trace(made, choices.exchanges))
        return 0
    repetitions = 2 if choices.quick else choices.repetitions
    document = _measure(choices, repetitions)
    goals = _goals(document)
    print(report.tables(document, goals))
    print()
    for goal in goals:
        print(goal.sentence)
    document["goals"] = [goal.document() for goal in goals]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    if choices.write:
        PAGE.write_text(report.page(PAGE.read_text(), document, goals))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument("--quick", action="store_true", help="two repetitions, to see it work")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART",
                        help=f"repeatable; one of {', '.join(PARTS)}")  # fmt: skip
    parser.add_argument("--lab", default=LAB, metavar="NAME",
                        help="started if it is not there, and then removed at the end")  # fmt: skip
    parser.add_argument("--write", action="store_true", help="put the results into the docs")
    parser.add_argument("--exchanges", type=int, metavar="MS",
                        help="only list the exchanges of one hotfix at that distance")  # fmt: skip
    return parser


def _measure(choices: argparse.Namespace, repetitions: int) -> dict[str, Any]:
    parts = choices.only or list(PARTS)
    document: dict[str, Any] = {
        "command": _command(choices),
        "date": datetime.now(UTC).date().isoformat(),
        "repetitions": repetitions,
    }
    with bed(choices.lab) as made:
        document["machine"] = _machine(made)
        measures: dict[str, Callable[[], dict[str, Any]]] = {
            "whole": lambda: whole.measure(made, repetitions, say),
            "overhead": lambda: overhead.measure(made, repetitions, say),
            "rollback": lambda: putback.measure(made, repetitions, say),
            "startup": lambda: startup.measure(repetitions),
            "memory": lambda: memory.measure(made, say),
            "evidence": lambda: evidence.measure(repetitions),
        }
        for part in PARTS:
            if part in parts:
                say(f"== {part}")
                document[part] = measures[part]()
    return document


def _command(choices: argparse.Namespace) -> str:
    """What anybody else would type to measure the same."""
    words = ["script/bench"]
    words += ["--quick"] if choices.quick else []
    words += [] if choices.quick else ["--repetitions", str(choices.repetitions)]
    words += [word for part in choices.only or () for word in ("--only", part)]
    return " ".join(words)


def _machine(made: Bed) -> dict[str, Any]:
    """What the figures depend on, and nothing that would say whose machine it is."""
    version = "docker version --format '{{.Server.Version}}'; docker compose version --short"
    docker, compose = made.host.sh(version).split()
    return {
        "cores": os.cpu_count(),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "python": platform.python_version(),
        "docker": docker.partition("+")[0],
        "compose": compose.partition("-")[0],
    }


def _goals(document: dict[str, Any]) -> list[Goal]:
    makers = {
        "overhead": overhead.goals,
        "rollback": putback.goals,
        "startup": startup.goals,
        "memory": memory.goals,
        "evidence": evidence.goals,
    }
    return [g for part, make in makers.items() if part in document for g in make(document[part])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
