"""The picture of a run over time: what lies where. Pure geometry, without a word or a colour.

Across it is all in parts of the width (0 to 1), so that text keeps its size on any screen; down it
is in pixels.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deployctl.evidence.report.series import Outage, Sample, Series
from deployctl.evidence.report.story import Story

COLUMNS: Final = 1200
"""of dots: of more samples the fastest and the slowest of each column are drawn"""
UNITS: Final = 10_000
"""the width of the part of the drawing that is stretched"""
HEIGHT: Final = 294
SWITCH_LABEL: Final = 14
ROLLBACK_LABEL: Final = 28
"""a row each: they may be close"""
ROWS: Final = 2
"""of outages' lengths, above the plot"""
ROW_HEIGHT: Final = 13
PLOT_TOP: Final = 78
PLOT_BOTTOM: Final = 206
FAILURES: Final = 218
"""the middle of the row of failures"""
BANDS_TOP: Final = 234
BANDS_HEIGHT: Final = 26
AXIS: Final = 272

_LEAST_WAIT: Final = 10.0
_WAIT_SHARE: Final = 0.25
_WAIT_WIDTH: Final = 0.07
_NARROW: Final = 0.0008
_TICKS: Final = 9
_TICK_SPACE: Final = 0.055
_STEPS: Final = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    1800,
    3600,
    7200,
    21600,
)
_LETTER: Final = 6.4
"""pixels, on average, of a letter of 11 px"""
NEVER: Final = 1_000_000
_OUTAGES: Final = 200
_HEADROOM: Final = 1.04
_EDGE: Final = 0.2
_LABELLED: Final = 6
_LABEL: Final = 150
_SHORT_LABEL: Final = 90
_OPEN_LABEL: Final = 260
"""pixels that an outage's length takes: the longest one's has a word with it, and one that was not
over at the end has several"""
WIDTHS: Final = (320, 640, 960)
"""of the picture, in pixels, at which labels may come in"""


@dataclass(frozen=True)
class Axis:
    """Seconds since the start of the run, from 0 to `end`.

    A long wait for consent, in which nothing happens, takes little room: `wait` is its begin and
    end.
    """

    end: float
    wait: tuple[float, float] | None = None

    def place(self, second: float) -> float:
        second = min(max(second, 0.0), self.end)
        if self.wait is None:
            return second / self.end
        began, ended = self.wait
        rest = self.end - (ended - began)
        scale = (1 - _WAIT_WIDTH) / rest if rest > 0 else 0.0
        if second <= began:
            return second * scale
        if second >= ended:
            return began * scale + _WAIT_WIDTH + (second - ended) * scale
        return began * scale + _WAIT_WIDTH * (second - began) / (ended - began)

    @property
    def waited(self) -> float:
        return self.wait[1] - self.wait[0] if self.wait else 0.0

    def span(self, began: float, ended: float) -> "Span":
        left = self.place(began)
        return Span(left, max(self.place(ended) - left, 0.0))


@dataclass(frozen=True)
class Span:
    left: float
    width: float

    @property
    def right(self) -> float:
        return min(self.left + self.width, 1.0)

    @property
    def anchor(self) -> str:
        """Where a text over it is to be held, so that it stays within the picture."""
        if self.middle < _EDGE:
            return "start"
        return "end" if self.middle > 1 - _EDGE else "middle"

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


@dataclass(frozen=True)
class Band:
    """A stage. `needs`: the picture's width in pixels from which on its name has room in it."""

    name: str
    state: str
    span: Span
    needs: int
    waiting: bool = False


@dataclass(frozen=True)
class Tick:
    second: float
    at: float


@dataclass(frozen=True)
class Line:
    """Of the latency's scale."""

    milliseconds: int
    y: float


@dataclass(frozen=True)
class Gap:
    """An outage; `margin` is the probe's resolution on either side, as a part of the width."""

    span: Span
    margin: float
    milliseconds: float
    over: bool
    at_end: bool
    """it was not over when the measurement ended"""
    needs: int = NEVER
    """the picture's width in pixels from which on there is room for its length"""
    row: int = 0
    """in which that stands, counted from the plot upwards"""


@dataclass(frozen=True)
class Picture:
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    served: str
    """SVG path: a dot for each probe that was answered"""
    failed: str
    unknown: str
    gaps: tuple[Gap, ...]
    switch: float | None
    rollback: Span | None
    wait: Span | None
    waited: float
    """seconds that were drawn short"""
    samples: int
    drawn: int
    """dots, where not every sample has one"""

    @property
    def thinned(self) -> bool:
        return self.drawn < self.samples

    @property
    def cut(self) -> float:
        """How much of the top stays empty, and is not drawn: there are only stages to see."""
        empty = not self.samples and self.switch is None and self.rollback is None
        return BANDS_TOP - 4 if empty else 0

    @property
    def longest(self) -> Gap | None:
        return max(self.gaps, key=lambda gap: gap.milliseconds, default=None)


def picture(story: Story) -> Picture | None:
    """None for a run without a stage: there is nothing to draw."""
    stages = [
        (stage, story.seconds(stage.started_at), stage.duration_ms / 1000)
        for stage in story.result.stages
    ]
    if not stages:
        return None
    end = max(story.result.duration_ms / 1000, *(began + took for _, began, took in stages), 0.001)
    axis = Axis(end, _wait(story, end))
    bands = tuple(
        _band(stage.name, stage.state, axis.span(began, began + took), axis, began)
        for stage, began, took in stages
    )
    resolution = story.result.availability.resolution_ms if story.result.availability else 0
    offset = story.seconds(story.series.started_at) if story.series else 0.0
    dots = _dots(story.series, offset, axis)
    return Picture(
        bands=bands,
        ticks=tuple(_ticks(axis)),
        lines=tuple(dots.lines),
        served=dots.served,
        failed=dots.failed,
        unknown=dots.unknown,
        gaps=tuple(_gaps(story.series, offset, axis, resolution / 1000)),
        switch=axis.place(story.seconds(story.journal.switched))
        if story.journal.switched
        else None,
        rollback=_rollback(story, axis, [(s.name, began, took) for s, began, took in stages]),
        wait=axis.span(*axis.wait) if axis.wait else None,
        waited=axis.waited,
        samples=dots.samples,
        drawn=dots.drawn,
    )


def _wait(story: Story, end: float) -> tuple[float, float] | None:
    for stage in story.result.stages:
        took = stage.duration_ms / 1000
        if stage.name == "approve" and took > max(_LEAST_WAIT, _WAIT_SHARE * end):
            began = max(story.seconds(stage.started_at), 0.0)
            return (began, min(began + took, end)) if began < end else None
    return None


def _band(name: str, state: str, span: Span, axis: Axis, began: float) -> Band:
    label = len(name) * _LETTER + 10
    needs = math.ceil(label / span.width) if span.width > _NARROW else NEVER
    waiting = axis.wait is not None and began == axis.wait[0]
    return Band(name, state, span, needs, waiting)


def _rollback(story: Story, axis: Axis, stages: Iterable[tuple[str, float, float]]) -> Span | None:
    began, ended = story.journal.rollback_began, story.journal.rollback_ended
    if began is not None and ended is not None:
        return axis.span(story.seconds(began), story.seconds(ended))
    for name, start, took in stages:
        if name == "rollback":
            return axis.span(start, start + took)
    return None


def _ticks(axis: Axis) -> Iterator[Tick]:
    shown = axis.end - axis.waited
    step = next((s for s in _STEPS if shown / s <= _TICKS), _STEPS[-1])
    while shown / step > _TICKS:
        step *= 2
    began, ended = axis.wait or (axis.end, axis.end)
    last = -1.0
    for first, end in ((0.0, began), (ended, axis.end)):
        for number in range(math.ceil(first / step), math.floor(end / step) + 1):
            at = axis.place(number * step)
            if at - last >= _TICK_SPACE and at <= 1 - _TICK_SPACE / 3:
                yield Tick(number * step, at)
                last = at


def _gaps(series: Series | None, offset: float, axis: Axis, resolution: float) -> list[Gap]:
    outages: Sequence[Outage] = series.outages if series else ()
    last = outages[-1] if series and series.still_down else None
    # Of very many the longest are the ones to see, and one that was not over.
    shown = sorted(outages, key=lambda each: (each is not last, each.began_ms - each.ended_ms))
    gaps = []
    taken: list[_Label] = []
    for number, outage in enumerate(shown[:_OUTAGES]):
        span = axis.span(offset + outage.began_ms / 1000, offset + outage.ended_ms / 1000)
        size = _OPEN_LABEL if outage is last else _SHORT_LABEL if number else _LABEL
        label = _labelled(span, size, taken) if number < _LABELLED else None
        if label is not None:
            taken.append(label)
        length = outage.ended_ms - outage.began_ms
        gaps.append(
            Gap(
                span,
                resolution / axis.end,
                length,
                outage.over,
                outage is last,
                label.needs if label else NEVER,
                label.row if label else 0,
            )
        )
    return sorted(gaps, key=lambda gap: gap.span.left)


@dataclass(frozen=True)
class _Label:
    """The length of an outage over its span: from which width on, and in which row."""

    span: Span
    size: int
    needs: int
    row: int


def _labelled(span: Span, size: int, taken: Sequence[_Label]) -> _Label | None:
    """In the lowest row, at the least width, in which it touches none that is there."""
    for width in WIDTHS:
        left, right = _covered(span, size, width)
        if size == _OPEN_LABEL and (left < 0 or right > width):
            continue
        for row in range(ROWS):
            # One that comes in at this width stays at greater ones.
            same = [other for other in taken if other.row == row]
            if all(_apart(span, size, other, at) for other in same for at in WIDTHS
                   if at >= max(width, other.needs)):  # fmt: skip
                return _Label(span, size, width, row)
    return None


def _apart(span: Span, size: int, other: _Label, width: int) -> bool:
    left, right = _covered(span, size, width)
    begins, ends = _covered(other.span, other.size, width)
    return right < begins or left > ends


def _covered(span: Span, label: int, width: int) -> tuple[float, float]:
    """What a label covers, in pixels."""
    match span.anchor:
        case "start":
            left = span.left * width
        case "end":
            left = span.right * width - label
        case _:
            left = span.middle * width - label / 2
    return left, left + label


@dataclass(frozen=True)
class _Dots:
    served: str = ""
    failed: str = ""
    unknown: str = ""
    lines: tuple[Line, ...] = ()
    samples: int = 0
    drawn: int = 0


def _dots(series: Series | None, offset: float, axis: Axis) -> _Dots:
    if series is None or not series.samples:
        return _Dots()
    placed = [(axis.place(offset + sample.at_ms / 1000), sample) for sample in series.samples]
    kept = placed if len(placed) <= 2 * COLUMNS else list(_thinned(placed))
    served = [(at, s) for at, s in kept if s.outcome == "ok"]
    top = max((s.latency_ms for _, s in served), default=1.0)
    height = _scale(top)
    return _Dots(
        served=_path((at, height(s.latency_ms)) for at, s in served),
        failed=_path((at, FAILURES) for at, s in kept if s.outcome == "failed"),
        unknown=_path((at, FAILURES) for at, s in kept if s.outcome == "unknown"),
        lines=tuple(Line(10**n, height(10**n)) for n in range(int(_decades(top)) + 1)),
        samples=len(placed),
        drawn=len(kept),
    )


def _thinned(placed: Iterable[tuple[float, Sample]]) -> Iterator[tuple[float, Sample]]:
    """Of each column the fastest and slowest answer, and one of each kind that was none."""
    columns: dict[tuple[int, str], list[tuple[float, Sample]]] = {}
    for at, sample in placed:
        columns.setdefault((int(at * COLUMNS), sample.outcome), []).append((at, sample))
    for (_, outcome), items in columns.items():
        if outcome == "ok" and len(items) > 1:
            yield min(items, key=lambda item: item[1].latency_ms)
            yield max(items, key=lambda item: item[1].latency_ms)
        else:
            yield items[0]


def _decades(top: float) -> float:
    """How many powers of ten the scale has, from 1 ms: to 100 ms at least."""
    return max(2.0, math.log10(max(top, 1.0)) * _HEADROOM)


def _scale(top: float) -> Callable[[float], float]:
    decades = _decades(top)

    def height(milliseconds: float) -> float:
        part = math.log10(max(milliseconds, 1.0)) / decades
        return round(PLOT_BOTTOM - part * (PLOT_BOTTOM - PLOT_TOP), 1)

    return height


def _path(points: Iterable[tuple[float, float]]) -> str:
    """A dot is a line without length, which round ends make visible."""
    return "".join(f"M{round(at * UNITS)} {y:g}h0" for at, y in points)
