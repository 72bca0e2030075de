"""Which renderers a run gets, from the format asked for and where its streams lead."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, TextIO

from deployctl.ui.renderer import Guarded, Renderer

Format = Literal["text", "json", "ndjson"]


def choose(
    output: Format,
    *,
    stdout: TextIO,
    stderr: TextIO,
    env: Mapping[str, str],
    log_file: Path | None = None,
    lost: Callable[[Exception], None] = lambda _: None,
) -> list[Renderer]:
    """Text for people goes to `stderr` whatever the format; `stdout` carries data only.

    `lost` hears why `stdout` could not be written, unless its reader had closed it.
    Raises UsageError if the log file can't be written. None of the renderers ever raises.
    """
    from deployctl.ui.plain import LogFile, Plain  # noqa: PLC0415 - only what a run needs

    def report(text: str) -> None:
        with suppress(OSError, ValueError):
            stderr.write(f"deployctl: {text}\n")

    people = _for_people(stderr, env)
    renderers = [
        Guarded(
            people, fallback=None if isinstance(people, Plain) else Plain(stderr), report=report
        )
    ]
    if output != "text":
        from deployctl.ui.machine import Json, Ndjson  # noqa: PLC0415

        machine = Json(stdout) if output == "json" else Ndjson(stdout)
        renderers.append(Guarded(machine, report=report, lost=lost))
    if log_file is not None:
        renderers.append(Guarded(LogFile(log_file), report=report))
    return list(renderers)


def _for_people(stderr: TextIO, env: Mapping[str, str]) -> Renderer:
    if env.get("GITHUB_ACTIONS") == "true":
        from deployctl.ui.github import GitHub  # noqa: PLC0415

        return GitHub(stderr, env)
    if stderr.isatty() and env.get("TERM", "") not in ("", "dumb"):
        from deployctl.ui.terminal import Terminal  # noqa: PLC0415 - rich is slow to import

        return Terminal(stderr)
    from deployctl.ui.plain import Plain  # noqa: PLC0415

    return Plain(stderr)
