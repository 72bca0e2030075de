"""What all tests share: no test depends on the machine's speed; the table of hard cases."""

from collections.abc import Iterator

import hypothesis
import pytest

from .cases import AREAS, Case

hypothesis.settings.register_profile("any speed", deadline=None)
hypothesis.settings.load_profile("any speed")


@pytest.fixture
def refusal(request: pytest.FixtureRequest) -> Case:
    """The code and the sentence with which the case of this test is refused."""
    mark = request.node.get_closest_marker("case")
    assert mark is not None, "the test has no @refuses(…)"
    case: Case = mark.args[0]
    return case


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    # a property of the report crosses from a worker to the process that prints
    report.user_properties += [
        ("case", [case.area, case.name, case.outcome])
        for mark in item.iter_markers("case")
        for case in mark.args
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows: dict[tuple[str, str, str], str] = {}
    for state in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(state):
            for key, value in getattr(report, "user_properties", []):
                if key == "case" and (report.when == "call" or state != "passed"):
                    area, name, outcome = value
                    rows[area, name, outcome] = state
    if not rows:
        return
    terminalreporter.section("hard cases")
    for (area, name, outcome), state in sorted(rows.items(), key=lambda row: _place(row[0])):
        shown = "seen" if state == "passed" else state.upper()
        terminalreporter.write_line(f"{area:24} | {name:56} | {outcome} | {shown}")
    held = sum(state == "passed" for state in rows.values())
    terminalreporter.write_line(f"{held} of {len(rows)} cases held")


def _place(row: tuple[str, str, str]) -> tuple[int, str]:
    return AREAS.index(row[0]), row[1]
