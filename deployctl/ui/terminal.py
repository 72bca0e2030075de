"""The live view on a terminal: what is happening below, what has happened above.

Lines that matter later (stages, plan, gates, the verdict) are printed for good; the spinner, the
upload bar, the tail of the build and the gate table live in a region that is redrawn and vanishes.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from deployctl.events import (
    Approved,
    AvailabilityTick,
    Event,
    GateAttempt,
    LogLine,
    Note,
    PlanReady,
    Progress,
    RollbackEnded,
    RollbackStarted,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Switched,
)
from deployctl.ui.text import clean, clean_lines, duration, size
from deployctl.ui.verdict import (
    Document,
    closing,
    facts,
    gate_line,
    headline,
    reason,
    succeeded,
    untold_gates,
)
from deployctl.ui.wording import wording

TAIL_LINES = 6
KEPT_LINES = 20
REDRAW_SECONDS = 0.125
_COLOURS = {
    "pass": "green",
    "passed": "green",
    "proven": "green",
    "fail": "red",
    "failed": "red",
    "unproven": "red",
    "error": "yellow",
    "inconclusive": "yellow",
    "skipped": "dim",
    "warning": "yellow",
    "info": "",
}
_DIFF = {"+": "green", "-": "red"}


class Terminal:
    """Draws on `stream`, which must be a terminal. Thread-safe; `close` restores the terminal."""

    def __init__(self, stream: TextIO, *, console: Console | None = None) -> None:
        self._console = console or Console(file=stream, highlight=False, markup=False, emoji=False)
        utf8 = (self._console.encoding or "").lower().replace("-", "") == "utf8"
        self._marks = {"pass": "✓", "fail": "✗"} if utf8 else {"pass": "+", "fail": "x"}
        self._spinner = Spinner("dots" if utf8 else "line", style="cyan")
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._painter: threading.Thread | None = None
        self._closed = threading.Event()
        self._suspensions = 0
        self._held: list[tuple[Text, bool]] = []
        """what others had to say while a person was being asked: line, and whether it is kept whole
        """
        self._stage: StageStarted | None = None
        self._stage_began = 0.0
        self._progress: Progress | None = None
        self._output: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._container: deque[str] = deque(maxlen=KEPT_LINES)
        self._gates: dict[tuple[str, str], GateAttempt] = {}
        self._availability: AvailabilityTick | None = None

    def __call__(self, event: Event) -> None:  # noqa: C901, PLR0912 - a flat table of events
        with self._lock:
            match event:
                case RunStarted():
                    self._print(Text(wording(event)[0], style="bold"))
                case StageStarted():
                    self._begin(event)
                case StageEnded():
                    self._end(event)
                case Progress():
                    self._progress = event
                case LogLine(source="container"):
                    self._container.append(clean(event.text))
                case LogLine():
                    self._output.append(event)
                case GateAttempt():
                    self._gates[event.gate, event.when] = event
                case AvailabilityTick():
                    self._availability = event
                case Note():
                    self._print(*_styled(wording(event), _COLOURS[event.level]))
                case PlanReady():
                    self._print(*self._plan(event))
                case Approved() | Switched():
                    self._print(*_styled([f"  {line}" for line in wording(event)], ""))
                case RollbackStarted():
                    self._print(Text(""), *_styled(wording(event), "bold red"))
                case RollbackEnded():
                    self._print(*_styled(wording(event), _COLOURS.get(event.state, "")))
                case RunEnded():
                    self._stop()
                    self._verdict(event.result)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._stop()

    def suspended(self) -> AbstractContextManager[object]:
        return self._suspended()

    @contextmanager
    def _suspended(self) -> Iterator[None]:
        with self._lock:
            self._suspensions += 1
            self._stop()
        try:
            yield
        finally:
            with self._lock:
                self._suspensions -= 1
                if not self._suspensions:
                    self._resume()

    def _resume(self) -> None:
        held, self._held = self._held, []
        for line, whole in held:
            self._put(line, whole=whole)
        if self._stage is not None and not self._closed.is_set():
            self._start()

    def _begin(self, event: StageStarted) -> None:
        self._stage, self._stage_began = event, time.monotonic()
        self._progress = None
        self._output.clear()
        self._gates.clear()
        self._start()

    def _end(self, event: StageEnded) -> None:
        mark = {"passed": self._marks["pass"], "failed": self._marks["fail"]}.get(event.state, "-")
        line = Text.assemble(
            (f"{mark} {clean(event.stage):<10}", _COLOURS[event.state]),
            (f" {duration(event.duration_ms) if event.state != 'skipped' else 'skipped':>10}", ""),
            (f"  {clean(event.detail)}" if event.detail else "", "dim"),
        )
        self._print(line, *self._gate_lines())
        if event.state == "failed" and self._output:
            self._print(*_styled([f"    {line}" for line in _tail(self._output)], "dim"))
        self._stage = self._progress = None
        self._output.clear()
        self._gates.clear()

    def _gate_lines(self) -> list[Text]:
        lines = []
        for gate in self._gates.values():
            passed = gate.state == "pass"
            mark = self._marks["pass" if passed else "fail"]
            short = f"{clean(gate.gate)} ({gate.when}): {clean(gate.observed)}"
            line = short if passed else wording(gate)[0].removeprefix("gate ")
            lines.append(Text(f"    {mark} {line}", style=_COLOURS.get(gate.state, "")))
        return lines

    def _plan(self, event: PlanReady) -> list[Text]:
        """The diff, last, is coloured by its first column: a list's items begin with `-`, too."""
        told = wording(event)
        diff = clean_lines(event.diff) if event.diff else []
        lines = _styled(told[: len(told) - len(diff)], "")
        for line, said in zip(told[len(lines) :], diff, strict=True):
            lines.append(Text(line, style=_DIFF.get(said[:1], "")))
        return lines

    def _verdict(self, result: Document) -> None:
        colour = "green" if succeeded(result) else "red"
        lines = [Text(""), Text(headline(result), style=f"bold {colour}")]
        lines += [Text(f"  {line}") for line in reason(result)]
        lines += [
            Text(f"  gate {gate_line(gate)}", style=_COLOURS.get(gate["state"], ""))
            for gate in untold_gates(result)
        ]
        if not succeeded(result) and self._container:
            lines.append(Text("  The container's last lines:", style="bold"))
            lines += [Text(f"    {line}", style="dim") for line in self._container]
        self._print(*lines)
        for label, text in facts(result):
            self._print_whole(Text.assemble((f"  {label + ':':<12}", "dim"), clean(text)))
        for label, text in closing(result):
            first, *rest = clean_lines(text)
            indented = [f"  {label + ':':<12}{first}", *(f"  {'':<12}{line}" for line in rest)]
            self._print_whole(*_styled(indented, "bold"))

    def _print(self, *lines: Text) -> None:
        """Breaks long lines at words, with the indentation that they began with."""
        for line in lines:
            self._put(line, whole=False)

    def _print_whole(self, *lines: Text) -> None:
        """Leaves the breaking to the terminal, so that a command can be copied in one piece."""
        for line in lines:
            self._put(line, whole=True)

    def _put(self, line: Text, *, whole: bool) -> None:
        if self._suspensions:
            self._held.append((line, whole))
        elif not line.plain.strip():
            self._console.line()
        elif whole:
            self._console.print(line, soft_wrap=True)
        else:
            indent = len(line.plain) - len(line.plain.lstrip(" "))
            self._console.print(Padding(line[indent:], (0, 0, 0, indent), expand=False))

    def _start(self) -> None:
        if self._live is not None or self._suspensions:
            return
        # Redrawn by a thread of ours: Live's own takes its lock before ours, and every print takes
        # ours before Live's.
        self._live = Live(
            get_renderable=self._view,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        if self._painter is None:
            self._painter = threading.Thread(target=self._paint, name="terminal", daemon=True)
            self._painter.start()

    def _paint(self) -> None:
        while not self._closed.wait(REDRAW_SECONDS):
            with self._lock:
                if self._live is not None:
                    self._live.refresh()

    def _stop(self) -> None:
        if self._live is not None:
            # Unset first: a display that fails while stopping must not be stopped again.
            live, self._live = self._live, None
            live.stop()

    def _view(self) -> RenderableType:
        """Only called with the lock held."""
        parts: list[RenderableType] = []
        if self._stage is not None:
            parts.append(self._stage_line(self._stage))
        if self._progress is not None:
            parts.append(self._bar(self._progress))
        if self._gates:
            parts.append(self._gate_table())
        else:
            parts += _one_line([f"    {line}" for line in _tail(self._output)[-TAIL_LINES:]])
        if self._availability is not None:
            parts += _one_line([f"  {line}" for line in wording(self._availability)])
        return Group(*parts)

    def _stage_line(self, stage: StageStarted) -> RenderableType:
        seconds = int(time.monotonic() - self._stage_began)
        elapsed = duration(1000 * seconds) if seconds else ""
        title = clean(stage.title) or clean(stage.stage)
        self._spinner.update(text=Text(f"{title}  {elapsed}", no_wrap=True, overflow="ellipsis"))
        return self._spinner

    def _bar(self, progress: Progress) -> RenderableType:
        row = Table.grid(padding=(0, 1))
        row.add_row(
            Text("   "),
            ProgressBar(
                total=max(progress.total_bytes, 1), completed=progress.done_bytes, width=30
            ),
            Text(f"{size(progress.done_bytes)} of {size(progress.total_bytes)}"),
        )
        return row

    def _gate_table(self) -> RenderableType:
        table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
        for name, ratio in (("gate", 2), ("state", 1), ("tries", 1), ("saw", 5), ("needs", 4)):
            fixed = name in ("state", "tries")
            table.add_column(
                f"    {name}" if name == "gate" else name,
                no_wrap=True,
                overflow="ellipsis",
                ratio=None if fixed else ratio,
            )
        for gate in self._gates.values():
            table.add_row(
                Text(f"    {clean(gate.gate)}"),
                Text(gate.state, style=_COLOURS.get(gate.state, "")),
                str(gate.attempt),
                Text(clean(gate.observed)),
                Text(clean(gate.threshold)),
            )
        table.expand = True
        return table


def _tail(output: deque[LogLine]) -> list[str]:
    return [clean(line.text) for line in output]


def _styled(lines: list[str], style: str) -> list[Text]:
    return [Text(line, style=style) for line in lines]


def _one_line(lines: list[str]) -> list[Text]:
    return [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines]
