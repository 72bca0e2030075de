"""A call that goes on beside the run."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def aside(call: Callable[[], T]) -> "Future[T]":
    """Starts the call; `result()` waits for its answer, or raises what it raised.

    Whoever no longer wants the answer (Ctrl-C, a host that can't be reached) doesn't wait for it,
    and neither does the end of the process: that is what an executor would do.
    """
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is asked for
            answer.set_exception(error)

    threading.Thread(target=work, name="aside", daemon=True).start()
    return answer
