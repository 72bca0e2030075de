"""The hard cases that tests hold: what deployctl works with, and what it refuses, and how.

A test marked by `works` or `refuses` is the proof of one line of the README's section "What it
works with", which `script/works-with --write` makes from these marks. A run of the tests prints the
same table with what it saw.
"""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
AREAS = (
    "Hosts",
    "Reaching a host",
    "Compose files",
    "Sources",
    "Prometheus and endpoints",
    "Playbooks",
    "Hostile input",
)


ROLLED_BACK = {21, 24}
"""Codes of a run that had switched; all others end before anything is changed."""


@dataclass(frozen=True)
class Case:
    """One line of the table; `code` and `sentence` are 0 and empty where it works."""

    area: str
    name: str
    code: int = 0
    sentence: str = ""

    @property
    def outcome(self) -> str:
        if not self.code:
            return "works"
        ended = "rolled back" if self.code in ROLLED_BACK else "refused"
        return f"{ended} ({self.code}): {self.sentence}"


CASES: dict[tuple[str, str], Case] = {}


def works(area: str, name: str) -> pytest.MarkDecorator:
    """The test shows that deployctl does its job in this case."""
    return _marked(Case(area, name))


def refuses(area: str, name: str, code: int, sentence: str) -> pytest.MarkDecorator:
    """The test shows that deployctl refuses with this code and says this sentence.

    The fixture `refusal` gives the case to the test, which asserts with its code and sentence.
    """
    return _marked(Case(area, name, code, sentence))


def _marked(case: Case) -> pytest.MarkDecorator:
    assert case.area in AREAS, case.area
    assert CASES.setdefault((case.area, case.name), case) == case, f"{case.name}: two outcomes"
    return pytest.mark.case(case)


def collected() -> list[Case]:
    """Every case of the tests, by area and name."""
    for path in sorted(TESTS.rglob("test_*.py")):
        if re.search(r"^from .*cases import ", path.read_text(), re.MULTILINE):
            parts = path.relative_to(TESTS.parent).with_suffix("").parts
            importlib.import_module(".".join(parts))
    return sorted(CASES.values(), key=lambda case: (AREAS.index(case.area), case.code, case.name))


def markdown() -> str:
    """The README's section: for each area what works, then what is refused and how."""
    return "\n".join(_lines(collected())) + "\n"


def _lines(cases: list[Case]) -> Iterator[str]:
    for area in AREAS:
        own = [case for case in cases if case.area == area]
        if not own:
            continue
        yield f"**{area}.** {'; '.join(case.name for case in own if not case.code) or 'None'}."
        yield ""
        rolled_back = [case for case in own if case.code in ROLLED_BACK]
        refused = [case for case in own if case.code and case not in rolled_back]
        yield from _list("Refused, with nothing changed:", refused)
        yield from _list("Rolled back to what held before:", rolled_back)


def _list(title: str, cases: list[Case]) -> Iterator[str]:
    if not cases:
        return
    yield title
    yield ""
    for case in cases:
        yield f"- {case.name} ({case.code}): {case.sentence}"
    yield ""
