"""GitHub Actions: a group a stage, an annotation a failed gate, a job summary and outputs.

Build output and gate responses are foreign text. They stand between `::stop-commands::` and a
random token, or a response body could set outputs or mask lines of the job.
"""

import os
import secrets
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TextIO

from deployctl.events import Event, LogLine, PlanReady, RunEnded, StageEnded, StageStarted
from deployctl.ui.filters import News
from deployctl.ui.summary import markdown
from deployctl.ui.text import clean
from deployctl.ui.verdict import Document, deciding_gates, gate_line, headline, reason, succeeded
from deployctl.ui.wording import wording

SUMMARY_LIMIT_BYTES = 1024 * 1024


class GitHub:
    """Writes workflow commands and plain lines to `stream`; `env` is the job step's environment."""

    def __init__(self, stream: TextIO, env: Mapping[str, str] | None = None) -> None:
        self._stream = stream
        self._env = os.environ if env is None else env
        self._news = News()
        self._token = ""
        self._in_group = False
        self._stopped = False
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, StageStarted):
                self._end_group()
                self._command(f"::group::{clean(wording(event)[0])}")
                self._in_group = True
            elif isinstance(event, RunEnded):
                self._end_group()
                self._finish(event.result)
            elif self._news(event):
                self._say(wording(event), raw=isinstance(event, LogLine))
                if isinstance(event, StageEnded | PlanReady):
                    self._end_group()

    def close(self) -> None:
        with self._lock:
            self._end_group()

    def suspended(self) -> AbstractContextManager[object]:
        return nullcontext()

    def _say(self, lines: list[str], *, raw: bool) -> None:
        # Commands stay off from one raw line to the next: one pair of tokens for a whole build.
        for line in lines:
            if raw or _is_command(line):
                self._stop()
            else:
                self._resume()
            self._stream.write(line + "\n")
        self._stream.flush()

    def _command(self, line: str) -> None:
        self._resume()
        self._stream.write(line + "\n")
        self._stream.flush()

    def _stop(self) -> None:
        if not self._stopped:
            self._token = secrets.token_hex(16)
            self._stream.write(f"::stop-commands::{self._token}\n")
            self._stopped = True

    def _resume(self) -> None:
        if self._stopped:
            self._stream.write(f"::{self._token}::\n")
            self._stopped = False

    def _end_group(self) -> None:
        self._resume()
        if self._in_group:
            self._command("::endgroup::")
            self._in_group = False

    def _finish(self, result: Document) -> None:
        told = False
        for gate in deciding_gates(result):
            level = "warning" if gate.get("mode") == "advisory" else "error"
            told = told or level == "error"
            title = f"gate {gate['name']} {gate['state']}"
            self._annotate(level, title, gate_line(gate))
        if not succeeded(result) and not told:
            self._annotate("error", headline(result), "\n".join(reason(result)))
        self._say(wording(RunEnded(result=dict(result))), raw=False)
        _append(self._env.get("GITHUB_STEP_SUMMARY"), markdown(result, SUMMARY_LIMIT_BYTES))
        _append(self._env.get("GITHUB_OUTPUT"), outputs(result))

    def _annotate(self, level: str, title: str, message: str) -> None:
        self._command(f"::{level} title={escape_property(title)}::{escape_data(message)}")


def escape_data(text: str) -> str:
    """A workflow command's message: `%`, CR and LF would end it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """A workflow command's parameter, which `:` and `,` would end as well."""
    return escape_data(clean(text)).replace(":", "%3A").replace(",", "%2C")


def outputs(result: Document) -> str:
    """The step's outputs in GITHUB_OUTPUT's multi-line form; the delimiter can't be guessed."""
    seal = result.get("seal") or {}
    values = {
        "result": result["result"],
        "exit-code": str(result["exitCode"]),
        "reason": result["reason"],
        "run-id": result.get("runId") or "",
        "seal-path": seal.get("path", ""),
        "seal-digest": seal.get("digest", ""),
    }
    lines = []
    for name, value in values.items():
        delimiter = f"deployctl-{secrets.token_hex(16)}"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(lines)


def _is_command(line: str) -> bool:
    # The runner also obeys the old `##[…]` form, and a command after leading blanks.
    return line.lstrip().startswith("::") or "##[" in line


def _append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
