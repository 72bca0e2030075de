"""What a job's log says of a rollback's time."""

import pytest

from bench.bed import BenchError
from bench.putback import PutBack, steps, up_seconds

LOG = (
    "10.00\tstate\trolling_back the gate failed\n"
    "10.20\tstep\trestore-file /opt/c.yml\n"
    "10.30\tnote\tforeign-edit\tkept\n"
    "10.50\tstep\trestore-service api\n"
    "12.00\tstep\tforget-release\n"
    "12.10\tstate\trolled_back the gate failed\n"
    "12.20\tend\n"
)


def test_steps_and_states_have_their_times() -> None:
    found = steps(LOG)
    assert found[0] == (10.0, "state rolling_back the gate failed")
    assert [at for at, _ in found] == [10.0, 10.2, 10.5, 12.0, 12.1]


def test_the_containers_time_is_that_of_one_step() -> None:
    assert up_seconds(steps(LOG)) == pytest.approx(1.5)


def test_a_log_without_it_says_so() -> None:
    with pytest.raises(BenchError):
        up_seconds(steps("10.00\tstate\tconfirmed\n"))


def test_the_cost_is_what_is_left() -> None:
    assert PutBack(total=2100.0, up=1500.0).cost == pytest.approx(600.0)
