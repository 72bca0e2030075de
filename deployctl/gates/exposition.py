"""An exposition of metrics, read as strictly as Prometheus reads it. Pure."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from typing import Final, Literal

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text

from deployctl.config.gates import parse_series

Format = Literal["text", "openmetrics"]

ACCEPT: Final = (
    "application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
"""What Prometheus asks for."""

LONGEST_LINE: Final = 16 * 1024
_TEXT_VERSIONS: Final = ("", "0.0.4", "1.0.0")


class ExpositionError(Exception):
    """It is no exposition, or not a whole one; the message is a sentence for people."""


@dataclass(frozen=True)
class Requirement:
    """A series that must be there, with a finite value."""

    text: str
    name: str
    matchers: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Requirement":
        return cls(text, *parse_series(text))

    def matches(self, labels: dict[str, str]) -> bool:
        return all(_label_matches(labels.get(label, ""), *rest) for label, *rest in self.matchers)


def _label_matches(value: str, operator: str, wanted: str) -> bool:
    if operator in {"=", "!="}:
        return (value == wanted) == (operator == "=")
    return bool(re.fullmatch(wanted, value)) == (operator == "=~")


@dataclass(frozen=True)
class Exposition:
    samples: int
    declared: frozenset[str]
    """families, those without a sample included"""
    seen: frozenset[str]
    """families with at least one sample"""
    typed: bool
    """at least one sample belongs to a family that a TYPE line declares"""
    found: frozenset[str] = frozenset()
    """requirements, by their text, that at least one series fulfils"""
    not_finite: frozenset[str] = frozenset()
    """requirements that some series matches with NaN or an infinite value"""


def format_of(content_type: str, fallback: Format | None) -> Format:
    """By media type, as Prometheus 3 chooses; raises ExpositionError for any other type."""
    header = Message()
    header["Content-Type"] = content_type
    media = content_type.partition(";")[0].strip().lower()
    version = str(header.get_param("version", "") or "")
    if media == "application/openmetrics-text":
        return "openmetrics"
    if media == "text/plain" and version in _TEXT_VERSIONS:
        return "text"
    if media in {"text/html", "application/xhtml+xml"}:
        raise ExpositionError(f"it is a web page ({media}), not an exposition of metrics")
    if fallback:
        return fallback
    shown = f"content type {content_type!r}" if content_type.strip() else "no content type"
    raise ExpositionError(f"{shown}: Prometheus refuses it (see the setting fallback)")


def read(body: bytes, form: Format, requirements: Iterable[Requirement] = ()) -> Exposition:
    """Reads a whole exposition; raises ExpositionError for one that is broken or cut off."""
    if body.lstrip()[:1] == b"<":
        raise ExpositionError("it is a web page, not an exposition of metrics")
    if not body.strip():
        raise ExpositionError("the exposition is empty")
    if not body.endswith(b"\n"):
        raise ExpositionError("the last line is cut off")
    longest = max(map(len, body.split(b"\n")))
    if longest > LONGEST_LINE:
        # The parsers take quadratic time over a line's labels.
        raise ExpositionError(f"a line has {longest} bytes; at most {LONGEST_LINE} are read")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ExpositionError("it is not UTF-8 text") from error
    parse = open_metrics if form == "openmetrics" else prometheus_text
    tally = _Tally(tuple(requirements))
    try:
        for family in parse(text):
            tally.add(family)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ExpositionError(f"it can't be parsed: {_first_line(error)}") from error
    return tally.result()


@dataclass
class _Tally:
    """Counts while the families stream by, so that a large exposition is never held as objects."""

    requirements: tuple[Requirement, ...]
    samples: int = 0
    declared: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    typed: bool = False
    found: set[str] = field(default_factory=set)
    not_finite: set[str] = field(default_factory=set)

    def add(self, family: Metric) -> None:
        name = _comparable(family.name)
        self.declared.add(name)
        if family.samples:
            self.samples += len(family.samples)
            self.seen.add(name)
            self.typed = self.typed or family.type not in {"unknown", "untyped"}
        for requirement in self.requirements:
            self._check(requirement, family)

    def _check(self, requirement: Requirement, family: Metric) -> None:
        exact = [sample for sample in family.samples if sample.name == requirement.name]
        named = family.samples if family.name == requirement.name else []
        for sample in exact or named:
            if requirement.matches(sample.labels):
                good = math.isfinite(sample.value)
                (self.found if good else self.not_finite).add(requirement.text)

    def result(self) -> Exposition:
        return Exposition(
            samples=self.samples,
            declared=frozenset(self.declared),
            seen=frozenset(self.seen),
            typed=self.typed,
            found=frozenset(self.found),
            not_finite=frozenset(self.not_finite),
        )


def _comparable(family: str) -> str:
    """The same family has different names in the two formats: info without its suffix."""
    return family.removesuffix("_info")


def lost(before: frozenset[str], after: frozenset[str]) -> tuple[str, ...]:
    """Families seen before that are not even declared any more.

    `_created` series are families in one format and part of their family in the other.
    """
    return tuple(sorted(name for name in before - after if not name.endswith("_created")))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:160]
