"""The chaos suite knows every step that the code can come to."""

from tests.chaos.broken_client import halting
from tests.chaos.faults import FAULTS
from tests.chaos.steps import ON_HOST, ONLY_AFTER_A_FAULT, host_steps, steps
from tests.chaos.test_chaos import cells


def test_every_step_of_the_hosts_job_is_in_some_journey() -> None:
    known = {name for names in ON_HOST.values() for name in names}
    assert known | ONLY_AFTER_A_FAULT == host_steps()


def test_every_step_and_every_fault_is_in_the_short_form() -> None:
    short = cells(every=False)
    assert {step for step, _ in short} == set(steps())
    assert {fault.name for _, fault in short} == {fault.name for fault in FAULTS}


def test_the_whole_is_every_fault_at_every_step() -> None:
    assert len(cells(every=True)) == len(steps()) * len(FAULTS)


def test_the_job_halts_at_what_it_writes_down() -> None:
    assert halting("job").count('halt "${1%% *}"') == 1
    assert "halt" not in halting("lib")
