"""A call beside the run: its answer where it is asked for, and nobody who waits for it else."""

import threading

import pytest

from deployctl.rollout.aside import aside


def test_the_answer_is_there_where_it_is_asked_for() -> None:
    assert aside(lambda: 7).result(1) == 7


def test_so_is_what_it_raised() -> None:
    def fail() -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        aside(fail).result(1)


def test_the_end_of_the_process_does_not_wait_for_it() -> None:
    over = threading.Event()
    answer = aside(lambda: over.wait(10))
    [thread] = [each for each in threading.enumerate() if each.name == "aside"]
    assert thread.daemon
    over.set()
    assert answer.result(1)
