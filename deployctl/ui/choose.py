"""Which renderers a run gets, from the format asked for and where its streams lead."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TextIO

from deployctl.ui.renderer import Renderer

Format = Literal["text", "json", "ndjson"]


def choose(
    output: Format,
    *,
    stdout: TextIO,
    stderr: TextIO,
    env: Mapping[str, str],
    log_file: Path | None = None,
) -> list[Renderer]:
    """Text for people goes to `stderr` whatever the format; `stdout` carries data only."""
    renderers = [_for_people(stderr, env)]
    if output != "text":
        from deployctl.ui.machine import Json, Ndjson  # noqa: PLC0415 - only what a run needs

        renderers.append(Json(stdout) if output == "json" else Ndjson(stdout))
    if log_file is not None:
        from deployctl.ui.plain import LogFile  # noqa: PLC0415

        renderers.append(LogFile(log_file))
    return renderers


def _for_people(stderr: TextIO, env: Mapping[str, str]) -> Renderer:
    if env.get("GITHUB_ACTIONS") == "true":
        from deployctl.ui.github import GitHub  # noqa: PLC0415

        return GitHub(stderr, env)
    if stderr.isatty() and env.get("TERM", "") not in ("", "dumb"):
        from deployctl.ui.terminal import Terminal  # noqa: PLC0415 - rich takes 60 ms to import

        return Terminal(stderr)
    from deployctl.ui.plain import Plain  # noqa: PLC0415

    return Plain(stderr)
