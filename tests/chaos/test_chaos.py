"""Every fault at every step: afterwards one whole release serves, and the host is at rest."""

import itertools
from collections.abc import Callable

import pytest

from tests.lab.client import Client
from tests.lab.server import Server

from . import table
from .cell import play
from .faults import EDITED_AND_KILLED, FAULTS, NAME_LOST, NAME_LOST_RUNNING, Fault
from .steps import Step, steps


def cells(*, every: bool) -> list[tuple[Step, Fault]]:
    """All, or each step with one fault, in turn, so that each fault is there several times."""
    if every:
        return list(itertools.product(steps(), FAULTS))
    return [(step, FAULTS[n % len(FAULTS)]) for n, step in enumerate(steps())]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cell" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-cell")
        chosen = cells(every=every)
        if every:
            done = {(o.step, o.fault) for o in table.read(table.results_file()) if o.held}
            chosen = [(s, f) for s, f in chosen if (str(s), f.name) not in done]
        metafunc.parametrize("cell", chosen, ids=lambda cell: f"{cell[0]}-{cell[1].name}")


@pytest.mark.lab
def test_production_comes_back(
    cell: tuple[Step, Fault], server: Server, make: Callable[[type[Client]], Client]
) -> None:
    outcome = play(server, make, *cell)
    table.keep(table.results_file(), outcome)
    assert outcome.held, "\n".join(outcome.wrong)


@pytest.mark.lab
def test_what_was_put_back_into_somebodys_edit_is_known_again(
    server: Server, make: Callable[[type[Client]], Client]
) -> None:
    """The file is neither that of before nor ours by then; whoever takes over must know it."""
    step = Step("failing-hotfix", "host", "restore-file")
    outcome = play(server, make, step, EDITED_AND_KILLED)
    assert outcome.held, "\n".join(outcome.wrong)


@pytest.mark.lab
@pytest.mark.parametrize("fault", [NAME_LOST, NAME_LOST_RUNNING], ids=lambda fault: fault.name)
def test_a_container_that_compose_left_without_its_name_gets_it(
    fault: Fault, server: Server, make: Callable[[type[Client]], Client]
) -> None:
    """It has the right image by then, so that Compose would only start it."""
    outcome = play(server, make, Step("rollback", "host", "state-swapped"), fault)
    assert outcome.held, "\n".join(outcome.wrong)
