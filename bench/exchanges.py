"""Which exchanges with the host a hotfix makes, when, and how long each takes: for whoever speeds
it up. It runs deployctl inside this process, with its host's methods watched.

    script/bench --exchanges 100        # at a round trip of 100 ms
"""

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from bench.bed import TARGET, Bed
from bench.delay_proxy import DelayProxy
from deployctl.config.load import load
from deployctl.events import Event, Events, StageEnded, StageStarted
from deployctl.host.connection import Host
from deployctl.rollout.hotfix import hotfix
from deployctl.rollout.playbook import builtin
from deployctl.rollout.request import Approval, Options

WATCHED = ("connect", "run", "open", "upload")


@dataclass
class Watch:
    """Milliseconds since the start, and what happened then."""

    began: float = field(default_factory=time.monotonic)
    stage: str = ""
    lines: list[tuple[float, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, text: str, at: float | None = None) -> None:
        with self._lock:
            self.lines.append((((at or time.monotonic()) - self.began) * 1000, text))

    def hear(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self.stage = event.stage
            self.note(f"== {event.stage}")
        elif isinstance(event, StageEnded):
            self.note(f"   {event.stage} took {event.duration_ms} ms")

    def span(self, stage: str) -> tuple[float, float]:
        """When that stage began and when the next one did."""
        starts = [(at, text) for at, text in self.lines if text.startswith("== ")]
        at = [text for _, text in starts].index(f"== {stage}")
        return starts[at][0], starts[at + 1][0]

    def watch(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def watched(*arguments: Any, **named: Any) -> Any:
            began = time.monotonic()
            try:
                return method(*arguments, **named)
            finally:
                if self.stage != "gate":
                    what = next((a for a in arguments[1:] if isinstance(a, str)), "")
                    took = (time.monotonic() - began) * 1000
                    self.note(f"   {took:6.0f} ms  {name} {what}", began)

        return watched


def trace(bed: Bed, rtt: int) -> str:
    """One hotfix at that round trip in ms; a line for each exchange, in the order of their starts.

    An `open` is timed until its program was sent; what comes of it is the stage's. Calls of docker
    on the host stand between them. What the gates do while they wait is left out.
    """
    bed.reset()
    sha = bed.fresh_commit()
    with DelayProxy(bed.port, rtt / 1000) as proxy, bed.docker_noted() as calls:
        path = bed.settings(proxy.port, min_healthy="0s")
        watch, epoch = Watch(), time.time()
        events = Events()
        events.subscribe(watch.hear)
        options = Options(yes=True, evidence_dir=bed.folder / "evidence", operator="bench")
        with _watched(watch):
            result = hotfix(
                load(path, TARGET, os.environ), sha, options, builtin("hotfix"), events,
                lambda _: Approval(by="bench", how="--yes"),
            )  # fmt: skip
        ended = time.monotonic() - watch.began
        gate = watch.span("gate")
    watch.lines += [
        (
            (call.began - epoch) * 1000,
            f"     host {call.seconds * 1000:6.0f} ms  {call.words[:100]}",
        )
        for call in calls
        if not gate[0] <= (call.began - epoch) * 1000 < gate[1]
    ]
    lines = [f"{at:8.0f}  {text}" for at, text in sorted(watch.lines)]
    return "\n".join([*lines, f"{ended * 1000:8.0f}  {result.result}, {proxy.traffic}"])


@contextmanager
def _watched(watch: Watch) -> Iterator[None]:
    patches = []
    for name in WATCHED:
        method = Host.__dict__[name]
        if isinstance(method, classmethod):
            patched: Any = classmethod(watch.watch(name, method.__func__))
        else:
            patched = watch.watch(name, method)
        patches.append(mock.patch.object(Host, name, patched))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
