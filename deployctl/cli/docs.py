"""`deployctl docs`: the reference, always of the version that is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from deployctl.cli.output import Output
from deployctl.errors import ExitCode, UsageError

MEANINGS = {
    ExitCode.SEALED: "sealed: every gate passed (rollback: the earlier release serves)",
    ExitCode.BUG: "a bug in deployctl",
    ExitCode.USAGE: "usage: the command line can't be understood",
    ExitCode.UNTOUCHED: "failed before the switch: production untouched (source, ship, build)",
    ExitCode.ROLLED_BACK: "a gate failed: rolled back, and what held before holds again",
    ExitCode.ROLLBACK_FAILED: (
        "rollback failed or could not be proven: a person is needed; the commands are printed"
    ),
    ExitCode.REFUSED: (
        "refused: preflight, drift or an armed run; diagnose, doctor, verify, audit: problems found"
    ),
    ExitCode.INCONCLUSIVE: "inconclusive: rolled back for want of proof",
    ExitCode.UNREACHABLE: "host unreachable, authentication or host key refused",
    ExitCode.SEAL_FAILED: "deployed and confirmed, but the seal could not be written",
    ExitCode.LOCKED: "locked by another rollout",
    ExitCode.APPROVAL: "approval missing or refused",
    ExitCode.CONFIG: "configuration invalid",
    ExitCode.INTERRUPTED: "interrupted; if the switch had happened, it was rolled back first",
}


def exit_codes() -> str:
    return "".join(f"{int(code):>4}  {meaning}\n" for code, meaning in MEANINGS.items())


def settings() -> str:
    from deployctl.config import load  # noqa: PLC0415 - only for this topic

    return (Path(load.__file__).parent / "example.yml").read_text(encoding="utf-8")


def playbook() -> str:
    from deployctl.data import data_path  # noqa: PLC0415

    return data_path("playbooks", "hotfix.yml").read_text(encoding="utf-8")


def result() -> str:
    from deployctl.ui.result_schema import schema_text  # noqa: PLC0415

    return schema_text()


def evidence() -> str:
    return Path(__file__).with_name("evidence.txt").read_text(encoding="utf-8")


TOPICS: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("deployctl.yml with every setting explained", settings),
    "playbook": ("the built-in hotfix playbook, to start one's own from", playbook),
    "exit-codes": ("every exit code and what it means", exit_codes),
    "result": ("the JSON Schema of --output json", result),
    "evidence": ("what is kept where and how long, personal data, what a seal proves", evidence),
}


def docs(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", help="Without one, the topics are listed.")
    ] = None,
) -> None:
    """Print the reference on a topic."""
    output = Output.of(context)
    if topic is None:
        output.write("".join(f"{name:<12}{about}\n" for name, (about, _) in TOPICS.items()))
        return
    if topic not in TOPICS:
        raise UsageError(
            f"There is no topic {topic}.", next_step=f"deployctl docs {'|'.join(TOPICS)}"
        )
    output.write(TOPICS[topic][1]())
