"""SIGTERM and SIGHUP end a run in the same way as Ctrl-C: the earlier release comes back."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_PATIENCE = 2
"""How many more signals are answered with a sentence before one ends the process."""


@contextmanager
def interruptible(first: Callable[[], None]) -> Iterator[None]:
    """Within it the first signal calls `first` and raises KeyboardInterrupt in the main thread.

    The next ones don't: they would break off the rollback that the first one began. CI systems
    send two on their own account; who insists a fourth time is let go.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received = 0

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received == 1:
            first()
        if received == 1 or received > 1 + _PATIENCE:
            raise KeyboardInterrupt
        left = 2 + _PATIENCE - received
        sys.stderr.write(
            f"\ndeployctl is putting things in order; {left} more to leave now,"
            " with production in an unknown state.\n"
        )

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What is ignored stays ignored: nohup and background jobs ask for that.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
