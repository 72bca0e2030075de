"""Cells on real hosts, one a worker. Each outcome is kept, so that a long run can be taken up.

pytest -n 3 tests/chaos                 each step with one of the faults, each fault somewhere
pytest -n 3 tests/chaos --every-cell    all of them; what held for this very code is passed over
"""

from collections.abc import Callable

import pytest

from deployctl.lab.service import Lab
from tests.lab.client import Client
from tests.lab.conftest import first_server, lab, server, worker
from tests.lab.server import Server

from . import table

__all__ = ["first_server", "lab", "server", "worker"]
QUICK = {
    "rollout": {"min_healthy": "1s", "deadline": "20s"},
    # The outage is measured from inside the host; a run's own look need not load it as well.
    "availability": {"interval": "100ms"},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-cell", action="store_true", help="chaos: all faults at all steps")


@pytest.fixture
def make(
    lab: Lab, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[type[Client]], Client]:
    """A client of that class with a home of its own."""

    def made(kind: type[Client]) -> Client:
        folder = tmp_path_factory.mktemp("client")
        return kind(lab.record, server.host.record, folder, QUICK)

    return made


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes = table.read(table.results_file())
    if outcomes:
        terminalreporter.section("chaos: step x fault")
        for line in table.shown(outcomes):
            terminalreporter.write_line(line)
